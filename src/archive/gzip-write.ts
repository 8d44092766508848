/**
 * Writing gzip that depends on nothing but the data and the level: no time, no name, and 255
 * ("unknown") as the operating system (RFC 1952, section 2.3.1). The deflate data may still differ
 * between versions of zlib.
 *
 * A stream is packed in blocks, several at once on the threads of the pool. Each knows the end of the
 * block before it, as if they were packed in turn, and ends at a whole byte, so that they join to one
 * deflate stream. Blocks have one size everywhere: the number of processors does not show.
 */
import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions } from "node:zlib";
import { concatBytes, emptyBytes, type Chunks } from "../base/index.ts";
import { engineChunkSize, regroup } from "./engine.ts";
import { trailerSize } from "./gzip-member.ts";

export interface GzipOptions {
  /** From 1, fast, to 9, small; 6 unless told. */
  readonly level?: number | undefined;
}

const defaultLevel = 6;

/** Large enough that what is lost at its end, a few bytes, does not count. */
const blockSize = 1024 * 1024;
/** How far back deflate refers (RFC 1951, section 2). */
const windowSize = 32 * 1024;
/** As many as the pool has threads. */
const blocksAtOnce = 4;

/** Packs a stream into one gzip member. */
export async function* gzip(source: Chunks, options: GzipOptions = {}): AsyncGenerator<Uint8Array> {
  const level = options.level ?? defaultLevel;
  let crc = 0;
  let size = 0;
  const packing: Promise<Uint8Array>[] = [];
  let before: Uint8Array = emptyBytes;
  let held: Uint8Array = emptyBytes;
  const pack = (isLast: boolean): void => {
    const packed = deflateBlock(held, before, level, isLast);
    // When the source fails, nobody waits for it any more.
    packed.catch(() => undefined);
    packing.push(packed);
    before = held;
  };
  yield header(level);
  for await (const block of regroup(source, blockSize)) {
    crc = crc32(block, crc);
    size += block.byteLength;
    if (held.byteLength > 0) pack(false);
    held = block;
    if (packing.length >= blocksAtOnce) yield await packing.shift()!;
  }
  pack(true);
  for (const packed of packing) yield await packed;
  yield trailer(crc, size);
}

function deflateBlock(
  block: Uint8Array,
  before: Uint8Array,
  level: number,
  isLast: boolean,
): Promise<Uint8Array> {
  const options: ZlibOptions = {
    level,
    chunkSize: engineChunkSize,
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    ...(before.byteLength === 0 ? {} : { dictionary: before.subarray(-windowSize) }),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(block, options, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
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
