/** The tree of an image: its layers, applied in memory. */
import {
  readLayers,
  type LayeredTree,
  type ReadLayersOptions,
  type TreeLayer,
} from "../tree/index.ts";
import type { Image } from "./image.ts";

/** The files of an image. A layer that is read again later is verified again. */
export async function readImageTree(
  image: Image,
  options: ReadLayersOptions = {},
): Promise<LayeredTree> {
  return readLayers(await treeLayers(image), options);
}

/** The layers of an image, lowest first, as a tree is made of them. */
export async function treeLayers(image: Image): Promise<readonly TreeLayer[]> {
  return (await image.layers()).map((layer) => ({
    subject: `${image.subject}: layer ${layer.digest}`,
    tar: () => layer.uncompressed(),
  }));
}
