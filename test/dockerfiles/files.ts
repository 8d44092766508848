/**
 * File tables: the files of a build context or of an archive as data, in the order in which they are
 * made. Modes and owners stand in the table, so that nothing depends on what a checkout makes of them.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { tarHeader, writeTar, type TarItem } from "../../src/archive/index.ts";
import { bytesContent, encodeName, encodeText, parentPath } from "../../src/base/index.ts";
import { fixtures } from "../requirements.ts";

/**
 * By path. A file by its text, a symlink by `-> target`, a hard link by `=> path`; all else by fields.
 * A path that ends in `/` is a folder, and so is each that is missing above another.
 */
export type FileTable = Readonly<Record<string, string | FileFields | null>>;

export interface FileFields {
  readonly text?: string;
  /** Base64, for content that is no text. */
  readonly bytes?: string;
  /** A file of the fixtures. */
  readonly fixture?: string;
  /** So many bytes, the numbers from 0 to 255 over and over. */
  readonly size?: number;
  /** A tar archive of these. */
  readonly archive?: FileTable;
  /** Of the archive; default none. */
  readonly compression?: "gzip" | "zstd";
  /** Default 0644, folders 0755. */
  readonly mode?: number;
  /** `UID:GID`, default `0:0`. */
  readonly owner?: string;
  readonly kind?: "fifo" | "character";
  /** `MAJOR:MINOR` of a character device. */
  readonly device?: string;
  /** Values in hexadecimal; in an archive only. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Where a link leads, of an entry in short. */
function linkOf(entry: FileTable[string]): { sign: "->" | "=>"; target: string } | undefined {
  if (typeof entry !== "string") return undefined;
  const [, sign, target] = /^([-=]>) (.+)$/.exec(entry) ?? [];
  return sign === undefined ? undefined : { sign: sign as "->" | "=>", target: target! };
}

/** An entry that is no link. */
export function fieldsOf(entry: FileTable[string]): FileFields {
  return typeof entry === "string" ? { text: entry } : (entry ?? {});
}

/** Makes the files of a table in a folder, which is made too. */
export async function writeFiles(folder: string, table: FileTable): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [path, entry] of Object.entries(table)) {
    const host = hostPath(folder, path.replace(/\/$/, ""));
    mkdirSync(hostPath(folder, parentPath(path.replace(/\/$/, ""))), { recursive: true });
    const link = linkOf(entry);
    if (link?.sign === "->") symlinkSync(encodeBuffer(link.target), host);
    else if (link !== undefined) linkSync(hostPath(folder, link.target), host);
    else await writeEntry(host, path, fieldsOf(entry));
  }
  // Last, since a folder without write permission must be filled first.
  for (const [path, entry] of Object.entries(table)) {
    if (linkOf(entry) !== undefined) continue;
    const { mode = path.endsWith("/") ? 0o755 : 0o644, owner = "0:0", xattrs } = fieldsOf(entry);
    if (xattrs !== undefined) throw new Error(`${path}: expected no xattrs outside an archive`);
    const host = hostPath(folder, path);
    chownSync(host, ...numbersOf(owner));
    chmodSync(host, mode);
  }
}

async function writeEntry(host: Buffer, path: string, fields: FileFields): Promise<void> {
  if (path.endsWith("/")) mkdirSync(host, { recursive: true });
  else if (fields.kind === "fifo") execFileSync("mkfifo", [host.toString()]);
  else if (fields.kind !== undefined) throw new Error(`${path}: expected no ${fields.kind}`);
  else if (fields.fixture !== undefined) copyFileSync(join(fixtures, fields.fixture), host);
  else writeFileSync(host, await contentOf(fields));
}

/** The bytes of a file. */
export async function contentOf(fields: FileFields): Promise<Uint8Array> {
  if (fields.bytes !== undefined) return Buffer.from(fields.bytes, "base64");
  if (fields.size !== undefined)
    return Uint8Array.from({ length: fields.size }, (_, index) => index);
  if (fields.archive === undefined) return encodeText(fields.text ?? "");
  const { archive } = fields;
  const items = await Promise.all(
    Object.entries(archive).map(([path, entry]) => tarItem(path, entry, archive)),
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(items)) chunks.push(chunk);
  const tar = Buffer.concat(chunks);
  if (fields.compression === "gzip") return gzipSync(tar);
  return fields.compression === "zstd" ? zstdCompressSync(tar) : tar;
}

async function tarItem(
  name: string,
  entry: FileTable[string],
  archive: FileTable,
): Promise<TarItem> {
  const path = name.replace(/\/$/, "");
  const link = linkOf(entry);
  if (link?.sign === "->")
    return { header: tarHeader({ path, type: "symlink", linkPath: link.target }) };
  const fields = fieldsOf(link === undefined ? entry : archive[link.target]!);
  const [uid, gid] = numbersOf(fields.owner ?? "0:0");
  const common = { path, uid, gid, ...(fields.mode === undefined ? {} : { mode: fields.mode }) };
  if (link !== undefined)
    return { header: tarHeader({ ...common, type: "hardlink", linkPath: link.target }) };
  const [deviceMajor, deviceMinor] = numbersOf(fields.device ?? "0:0");
  const type = name.endsWith("/") ? "directory" : (fields.kind ?? "file");
  const xattrs = new Map(
    Object.entries(fields.xattrs ?? {}).map(
      ([key, value]) => [key, Buffer.from(value, "hex")] as const,
    ),
  );
  const header = tarHeader({ ...common, type, deviceMajor, deviceMinor, xattrs });
  if (type !== "file") return { header };
  const content = await contentOf(fields);
  return { header: { ...header, size: content.byteLength }, content: bytesContent(content) };
}

function numbersOf(pair: string): [number, number] {
  const [first, second] = pair.split(":").map(Number);
  return [first!, second!];
}

function encodeBuffer(name: string): Buffer {
  return Buffer.from(encodeName(name));
}

function hostPath(folder: string, path: string): Buffer {
  return encodeBuffer(join(folder, path));
}
