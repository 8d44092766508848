/** TarHeader: one entry of a tar archive as data, whichever dialect it was written in. */
import { emptyBytes } from "../base/index.ts";

export type TarType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character"
  | "block"
  | "fifo";

export interface TarHeader {
  /**
   * As in the archive (see `decodeName`), without a trailing slash. It may begin with `./` or `/`:
   * `parseEntryPath` makes it safe.
   */
  readonly path: string;
  readonly type: TarType;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Empty when the archive has none. */
  readonly userName: string;
  readonly groupName: string;
  /** Whole seconds since 1970, may be negative; the time is `mtime` plus `mtimeNanoseconds`. */
  readonly mtime: number;
  /** 0 to 999,999,999. */
  readonly mtimeNanoseconds: number;
  /** Bytes of content that follow; 0 unless it is a file. */
  readonly size: number;
  /** The target of a symlink or hard link as it is written, else empty. */
  readonly linkPath: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by their full name, such as `security.capability`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** The other PAX records, which are kept and written back: `APK-TOOLS.checksum.SHA1`, `atime`… */
  readonly pax: ReadonlyMap<string, Uint8Array>;
}

/** -1 as an unsigned 32-bit number tells chown(2) to leave the owner as it is. */
export const largestId = 2 ** 32 - 2;
export const largestDevice = 2 ** 32 - 1;

export const noRecords: ReadonlyMap<string, Uint8Array> = new Map();

/** Bytes of a tar block: headers and contents begin at multiples of it. */
export const blockSize = 512;

const zeroBlock = new Uint8Array(blockSize);

/** The zero bytes that fill up the last block of `size` bytes of content. */
export function tarPadding(size: number): Uint8Array {
  const rest = size % blockSize;
  return rest === 0 ? emptyBytes : zeroBlock.subarray(rest);
}

/** The two zero blocks that end an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * blockSize);

/**
 * A header with what is usual for all that is not given: mode 0644, 0755 for directories and 0777 for
 * symlinks; root as owner, without names; the year 1970.
 */
export function tarHeader(
  fields: Partial<TarHeader> & { readonly path: string; readonly type: TarType },
): TarHeader {
  const mode = fields.type === "directory" ? 0o755 : fields.type === "symlink" ? 0o777 : 0o644;
  return {
    mode,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    mtime: 0,
    mtimeNanoseconds: 0,
    size: 0,
    linkPath: "",
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: noRecords,
    pax: noRecords,
    ...fields,
  };
}

/** A path as messages quote it; a hostile one may have a million characters. */
export function quotePath(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}
