/**
 * The files of the cache: names, temporary files, and the entry's metadata.
 *
 * A key's folder is `<2 hex>/<rest of sha256(key)>`; it holds `entry.json` and the bytes, in a file
 * named by their SHA-256. Both are written to `tmp/` first and renamed, so that a reader meets a whole
 * file or none; the bytes are there before the metadata that names them.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { encodeText, hashHex, isRunning } from "../base/index.ts";

export interface EntryMetadata {
  /** What was cached, for people; the folder's name is what counts. */
  readonly key: string;
  /** Of the bytes: 64 hex digits. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  readonly etag?: string;
  readonly lastModified?: string;
  /** When a server last said that these bytes are current: seconds since 1970. */
  readonly checked?: number;
}

const formatVersion = 1;
/** Larger metadata is not ours. */
export const longestMetadata = 64 * 1024;

export function entryFolder(directory: string, key: string): string {
  const name = hashHex("sha256", encodeText(key));
  return join(directory, name.slice(0, 2), name.slice(2));
}

export function formatMetadata(metadata: EntryMetadata): string {
  return `${JSON.stringify({ format: formatVersion, ...metadata }, undefined, 2)}\n`;
}

export function tryParseMetadata(text: string): EntryMetadata | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { format, key, sha256, size, etag, lastModified, checked } = value as Record<
    string,
    unknown
  >;
  if (format !== formatVersion || typeof key !== "string") return undefined;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  return {
    key,
    sha256,
    size,
    ...(isHeaderValue(etag) ? { etag } : {}),
    ...(isHeaderValue(lastModified) ? { lastModified } : {}),
    ...(typeof checked === "number" && Number.isFinite(checked) ? { checked } : {}),
  };
}

/** Goes back into a request: no line breaks, no controls. */
function isHeaderValue(value: unknown): value is string {
  return typeof value === "string" && value.length <= 1024 && /^[\x20-\x7e\x80-\xff]*$/.test(value);
}

const temporaryName = /^(\d+)-[0-9a-f]{16}$/;

export function temporaryPath(directory: string): string {
  return join(directory, "tmp", `${process.pid}-${randomBytes(8).toString("hex")}`);
}

/** A file that nobody has written to for this long belongs to no running transfer… */
const quietMilliseconds = 10 * 60_000;
/** …even where its process cannot be looked for, being on another machine or in another container. */
const deadMilliseconds = 24 * 3_600_000;

/** Removes the temporary files that processes which are gone have left behind. */
export async function sweepTemporary(directory: string, now: number = Date.now()): Promise<void> {
  const folder = join(directory, "tmp");
  for (const name of await readdir(folder).catch(() => [])) {
    const process = temporaryName.exec(name)?.[1];
    if (process === undefined) continue;
    const path = join(folder, name);
    const age = now - ((await stat(path).catch(() => undefined))?.mtimeMs ?? now);
    if (age > deadMilliseconds || (age > quietMilliseconds && !isRunning(Number(process))))
      await rm(path, { force: true }).catch(() => {});
  }
}
