/** Writing a layer: a tar becomes a blob in one pass that compresses it and hashes both sides. */
import { gzip, zstd } from "../archive/index.ts";
import { defaultLimits, startHash, type Chunks, type Digest, type Limits } from "../base/index.ts";
import { type BlobStore } from "./blobs.ts";
import { layerOf, type Layer } from "./layer.ts";
import { layerMediaType, type LayerCompression } from "./media-type.ts";

export interface LayerWriteOptions {
  /** Default gzip: what every client reads. */
  readonly compression?: LayerCompression;
  /** In the compressor's own scale; its default when absent. */
  readonly level?: number;
  readonly limits?: Limits;
}

/**
 * Stores a tar as a layer. The same tar gives the same diff id always, and the same digest with the
 * same version of the compressor.
 */
export async function writeLayer(
  tar: Chunks,
  store: BlobStore,
  options: LayerWriteOptions = {},
): Promise<Layer> {
  const { compression = "gzip", limits = defaultLimits } = options;
  const settings = options.level === undefined ? {} : { level: options.level };
  const unpacked = startMeter();
  const stored = compression === "none" ? unpacked : startMeter();
  const writer = await store.begin();
  try {
    const measured = unpacked.through(tar);
    const compressed =
      compression === "none"
        ? measured
        : stored.through(
            compression === "gzip" ? gzip(measured, settings) : zstd(measured, settings),
          );
    for await (const chunk of compressed) await writer.write(chunk);
    const { digest: diffId, size: unpackedSize } = unpacked.end();
    const { digest, size } =
      stored === unpacked ? { digest: diffId, size: unpackedSize } : stored.end();
    await writer.commit({ digest, size });
    const descriptor = { mediaType: layerMediaType(compression), digest, size };
    return layerOf({ descriptor, diffId, unpackedSize }, store, limits);
  } finally {
    await writer.abort();
  }
}

/** Hashes and counts a stream on its way. */
function startMeter() {
  const running = startHash("sha256");
  let size = 0;
  return {
    async *through(chunks: Chunks): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        running.update(chunk);
        size += chunk.byteLength;
        yield chunk;
      }
    },
    end: (): { digest: Digest; size: number } => ({ digest: `sha256:${running.hex()}`, size }),
  };
}
