/**
 * Zip: reading an archive that is in memory (PKWARE APPNOTE 6.3.10). The central directory at its end
 * says what it holds; local headers are read only to find where the data of an entry begins.
 *
 * Read are stored and deflated entries, with bytes in front of the archive (a script that starts it).
 * Refused are archives of several disks, zip64, which no archive below 4 GiB and 65535 entries needs,
 * and encrypted entries. Data may overlap, so what is read out is counted against one meter.
 */
import { crc32 } from "node:zlib";
import { BivyError, decodeName, defaultLimits, limitExceeded } from "../base/index.ts";
import type { ReadOptions } from "./chunk-input.ts";
import { inflateWhole } from "./gzip-member.ts";
import { UnpackMeter } from "./unpack-meter.ts";

export interface ZipEntry {
  /** As it is written, which may be a path that climbs; a folder's ends in `/`. */
  readonly name: string;
  /** Bytes once unpacked, as the central directory states it. */
  readonly size: number;
  readonly compressedSize: number;
  /** 0 for stored, 8 for deflated; others cannot be read. */
  readonly method: number;
  readonly encrypted: boolean;
  readonly crc32: number;
  /** Where its local header begins, in the bytes of the archive. */
  readonly offset: number;
}

export interface ZipArchive {
  /** In the order of the central directory. */
  readonly entries: readonly ZipEntry[];
  /** The unpacked bytes of an entry, verified. Throws `zip-invalid` and `limit-exceeded`. */
  read(entry: ZipEntry): Uint8Array;
}

export interface ZipOptions extends ReadOptions {
  /** Counts what is read out; one for archives inside each other, so that it bounds all of them. */
  readonly meter?: UnpackMeter;
}

const endSignature = 0x06054b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endSize = 22;
const centralSize = 46;
const localSize = 30;
const longestComment = 0xffff;
/** Paths in archives are shorter than those of Linux (PATH_MAX). */
const longestName = 4096;

/** Whether the bytes begin as an archive with an entry does. */
export function looksLikeZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;
}

/** Reads the directory of an archive. Throws `zip-invalid` and `limit-exceeded`. */
export function readZip(bytes: Uint8Array, options: ZipOptions): ZipArchive {
  const { subject, limits = defaultLimits, meter = new UnpackMeter(options) } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view, subject);
  if (end.count > limits.entries) throw limitExceeded("entries", limits, subject);
  const entries: ZipEntry[] = [];
  let at = end.directory;
  for (let index = 0; index < end.count; index++) {
    if (at + centralSize > end.position || view.getUint32(at, true) !== centralSignature)
      throw zipInvalid(subject, `expected ${end.count} entries, found ${index}`);
    const nameSize = view.getUint16(at + 28, true);
    const next = at + centralSize + nameSize + view.getUint16(at + 30, true);
    if (nameSize > longestName)
      throw zipInvalid(subject, `the name of entry ${index} has ${nameSize} bytes`);
    if (next > end.position) throw zipInvalid(subject, `entry ${index} is cut off`);
    entries.push(readCentral(view, at, nameSize, end.start));
    at = next + view.getUint16(at + 32, true);
  }
  return { entries, read: (entry) => readEntry(view, entry, { subject, meter }) };
}

interface DirectoryEnd {
  /** Where the end record stands. */
  readonly position: number;
  readonly directory: number;
  readonly count: number;
  /** Bytes in front of the archive, which its offsets do not count. */
  readonly start: number;
}

function findEnd(view: DataView, subject: string): DirectoryEnd {
  const last = view.byteLength - endSize;
  for (let at = last; at >= Math.max(0, last - longestComment); at--) {
    if (view.getUint32(at, true) !== endSignature) continue;
    if (view.getUint16(at + 20, true) > last - at) continue;
    const count = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 12, true);
    const offset = view.getUint32(at + 16, true);
    if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff)
      throw zipInvalid(subject, "zip64 is not supported");
    if (view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 8, true) !== count)
      throw zipInvalid(subject, "archives of several disks are not supported");
    const start = at - size - offset;
    if (start < 0) throw zipInvalid(subject, "the central directory is cut off");
    return { position: at, directory: at - size, count, start };
  }
  throw zipInvalid(subject, "there is no end of a central directory");
}

function readCentral(view: DataView, at: number, nameSize: number, start: number): ZipEntry {
  const name = new Uint8Array(view.buffer, view.byteOffset + at + centralSize, nameSize);
  return {
    name: decodeName(name),
    encrypted: (view.getUint16(at + 8, true) & 1) !== 0,
    method: view.getUint16(at + 10, true),
    crc32: view.getUint32(at + 16, true),
    compressedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    offset: start + view.getUint32(at + 42, true),
  };
}

function readEntry(
  view: DataView,
  entry: ZipEntry,
  { subject, meter }: { subject: string; meter: UnpackMeter },
): Uint8Array {
  const { offset, compressedSize, size, method } = entry;
  const invalid = (reason: string) =>
    zipInvalid(subject, `entry ${JSON.stringify(entry.name.slice(0, 200))}: ${reason}`);
  if (entry.encrypted) throw invalid("it is encrypted");
  if (offset + localSize > view.byteLength || view.getUint32(offset, true) !== localSignature)
    throw invalid(`expected its header at byte ${offset}`);
  const begin =
    offset + localSize + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (begin + compressedSize > view.byteLength) throw invalid("it is cut off");
  const packed = new Uint8Array(view.buffer, view.byteOffset + begin, compressedSize);
  if (size > meter.remaining(view.byteLength)) throw meter.excess(view.byteLength);
  const unpacked = method === 0 ? packed : method === 8 ? tryInflate(packed, size) : undefined;
  if (unpacked === undefined)
    throw invalid(
      method === 8
        ? `its deflate data is damaged, or has more than ${size} bytes`
        : `compression method ${method}; expected 0 or 8`,
    );
  meter.add(unpacked.byteLength, view.byteLength);
  if (unpacked.byteLength !== size)
    throw invalid(`expected ${size} bytes, found ${unpacked.byteLength}`);
  if (crc32(unpacked) !== entry.crc32) throw invalid("its bytes do not match their CRC-32");
  return unpacked;
}

function tryInflate(packed: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return inflateWhole(packed, size).unpacked;
  } catch {
    return undefined;
  }
}

function zipInvalid(subject: string, reason: string): BivyError {
  return new BivyError("zip-invalid", `${subject}: ${reason}`, {
    hint: "The archive is damaged, or of a kind that cannot be read.",
  });
}
