/** A sample image for benchmarks: Alpine's 3.19 root below layers of made-up files, as an OCI layout. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { tarHeader, writeTar, type TarItem } from "../src/archive/index.ts";
import { bytesContent } from "../src/base/index.ts";
import {
  createLayout,
  makeImage,
  parsePlatform,
  writeLayer,
  type Layer,
} from "../src/oci/index.ts";
import { minirootfs } from "./reference.ts";

const MiB = 1024 * 1024;

export interface SampleOptions {
  readonly layers: number;
  /** MiB of the files in each. */
  readonly size: number;
  /** Bytes of one file. */
  readonly fileSize: number;
  /** How far the files can be compressed: of each 64 bytes, so many are random. */
  readonly random: number;
}

/** Writes the image into a folder, named `sample`; gives the compressed bytes of its layers. */
export async function writeSampleImage(folder: string, options: SampleOptions): Promise<number> {
  const layout = await createLayout(folder);
  const layers: Layer[] = [
    await writeLayer([gunzipSync(readFileSync(minirootfs))], layout.blobs, { level: 1 }),
  ];
  for (let layer = 0; layer < options.layers; layer++)
    layers.push(await writeLayer(layerTar(layer, options), layout.blobs, { level: 1 }));
  const image = makeImage({
    platform: parsePlatform("linux/amd64"),
    layers,
    history: layers.map((_, at) => ({ created_by: `layer ${at}` })),
  });
  await layout.put(image, { name: "sample" });
  return layers.reduce((sum, { size }) => sum + size, 0);
}

function layerTar(layer: number, { size, fileSize, random }: SampleOptions) {
  const files = Math.ceil((size * MiB) / fileSize);
  let state = (layer + 1) * 0x9e3779b9;
  const items: TarItem[] = Array.from({ length: files }, (_, at) => {
    const bytes = new Uint8Array(fileSize);
    for (let byte = 0; byte < fileSize; byte++)
      if (byte % 64 < random) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        bytes[byte] = state >>> 24;
      }
    const path = join("srv", `layer-${layer}`, `folder-${at % 50}`, `file-${at}`);
    return {
      header: tarHeader({ path, type: "file", size: fileSize }),
      content: bytesContent(bytes),
    };
  });
  return writeTar(items);
}
