/** Compression: which one a stream has, told by its first bytes. */
import type { Chunks } from "../base/index.ts";
import { ChunkInput, type ReadOptions } from "./chunk-input.ts";
import { startsAsGzip } from "./gzip-member.ts";
import { gunzip } from "./gzip-read.ts";
import { unzstd } from "./zstd.ts";
import { startsAsZstd } from "./zstd-frames.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Bytes that `detectCompression` needs. */
const detectionSize = 4;

/** The compression of a stream that begins with these bytes; four are enough. */
export function detectCompression(firstBytes: Uint8Array): Compression {
  if (startsAsGzip(firstBytes)) return "gzip";
  return startsAsZstd(firstBytes) ? "zstd" : "none";
}

/** Unpacks a stream of any known compression; a plain one passes through. */
export async function* decompress(
  source: Chunks,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const input = new ChunkInput(source);
  await input.ensure(detectionSize);
  const compression = detectCompression(input.buffered);
  const whole = remaining(input);
  if (compression === "gzip") yield* gunzip(whole, options);
  else if (compression === "zstd") yield* unzstd(whole, options);
  else yield* whole;
}

async function* remaining(input: ChunkInput): AsyncGenerator<Uint8Array> {
  try {
    while (await input.fill()) {
      const chunk = input.buffered;
      input.advance(chunk.byteLength);
      yield chunk;
    }
  } finally {
    await input.close();
  }
}
