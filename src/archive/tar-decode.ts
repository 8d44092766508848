/**
 * Decoding the header block of an entry, together with the extension headers before it (POSIX.1-2017,
 * pax; GNU tar manual, "Basic Tar Format").
 *
 * Only files have content. A size on anything else is a remark in old archives and counts as 0, as
 * for GNU tar, Go and Python; but a PAX record that gives a size to what is no file would mean to some
 * readers that content follows (`pax -o linkdata` writes it after hard links), and is refused.
 */
import { BivyError, decodeName } from "../base/index.ts";
import { parsePaxNumber, parsePaxTime, type PaxRecords } from "./pax.ts";
import { fields, fitsOctal, holdsText, readNumber, readText, type Field } from "./tar-block.ts";
import {
  largestDevice,
  largestId,
  noRecords,
  quotePath,
  type TarHeader,
  type TarType,
} from "./tar-header.ts";

/** What the extension headers before an entry say: PAX records and GNU long names. */
export interface Extensions {
  records?: Map<string, Uint8Array>;
  longName?: string;
  longLink?: string;
}

const types: Readonly<Record<string, TarType>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  // Contiguous: a wish about its place on the disk, which Linux does not have.
  "7": "file",
};

const refusedTypes: Readonly<Record<string, string>> = {
  D: "a directory listing of GNU's incremental backups",
  M: "the continuation of a multi-volume archive",
  N: "a long name in the form before 1990",
  V: "a volume label",
};

const schilyXattr = "SCHILY.xattr.";
const libarchiveXattr = "LIBARCHIVE.xattr.";

export class HeaderDecoder {
  readonly #invalid: (reason: string, position: number) => Error;
  /** Of the last entry: most entries have the same owner. */
  #userName = "";
  #groupName = "";

  constructor(invalid: (reason: string, position: number) => Error) {
    this.#invalid = invalid;
  }

