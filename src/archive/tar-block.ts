/**
 * The fields of a tar header block of 512 bytes: octal and base-256 numbers, texts, the checksum
 * (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
 */
import { decodeName } from "../base/index.ts";
import { blockSize } from "./tar-header.ts";

/** Where a field stands in a block, in bytes. */
export interface Field {
  readonly at: number;
  readonly size: number;
}

export const fields = {
  name: { at: 0, size: 100 },
  mode: { at: 100, size: 8 },
  uid: { at: 108, size: 8 },
  gid: { at: 116, size: 8 },
  size: { at: 124, size: 12 },
  mtime: { at: 136, size: 12 },
  checksum: { at: 148, size: 8 },
  type: { at: 156, size: 1 },
  linkName: { at: 157, size: 100 },
  magic: { at: 257, size: 8 },
  userName: { at: 265, size: 32 },
  groupName: { at: 297, size: 32 },
  deviceMajor: { at: 329, size: 8 },
  deviceMinor: { at: 337, size: 8 },
  prefix: { at: 345, size: 155 },
  /** star's dialect: a shorter prefix, two times, and the word `tar` at the end of the block. */
  starPrefix: { at: 345, size: 131 },
  starTrailer: { at: 508, size: 4 },
} as const satisfies Record<string, Field>;

const space = 0x20;
const zeroDigit = 0x30;

export function isZeroBlock(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + blockSize; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Whether the block's checksum holds; some old tars added the bytes up as signed numbers. */
export function checksumHolds(bytes: Uint8Array, start: number): boolean {
  const stated = readNumber(bytes, start, fields.checksum);
  const skipFrom = start + fields.checksum.at;
  const skipTo = skipFrom + fields.checksum.size;
  let sum = fields.checksum.size * space;
  let high = 0;
  for (let at = start; at < skipFrom; at++) {
    const byte = bytes[at]!;
    sum += byte;
    high += byte >> 7;
  }
  for (let at = skipTo; at < start + blockSize; at++) {
    const byte = bytes[at]!;
    sum += byte;
    high += byte >> 7;
  }
  return stated === sum || stated === sum - 256 * high;
}

/** The number in a field, 0 when it is blank, undefined when it is none that can be held exactly. */
export function readNumber(bytes: Uint8Array, start: number, field: Field): number | undefined {
  let at = start + field.at;
  const end = at + field.size;
  if (bytes[at]! >= 0x80) return readBase256(bytes, at, end);
  while (at < end && bytes[at] === space) at++;
  let value = 0;
  const firstDigit = at;
  for (; at < end; at++) {
    const digit = bytes[at]! - zeroDigit;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at === firstDigit) {
    for (; at < end; at++) if (bytes[at] !== 0 && bytes[at] !== space) return undefined;
    return 0;
  }
  if (at < end && bytes[at] !== 0 && bytes[at] !== space) return undefined;
  return value;
}

/** GNU's binary numbers: big-endian two's complement of which the top bit is a mark. */
function readBase256(bytes: Uint8Array, start: number, end: number): number | undefined {
  const lead = bytes[start]!;
  const negative = (lead & 0x40) !== 0;
  let value = negative ? (lead & 0x3f) - 0x40 : lead & 0x3f;
  for (let at = start + 1; at < end; at++) {
    value = value * 256 + bytes[at]!;
    if (!Number.isSafeInteger(value)) return undefined;
  }
  return value;
}

/** Writes a number in octal, or in base-256 where octal cannot hold it. */
export function writeNumber(block: Uint8Array, field: Field, value: number): void {
  const digits = field.size - 1;
  if (fitsOctal(value, field)) {
    let rest = value;
    for (let at = field.at + digits - 1; at >= field.at; at--) {
      block[at] = zeroDigit + (rest % 8);
      rest = Math.floor(rest / 8);
    }
    return;
  }
  let rest = value;
  for (let at = field.at + field.size - 1; at > field.at; at--) {
    block[at] = rest - Math.floor(rest / 256) * 256;
    rest = Math.floor(rest / 256);
  }
  block[field.at] = value < 0 ? 0xff : 0x80;
}

export function fitsOctal(value: number, field: Field): boolean {
  return value >= 0 && value < 8 ** (field.size - 1);
}

export function writeChecksum(block: Uint8Array): void {
  const { at, size } = fields.checksum;
  block.fill(space, at, at + size);
  let sum = 0;
  for (const byte of block) sum += byte;
  writeNumber(block, { at, size: size - 1 }, sum);
  block[at + size - 2] = 0;
}

/** The text of a field, up to its first NUL byte. */
export function readText(bytes: Buffer, start: number, field: Field): string {
  const from = start + field.at;
  const limit = from + field.size;
  let end = from;
  let seen = 0;
  for (; end < limit; end++) {
    const byte = bytes[end]!;
    if (byte === 0) break;
    seen |= byte;
  }
  if (end === from) return "";
  return seen < 0x80 ? bytes.toString("latin1", from, end) : decodeName(bytes.subarray(from, end));
}

/** Whether a field holds exactly this ASCII text; spares decoding the same owner for every entry. */
export function holdsText(bytes: Uint8Array, start: number, field: Field, text: string): boolean {
  const from = start + field.at;
  const length = text.length;
  if (length < field.size && bytes[from + length] !== 0) return false;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80 || bytes[from + index] !== code) return false;
  }
  return true;
}
