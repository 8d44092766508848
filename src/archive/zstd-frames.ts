/**
 * The frames of a zstd stream (RFC 8878, section 3). node:zlib ends at the first frame's end when more
 * follows in the same chunk, and takes a frame that is cut off for a whole one; so the frames are
 * walked here, by the sizes that their blocks state, and only the contents are left to it.
 */
import { BivyError, defaultLimits, limitExceeded } from "../base/index.ts";
import type { ChunkInput, ReadOptions } from "./chunk-input.ts";

const frameMagic = 0xfd2fb528;
/** The low four bits of a skippable frame's magic number are free. */
const skippableMagic = 0x184d2a50;

const lastBlockFlag = 1;
const blockTypeRle = 1;
const blockTypeReserved = 3;

/** Whether the bytes begin as a zstd frame, or as a skippable one. */
export function startsAsZstd(bytes: Uint8Array): boolean {
  if (bytes.byteLength < 4) return false;
  const magic = littleEndian(bytes, 0, 4);
  return magic === frameMagic || isSkippable(magic);
}

function isSkippable(magic: number): boolean {
  return magic - (magic % 16) === skippableMagic;
}

function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = size - 1; index >= 0; index--) value = value * 256 + bytes[at + index]!;
  return value;
}

/**
 * The compressed bytes of all data frames, in pieces that never span two frames; skippable frames are
 * left out. Throws `zstd-invalid` and `zstd-truncated`.
 */
export async function* zstdFrames(
  input: ChunkInput,
  options: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const { subject, limits = defaultLimits } = options;
  for (let index = 0; index === 0 || (await input.fill()); index++) {
    if (index >= limits.entries) throw limitExceeded("entries", limits, subject);
    const start = input.position;
    const magic = await peek(4);
    if (!startsAsZstd(magic)) throw notAFrame(start);
    if (isSkippable(littleEndian(magic, 0, 4))) {
      const header = await peek(8);
      input.advance(8);
      for await (const _ of pass(littleEndian(header, 4, 4)));
    } else yield* joinAdjacent(frame());
  }

  /** Frame_Header, Data_Blocks and Content_Checksum. */
  async function* frame(): AsyncGenerator<Uint8Array> {
    const descriptor = (await peek(5))[4]!;
    const singleSegment = (descriptor & 0x20) !== 0;
    const contentSizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
    yield* pass(5 + (singleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes);
    while (true) {
      const header = littleEndian(await peek(3), 0, 3);
      const type = (header >> 1) & 3;
      if (type === blockTypeReserved) throw zstdInvalid(subject, "a block is of the reserved type");
      yield* pass(3 + (type === blockTypeRle ? 1 : header >> 3));
      if ((header & lastBlockFlag) !== 0) break;
    }
    if ((descriptor & 0x04) !== 0) yield* pass(4);
  }

  async function peek(count: number): Promise<Uint8Array> {
    await input.ensure(count);
    if (input.available < count) throw truncated();
    return input.buffered;
  }

  async function* pass(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (!(await input.fill())) throw truncated();
      const size = Math.min(left, input.available);
      const piece = input.buffered.subarray(0, size);
      input.advance(size);
      left -= size;
      yield piece;
    }
  }

  function truncated(): BivyError {
    const end = input.position + input.available;
    return new BivyError(
      "zstd-truncated",
      `${subject}: the zstd data ends at byte ${end}, inside a frame`,
      {
        hint: "The file is incomplete; fetch it again.",
      },
    );
  }

  function notAFrame(position: number): BivyError {
    return position === 0
      ? zstdInvalid(subject, "expected zstd data (28 b5 2f fd)")
      : zstdInvalid(subject, `bytes that are not zstd follow the last frame, at byte ${position}`);
  }
}

/** Joins pieces that lie side by side in one chunk, so that a block is not handed on in two pieces. */
async function* joinAdjacent(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  for await (const piece of pieces) {
    if (held === undefined) held = piece;
    else if (held.buffer === piece.buffer && held.byteOffset + held.byteLength === piece.byteOffset)
      held = new Uint8Array(held.buffer, held.byteOffset, held.byteLength + piece.byteLength);
    else {
      yield held;
      held = piece;
    }
  }
  if (held !== undefined) yield held;
}

export function zstdInvalid(subject: string, reason: string, cause?: unknown): BivyError {
  return new BivyError("zstd-invalid", `${subject}: ${reason}`, {
    cause,
    hint: "The file is damaged or not zstd; fetch it again.",
  });
}
