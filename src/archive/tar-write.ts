/**
 * Writing tar archives: plain ustar where an entry fits into it, else with a PAX header before it
 * (POSIX.1-2017, pax). The same headers always give the same bytes.
 */
import { BivyError, encodeName, encodeText, type Content } from "../base/index.ts";
import { encodePax, formatPaxTime } from "./pax.ts";
import { fields, fitsOctal, writeChecksum, writeNumber, type Field } from "./tar-block.ts";
import {
  blockSize,
  largestDevice,
  largestId,
  quotePath,
  tarEnd,
  tarPadding,
  type TarHeader,
  type TarType,
} from "./tar-header.ts";

const typeFlags: Readonly<Record<TarType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/**
 * The header of an entry, with its PAX header when it needs one: a multiple of 512 bytes. Names that
 * are not ASCII go into PAX records, because only those state their character set. Throws
 * `tar-invalid` for a header that tar cannot hold.
 */
export function encodeTarHeader(header: TarHeader): Uint8Array {
  check(header);
  const records = new Map<string, Uint8Array>();
  const block = new Uint8Array(blockSize);
  const path = header.type === "directory" && header.path !== "/" ? `${header.path}/` : header.path;
  writePath(block, records, path);
  writeText(block, records, fields.linkName, "linkpath", header.linkPath);
  writeText(block, records, ownerName, "uname", header.userName);
  writeText(block, records, groupName, "gname", header.groupName);
  writeNumber(block, fields.mode, header.mode);
  writeSizedNumber(block, records, fields.uid, "uid", header.uid);
  writeSizedNumber(block, records, fields.gid, "gid", header.gid);
  writeSizedNumber(block, records, fields.size, "size", header.size);
  writeTime(block, records, header);
  writeDevice(block, records, fields.deviceMajor, "SCHILY.devmajor", header.deviceMajor);
  writeDevice(block, records, fields.deviceMinor, "SCHILY.devminor", header.deviceMinor);
  for (const [name, value] of header.xattrs) {
    checkKeyword(name, header.path);
    records.set(`SCHILY.xattr.${name}`, value);
  }
  for (const [key, value] of header.pax) addKept(records, key, value, header.path);
  finishBlock(block, typeFlags[header.type]);
  return records.size === 0 ? block : Buffer.concat([paxHeader(records, header.path), block]);
}

/** The last byte of an owner's field is a NUL; names and targets may fill theirs. */
const ownerName: Field = { at: fields.userName.at, size: fields.userName.size - 1 };
const groupName: Field = { at: fields.groupName.at, size: fields.groupName.size - 1 };

function check(header: TarHeader): void {
  const reason = unwritable(header);
  if (reason === undefined) return;
  throw new BivyError("tar-invalid", `tar entry ${quotePath(header.path)} ${reason}`, {
    hint: "A tar archive cannot hold this entry.",
  });
}

function unwritable(header: TarHeader): string | undefined {
  const { path, type, linkPath, mtime, mtimeNanoseconds: fraction } = header;
  if (path === "") return "has no name";
  if (path.endsWith("/") && path !== "/") return "ends with a slash";
  if (path === "/" && type !== "directory") return "is named / but is no directory";
  for (const name of [path, linkPath, header.userName, header.groupName])
    if (name.includes("\0")) return "has a NUL byte in a name";
  if ((type === "symlink" || type === "hardlink") !== (linkPath !== ""))
    return linkPath === "" ? "is a link without a target" : "is no link but has a target";
  if (type !== "file" && header.size !== 0) return "has a size but is no file";
  if (
    type !== "character" &&
    type !== "block" &&
    (header.deviceMajor !== 0 || header.deviceMinor !== 0)
  )
    return "has a device number but is no device";
  for (const [key, largest] of ranges) {
    const value = header[key];
    if (!Number.isInteger(value) || value < 0 || value > largest)
      return `has the ${key} ${value}, which is out of range`;
  }
  if (
    !Number.isSafeInteger(mtime) ||
    !Number.isInteger(fraction) ||
    fraction < 0 ||
    fraction >= 1e9
  )
    return `has a time, ${mtime} s and ${fraction} ns, that is out of range`;
  return undefined;
}

const ranges = [
  ["mode", 0o7777],
  ["uid", largestId],
  ["gid", largestId],
  ["size", Number.MAX_SAFE_INTEGER],
  ["deviceMajor", largestDevice],
  ["deviceMinor", largestDevice],
] as const;

type Records = Map<string, Uint8Array>;

function writePath(block: Uint8Array, records: Records, path: string): void {
  const split = path.length <= fields.name.size || !isAscii(path) ? -1 : splitPoint(path);
  if (split === -1) writeText(block, records, fields.name, "path", path);
  else {
    putAscii(block, fields.prefix.at, path.slice(0, split));
    putAscii(block, fields.name.at, path.slice(split + 1));
  }
}

/** The first slash where an ASCII path can be cut into prefix and name; -1 when there is none. */
function splitPoint(path: string): number {
  const slash = path.indexOf("/", Math.max(1, path.length - fields.name.size - 1));
  return slash <= fields.prefix.size && slash < path.length - 1 ? slash : -1;
}

