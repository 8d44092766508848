/** Interruptible images: what reads the contents of one stops at the next chunk once a signal fires. */
import { throwIfAborted, type Chunks } from "../base/index.ts";
import type { Image, ImageIndex, ImageOrIndex } from "./image.ts";
import type { Layer } from "./layer.ts";

/** The same image; its blobs and layers fail with `aborted` once the signal has fired. */
export function interruptible(from: Image, signal: AbortSignal): Image;
export function interruptible(from: ImageOrIndex, signal: AbortSignal): ImageOrIndex;
export function interruptible(from: ImageOrIndex, signal: AbortSignal): ImageOrIndex {
  return from.kind === "index"
    ? interruptibleIndex(from, signal)
    : {
        ...from,
        blob: (descriptor) => {
          const content = from.blob(descriptor);
          return { ...content, chunks: () => whileWanted(content.chunks(), signal) };
        },
        layers: async () => (await from.layers()).map((layer) => interruptibleLayer(layer, signal)),
      };
}

function interruptibleIndex(from: ImageIndex, signal: AbortSignal): ImageIndex {
  return {
    ...from,
    children: async () =>
      (await from.children()).map(({ descriptor, open }) => ({
        descriptor,
        open: async () => interruptible(await open(), signal),
      })),
  };
}

function interruptibleLayer(layer: Layer, signal: AbortSignal): Layer {
  return {
    ...layer,
    compressed: () => whileWanted(layer.compressed(), signal),
    uncompressed: () => whileWanted(layer.uncompressed(), signal),
  };
}

async function* whileWanted(chunks: Chunks, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    throwIfAborted(signal);
    yield chunk;
  }
}
