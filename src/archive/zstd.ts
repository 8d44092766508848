/** zstd streams, read and written through node:zlib (RFC 8878). */
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import type { Chunks } from "../base/index.ts";
import { ChunkInput, type ReadOptions } from "./chunk-input.ts";
import { engineChunkSize, regroup, runEngine, wholeInput } from "./engine.ts";
import { UnpackMeter } from "./unpack-meter.ts";
import { zstdFrames, zstdInvalid } from "./zstd-frames.ts";

/**
 * Unpacks a zstd stream: its frames, joined. A frame that needs a window of more than 128 MiB is
 * refused, as by zstd itself. Throws `zstd-invalid`, `zstd-truncated` and `limit-exceeded`.
 */
export async function* unzstd(source: Chunks, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const input = new ChunkInput(source);
  const meter = new UnpackMeter(options);
  const frames = zstdFrames(input, options);
  try {
    const engine = createZstdDecompress({ chunkSize: engineChunkSize });
    for await (const chunk of runEngine(engine, wholeInput(frames))) {
      meter.add(chunk.byteLength, input.position);
      yield chunk;
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (typeof code !== "string" || !code.startsWith("ZSTD_error_")) throw error;
    throw zstdInvalid(
      options.subject,
      `the zstd data is damaged (${(error as Error).message})`,
      error,
    );
  } finally {
    await frames.return(undefined);
    await input.close();
  }
}

export interface ZstdOptions {
  /** From 1, fast, to 19, small; 3 unless told. */
  readonly level?: number | undefined;
}

/** Packs a stream into one zstd frame with a checksum. */
export async function* zstd(source: Chunks, options: ZstdOptions = {}): AsyncGenerator<Uint8Array> {
  const pieces = regroup(source, engineChunkSize);
  const engine = createZstdCompress({
    chunkSize: engineChunkSize,
    params: {
      [constants.ZSTD_c_compressionLevel]: options.level ?? 3,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  try {
    yield* runEngine(engine, wholeInput(pieces));
  } finally {
    await pieces.return(undefined);
  }
}
