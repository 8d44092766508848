/** One gzip member: its header, its trailer, and unpacking it whole (RFC 1952, section 2.3). */
import { crc32, inflateRawSync } from "node:zlib";
import { BivyError } from "../base/index.ts";

/** Bytes of the trailer: CRC32 and ISIZE. */
export const trailerSize = 8;
/** Bytes of a header without optional fields. */
export const smallestHeader = 10;

const flagHeaderCrc = 0x02;
const flagExtra = 0x04;
const flagName = 0x08;
const flagComment = 0x10;
const flagsReserved = 0xe0;

/** Whether the bytes begin as every gzip member does, as far as they go. */
export function startsAsGzip(bytes: Uint8Array): boolean {
  return bytes.byteLength >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * How many bytes at the start of `bytes` are a member's header; undefined when more are needed to
 * tell. Throws `gzip-invalid`.
 */
export function gzipHeaderLength(bytes: Uint8Array, subject: string): number | undefined {
  const length = bytes.byteLength;
  if (length < smallestHeader) return undefined;
  if (!startsAsGzip(bytes)) throw gzipInvalid(subject, "expected gzip data (1f 8b)");
  if (bytes[2] !== 8)
    throw gzipInvalid(subject, `compression method ${bytes[2]}; expected 8, deflate`);
  const flags = bytes[3]!;
  if ((flags & flagsReserved) !== 0) throw gzipInvalid(subject, "reserved header flags are set");
  let at = smallestHeader;
  if ((flags & flagExtra) !== 0) {
    if (length < at + 2) return undefined;
    at += 2 + bytes[at]! + bytes[at + 1]! * 256;
  }
  for (const flag of [flagName, flagComment]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end === -1) return undefined;
    at = end + 1;
  }
  if ((flags & flagHeaderCrc) !== 0) {
    if (length < at + 2) return undefined;
    const stated = bytes[at]! + bytes[at + 1]! * 256;
    if ((crc32(bytes.subarray(0, at)) & 0xffff) !== stated)
      throw gzipInvalid(subject, "the header does not match its checksum");
    at += 2;
  }
  return length < at ? undefined : at;
}

/** Compares a member's trailer with what was unpacked; `size` is modulo 2³² in the format. */
export function checkTrailer(
  trailer: Uint8Array,
  crc: number,
  size: number,
  subject: string,
): void {
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailerSize);
  if (view.getUint32(0, true) !== crc)
    throw gzipInvalid(subject, "the unpacked bytes do not match their CRC-32");
  if (view.getUint32(4, true) !== size % 2 ** 32)
    throw gzipInvalid(
      subject,
      `unpacks to ${size} bytes, its trailer says ${view.getUint32(4, true)}`,
    );
}

/** A deflate stream that was unpacked in one go. */
export interface Inflated {
  readonly unpacked: Uint8Array;
  /** Bytes of the deflate stream. */
  readonly taken: number;
}

/**
 * Unpacks the deflate stream at the start of `bytes`; what follows it is left alone. Throws what
 * node:zlib throws, ERR_BUFFER_TOO_LARGE once more than `limit` bytes come out.
 */
export function inflateWhole(bytes: Uint8Array, limit: number): Inflated {
  // With `info` the result is an object, which the type declarations do not know.
  const result = inflateRawSync(bytes, {
    info: true,
    // An allowance of zero bytes is no valid option; one byte too many is caught by the meter.
    maxOutputLength: Math.max(1, Math.min(limit, largestBuffer)),
  }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
  return { unpacked: result.buffer, taken: result.engine.bytesWritten };
}

/** Bytes that fit into one array on every platform that Node supports. */
const largestBuffer = 2 ** 32 - 1;

export function gzipInvalid(subject: string, reason: string, cause?: unknown): BivyError {
  return new BivyError("gzip-invalid", `${subject}: ${reason}`, {
    cause,
    hint: "The file is damaged or not gzip; fetch it again.",
  });
}

export function gzipTruncated(subject: string, position: number, inside: string): BivyError {
  return new BivyError(
    "gzip-truncated",
    `${subject}: the gzip data ends at byte ${position}, inside ${inside}`,
    {
      hint: "The file is incomplete; fetch it again.",
    },
  );
}