  decode(
    bytes: Buffer,
    start: number,
    position: number,
    extensions: Extensions | undefined,
    globals: PaxRecords | undefined,
  ): TarHeader {
    const number = (field: Field, name: string): number => {
      const value = readNumber(bytes, start, field);
      if (value === undefined)
        throw this.#invalid(`the ${name} of an entry is no number`, position);
      return value;
    };
    const flag = String.fromCharCode(bytes[start + fields.type.at]!);
    const type = types[flag] ?? this.#refuseType(flag, position);
    const posix = holdsText(bytes, start, ustarMagic, "ustar");
    const named = posix || holdsText(bytes, start, fields.magic, "ustar  ");
    let path = readText(bytes, start, fields.name);
    if (posix && bytes[start + fields.prefix.at] !== 0) {
      const star = bytes.toString("latin1", start + 508, start + 512) === "tar\0";
      path = `${readText(bytes, start, star ? fields.starPrefix : fields.prefix)}/${path}`;
    }
    const device = type === "character" || type === "block";
    const link = type === "symlink" || type === "hardlink";
    if (named) {
      if (!holdsText(bytes, start, fields.userName, this.#userName))
        this.#userName = readText(bytes, start, fields.userName);
      if (!holdsText(bytes, start, fields.groupName, this.#groupName))
        this.#groupName = readText(bytes, start, fields.groupName);
    }
    const header = {
      path,
      type,
      mode: number(fields.mode, "mode"),
      uid: number(fields.uid, "uid"),
      gid: number(fields.gid, "gid"),
      userName: named ? this.#userName : "",
      groupName: named ? this.#groupName : "",
      mtime: number(fields.mtime, "mtime"),
      mtimeNanoseconds: 0,
      size: number(fields.size, "size"),
      linkPath: link ? readText(bytes, start, fields.linkName) : "",
      deviceMajor: device && named ? number(fields.deviceMajor, "device number") : 0,
      deviceMinor: device && named ? number(fields.deviceMinor, "device number") : 0,
      xattrs: noRecords,
      pax: noRecords,
    };
    if (extensions !== undefined || globals !== undefined)
      this.#extend(header, position, extensions, globals);
    this.#finish(header, position);
    return header;
  }

  #refuseType(flag: string, position: number): never {
    if (flag === "S") throw sparse(this.#invalid("a sparse file", position));
    const known = refusedTypes[flag];
    const what = known ?? `an entry of the unknown type ${JSON.stringify(flag)}`;
    throw this.#invalid(`${what}, which bivy does not read`, position);
  }

  #extend(
    header: Mutable<TarHeader>,
    position: number,
    extensions: Extensions | undefined,
    globals: PaxRecords | undefined,
  ): void {
    const link = header.type === "symlink" || header.type === "hardlink";
    const long = { path: extensions?.longName, linkPath: link ? extensions?.longLink : undefined };
    if (long.path !== undefined) header.path = long.path;
    if (long.linkPath !== undefined) header.linkPath = long.linkPath;
    const local = extensions?.records;
    if (globals !== undefined)
      for (const [key, value] of globals)
        if (local?.has(key) !== true) this.#apply(header, key, value, position);
    if (local !== undefined)
      for (const [key, value] of local) this.#apply(header, key, value, position);
    const realSize = local?.get("SCHILY.realsize");
    if (realSize !== undefined && parsePaxNumber(realSize) !== header.size)
      throw sparse(this.#invalid("a sparse file", position));
    for (const key of ["path", "linkPath"] as const)
      if (long[key] !== undefined && header[key] !== long[key])
        throw this.#invalid(`a PAX record and a GNU long name state different names`, position);
  }

  #apply(header: Mutable<TarHeader>, key: string, value: Uint8Array, position: number): void {
    if (key.startsWith(schilyXattr)) {
      if (key === schilyXattr) throw this.#invalid("an extended attribute has no name", position);
      addRecord(header, "xattrs", key.slice(schilyXattr.length), value);
      return;
    }
    if (key.startsWith(libarchiveXattr)) {
      // libarchive writes each attribute in both forms; SCHILY's holds the plain bytes.
      const [name, plain] = this.#libarchiveXattr(key, value, position);
      if (!header.xattrs.has(name)) addRecord(header, "xattrs", name, plain);
      return;
    }
    if (key.startsWith("GNU.sparse.")) throw sparse(this.#invalid("a sparse file", position));
    const setter = setters.get(key);
    if (setter === undefined) {
      // An empty value deletes what a global header stated.
      if (value.byteLength > 0) addRecord(header, "pax", key, value);
      return;
    }
    const wrong = setter(header, value);
    if (wrong !== undefined) throw this.#invalid(`the PAX record ${key} ${wrong}`, position);
  }

  #libarchiveXattr(key: string, value: Uint8Array, position: number): [string, Uint8Array] {
    const text = decodeName(value);
    let name: string | undefined;
    try {
      name = decodeURIComponent(key.slice(libarchiveXattr.length));
    } catch {
      name = undefined;
    }
    if (name === undefined || /^$|[=\0]/.test(name) || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
      throw this.#invalid(`the PAX record ${quotePath(key)} is malformed`, position);
    return [name, Buffer.from(text, "base64")];
  }

  /** Settles what depends on the whole header, and checks it. */
  #finish(header: Mutable<TarHeader>, position: number): void {
    const refuse = (reason: string): never => {
      throw this.#invalid(`entry ${quotePath(header.path)} ${reason}`, position);
    };
    if (header.path.endsWith("/")) {
      let end = header.path.length;
      while (end > 1 && header.path.endsWith("/", end)) end--;
      header.path = header.path.slice(0, end);
      // Tars from before 1988 had no type for directories, only the slash.
      if (header.type === "file") {
        if (header.size !== 0) refuse("is named as a directory but has content");
        header.type = "directory";
      }
    }
    if (header.path === "") refuse("has no name");
    if (header.path.includes("\0")) refuse("has a NUL byte in its name");
    if (header.mode < 0) refuse("has a negative mode");
    header.mode %= 0o10000;
    if (header.size < 0) refuse("has a negative size");
    if (header.type !== "file") header.size = 0;
    if (header.type === "symlink" || header.type === "hardlink") {
      if (header.linkPath === "") refuse("is a link without a target");
      if (header.linkPath.includes("\0")) refuse("has a NUL byte in its target");
    }
    if (badNumber(header.uid, largestId) || badNumber(header.gid, largestId))
      refuse(`has an owner, ${header.uid}:${header.gid}, that Linux cannot have`);
    if (
      badNumber(header.deviceMajor, largestDevice) ||
      badNumber(header.deviceMinor, largestDevice)
    )
      refuse("has a device number that Linux cannot have");
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The magic of POSIX; GNU's has spaces in place of its NUL byte and of the version. */
const ustarMagic: Field = { at: fields.magic.at, size: 6 };

function badNumber(value: number, largest: number): boolean {
  return value < 0 || value > largest;
}

function addRecord(
  header: Mutable<TarHeader>,
  where: "xattrs" | "pax",
  key: string,
  value: Uint8Array,
): void {
  if (header[where] === noRecords) header[where] = new Map();
  (header[where] as Map<string, Uint8Array>).set(key, value);
}

function sparse(error: Error): BivyError {
  return new BivyError("tar-sparse", error.message, {
    hint: "Write the archive again without sparse files: tar without --sparse (-S).",
  });
}

/** What a PAX record does to a header; returns what is wrong with its value. */
type Setter = (header: Mutable<TarHeader>, value: Uint8Array) => string | undefined;

/**
 * An empty value deletes what was said before. For a name of the owner that is no name; the other
 * fields cannot be without a value, and keep that of the header block, as with Go.
 */
const setters: ReadonlyMap<string, Setter> = new Map(
  Object.entries<Setter>({
    // Names are kept as bytes whatever is said of their character set; the writer states it anew.
    hdrcharset: () => undefined,
    path: (header, value) => {
      if (value.byteLength > 0) header.path = decodeName(value);
      return undefined;
    },
    linkpath: (header, value) => {
      const link = header.type === "symlink" || header.type === "hardlink";
      if (link && value.byteLength > 0) header.linkPath = decodeName(value);
      return undefined;
    },
    uname: (header, value) => setName(header, "userName", value),
    gname: (header, value) => setName(header, "groupName", value),
    uid: (header, value) => setNumber(header, "uid", value),
    gid: (header, value) => setNumber(header, "gid", value),
    size: (header, value) => {
      const inBlock = header.size;
      const wrong = setNumber(header, "size", value);
      if (wrong !== undefined || value.byteLength === 0) return wrong;
      if (header.type !== "file" && header.size !== 0) return "gives content to what is no file";
      // A writer leaves the field of the block empty or full when it needs a record; two sizes that
      // both fit are meant to lead one of two readers astray.
      const fits = fitsOctal(header.size, fields.size);
      return fits && inBlock !== 0 && inBlock !== header.size && header.type === "file"
        ? `says ${header.size}, the header block ${inBlock}`
        : undefined;
    },
    mtime: (header, value) => {
      if (value.byteLength === 0) return undefined;
      const time = parsePaxTime(value);
      if (time === undefined) return "is no time";
      header.mtime = time.seconds;
      header.mtimeNanoseconds = time.nanoseconds;
      return undefined;
    },
    "SCHILY.devmajor": (header, value) => setDevice(header, "deviceMajor", value),
    "SCHILY.devminor": (header, value) => setDevice(header, "deviceMinor", value),
  }),
);

function setName(
  header: Mutable<TarHeader>,
  key: "userName" | "groupName",
  value: Uint8Array,
): string | undefined {
  if (value.includes(0)) return "has a NUL byte";
  header[key] = decodeName(value);
  return undefined;
}

function setNumber(
  header: Mutable<TarHeader>,
  key: "uid" | "gid" | "size" | "deviceMajor" | "deviceMinor",
  value: Uint8Array,
): string | undefined {
  if (value.byteLength === 0) return undefined;
  const number = parsePaxNumber(value);
  if (number === undefined) return "is no whole number of at least 0";
  header[key] = number;
  return undefined;
}

function setDevice(
  header: Mutable<TarHeader>,
  key: "deviceMajor" | "deviceMinor",
  value: Uint8Array,
): string | undefined {
  const device = header.type === "character" || header.type === "block";
  return device ? setNumber(header, key, value) : undefined;
}