function writeText(
  block: Uint8Array,
  records: Records,
  field: Field,
  key: string,
  text: string,
): void {
  if (text.length <= field.size && isAscii(text)) putAscii(block, field.at, text);
  else {
    const bytes = encodeName(text);
    records.set(key, bytes);
    // A lone surrogate stands for a byte that is not UTF-8.
    if (!text.isWellFormed()) records.set("hdrcharset", encodeText("BINARY"));
    // A reader that knows no PAX sees a shortened name.
    block.set(bytes.subarray(0, field.size), field.at);
  }
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) >= 0x80) return false;
  return true;
}

function putAscii(block: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index++) block[at + index] = text.charCodeAt(index);
}

function writeSizedNumber(
  block: Uint8Array,
  records: Records,
  field: Field,
  key: string,
  value: number,
): void {
  const fits = fitsOctal(value, field);
  if (!fits) records.set(key, encodeText(String(value)));
  writeNumber(block, field, fits ? value : 0);
}

function writeTime(block: Uint8Array, records: Records, header: TarHeader): void {
  const fits = header.mtimeNanoseconds === 0 && fitsOctal(header.mtime, fields.mtime);
  if (!fits) {
    const time = { seconds: header.mtime, nanoseconds: header.mtimeNanoseconds };
    records.set("mtime", encodeText(formatPaxTime(time)));
  }
  writeNumber(block, fields.mtime, fitsOctal(header.mtime, fields.mtime) ? header.mtime : 0);
}

/** PAX has no record of its own for devices: star's is written, and GNU's binary number. */
function writeDevice(
  block: Uint8Array,
  records: Records,
  field: Field,
  key: string,
  value: number,
): void {
  if (!fitsOctal(value, field)) records.set(key, encodeText(String(value)));
  writeNumber(block, field, value);
}

const interpreted =
  /^(?:path|linkpath|size|uid|gid|uname|gname|mtime|hdrcharset|SCHILY\.(?:dev(?:major|minor)|realsize)|(?:SCHILY|LIBARCHIVE)\.xattr\..*|GNU\.sparse\..*)$/s;

/** Adds a record that the reader kept; one that has a field of its own would contradict that field. */
function addKept(records: Records, key: string, value: Uint8Array, path: string): void {
  checkKeyword(key, path);
  if (interpreted.test(key)) throw badKeyword(key, path, "which has a field of its own");
  // An empty value would delete the record.
  if (value.byteLength > 0) records.set(key, value);
}

function checkKeyword(key: string, path: string): void {
  if (key === "" || key.includes("=") || key.includes("\0"))
    throw badKeyword(key, path, "which is no valid keyword");
}

function badKeyword(key: string, path: string, reason: string): BivyError {
  const entry = `tar entry ${quotePath(path)}`;
  return new BivyError(
    "tar-invalid",
    `${entry} has the PAX record ${JSON.stringify(key)}, ${reason}`,
  );
}

function paxHeader(records: Records, path: string): Uint8Array {
  const content = encodePax(records);
  const block = new Uint8Array(blockSize);
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/[^ -~]/gu, "_");
  putAscii(block, fields.name.at, `PaxHeaders/${base}`.slice(0, fields.name.size));
  writeNumber(block, fields.mode, 0o644);
  for (const field of zeroFields) writeNumber(block, field, 0);
  writeNumber(block, fields.size, content.byteLength);
  finishBlock(block, "x");
  return Buffer.concat([block, content, tarPadding(content.byteLength)]);
}

const zeroFields = [
  fields.uid,
  fields.gid,
  fields.mtime,
  fields.deviceMajor,
  fields.deviceMinor,
] as const;

function finishBlock(block: Uint8Array, flag: string): void {
  putAscii(block, fields.type.at, flag);
  putAscii(block, fields.magic.at, "ustar\x0000");
  writeChecksum(block);
}

/** An entry to be written; a file of more than 0 bytes has a content of the header's size. */
export interface TarItem {
  readonly header: TarHeader;
  readonly content?: Content | undefined;
}

/**
 * Writes an archive. With `end: false` it has no zero blocks at its end ("cut", as apk has it), so
 * that another may follow.
 */
export async function* writeTar(
  entries: AsyncIterable<TarItem> | Iterable<TarItem>,
  options: { readonly end?: boolean | undefined } = {},
): AsyncGenerator<Uint8Array> {
  for await (const { header, content } of entries) {
    yield encodeTarHeader(header);
    let written = 0;
    const chunks = content?.chunks() ?? [];
    // A loop with `await` over what is at hand would wait in vain for each chunk.
    if (Symbol.iterator in chunks)
      for (const chunk of chunks) {
        written += chunk.byteLength;
        if (written > header.size) break;
        yield chunk;
      }
    else
      for await (const chunk of chunks) {
        written += chunk.byteLength;
        if (written > header.size) break;
        yield chunk;
      }
    if (written !== header.size) throw sizeDiffers(header, written);
    if (header.size % blockSize !== 0) yield tarPadding(header.size);
  }
  if (options.end !== false) yield tarEnd;
}

function sizeDiffers(header: TarHeader, written: number): Error {
  const found = written > header.size ? "more" : String(written);
  return new BivyError(
    "tar-invalid",
    `tar entry ${quotePath(header.path)}: expected ${header.size} bytes of content, found ${found}`,
    { hint: "The content changed while it was written; try again." },
  );
}
