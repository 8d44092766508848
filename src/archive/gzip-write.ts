/**
 * Writing gzip that depends on nothing but the data and the level: no time, no name, and 255
 * ("unknown") as the operating system (RFC 1952, section 2.3.1). The deflate data may still differ
 * between versions of zlib.
 */
import { crc32, createDeflateRaw, deflateRawSync } from "node:zlib";
import { concatBytes, type Chunks } from "../base/index.ts";
import { engineChunkSize, regroup, runEngine, wholeInput } from "./engine.ts";
import { trailerSize } from "./gzip-member.ts";

export interface GzipOptions {
  /** From 1, fast, to 9, small; 6 unless told. */
  readonly level?: number | undefined;
}

const defaultLevel = 6;

/** Packs a stream into one gzip member. */
export async function* gzip(source: Chunks, options: GzipOptions = {}): AsyncGenerator<Uint8Array> {
  const level = options.level ?? defaultLevel;
  let crc = 0;
  let size = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of regroup(source, engineChunkSize)) {
      crc = crc32(chunk, crc);
      size += chunk.byteLength;
      yield chunk;
    }
  }
  const pieces = counted();
  yield header(level);
  try {
    yield* runEngine(createDeflateRaw({ level, chunkSize: 64 * 1024 }), wholeInput(pieces));
  } finally {
    await pieces.return(undefined);
  }
  yield trailer(crc, size);
}

/** Packs bytes into one gzip member. */
export function gzipBytes(bytes: Uint8Array, options: GzipOptions = {}): Uint8Array {
  const level = options.level ?? defaultLevel;
  return concatBytes([
    header(level),
    deflateRawSync(bytes, { level }),
    trailer(crc32(bytes), bytes.byteLength),
  ]);
}

function header(level: number): Uint8Array {
  const extraFlags = level === 9 ? 2 : level === 1 ? 4 : 0;
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extraFlags, 255);
}

function trailer(crc: number, size: number): Uint8Array {
  const bytes = new Uint8Array(trailerSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, crc, true);
  view.setUint32(4, size % 2 ** 32, true);
  return bytes;
}
