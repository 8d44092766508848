/**
 * Flattening: an image with one layer in place of all that it has, which holds the tree that they
 * give together.
 *
 * The first pass over the layers gives the tree, without contents. The second one carries the contents
 * of the files that are left straight into the new layer, in the order in which they stream by:
 * nothing is unpacked, and no content is kept (see src/tree/flat-items.ts).
 */
import { writeTar, type TarItem } from "../archive/index.ts";
import { flatItems, nodeHeader, type LayeredTree } from "../tree/index.ts";
import { imageFromConfig } from "./assemble.ts";
import type { BlobStore } from "./blobs.ts";
import type { HistoryEntry } from "./config.ts";
import type { Image } from "./image.ts";
import { readImageTree } from "./image-tree.ts";
import { writeLayer, type LayerWriteOptions } from "./layer-write.ts";

export interface FlattenOptions extends LayerWriteOptions {
  /** What the history says of the new layer. */
  readonly history?: HistoryEntry;
  readonly signal?: AbortSignal;
}

/**
 * The image with one layer, which is written to `store`. Its settings stay; of its history, which
 * tells of layers that are no more, one entry is left. The same image gives the same layer.
 */
export async function flattenImage(
  image: Image,
  store: BlobStore,
  options: FlattenOptions = {},
): Promise<Image> {
  const tree = await readImageTree(image, options);
  const layer = await writeLayer(writeTar(itemsOf(tree, options.signal)), store, options);
  const config = await image.config();
  const { annotations } = await image.manifest();
  const made: HistoryEntry = {
    ...(config.created === undefined ? {} : { created: config.created }),
    created_by: "bivy image flatten",
    comment: `${tree.layers.length} layers in one`,
  };
  return imageFromConfig(
    { ...config, history: [options.history ?? made] },
    [layer],
    annotations,
    options.limits,
  );
}

/** The folder of the root itself has an entry where a layer has one. */
async function* itemsOf(
  tree: LayeredTree,
  signal: AbortSignal | undefined,
): AsyncGenerator<TarItem> {
  if (tree.layerOf("") !== undefined) yield { header: nodeHeader(".", tree.top) };
  yield* flatItems(tree.top, signal);
}
