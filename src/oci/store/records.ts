/**
 * Records: small documents of the store that are found by a key and name blobs, such as what a build
 * step made. A record keeps its blobs from being collected as long as it is there; it was last used when
 * its file was last touched.
 *
 * A record is put while the lease of the process keeps its blobs (lease.ts), and a collection reads the
 * leases before the records, so that a blob is seen in one of the two.
 */
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  fileError,
  hashHex,
  encodeText,
  newOwner,
  tryParseDigest,
  type Digest,
} from "../../base/index.ts";
import { namesIn } from "../layout/absence.ts";
import { folderMode } from "../layout/blob-folder.ts";

export interface StoreRecord {
  readonly key: string;
  readonly blobs: readonly Digest[];
  /** Whatever JSON can hold. */
  readonly value: unknown;
}

export interface StoreRecords {
  /** Undefined where there is none that can be read. What is found counts as used. */
  tryGet(key: string): Promise<StoreRecord | undefined>;
  put(record: StoreRecord): Promise<void>;
}

const recordsFolder = ".bivy-records";
const longestRecord = 1024 * 1024;

export function openRecords(store: string): StoreRecords {
  const pathOf = (key: string): string => {
    const name = hashHex("sha256", encodeText(key));
    return join(store, recordsFolder, name.slice(0, 2), `${name.slice(2)}.json`);
  };
  return {
    async tryGet(key) {
      const path = pathOf(key);
      const record = await readRecord(path);
      if (record?.key !== key) return undefined;
      const now = new Date();
      // A store that can only be read serves all the same.
      await utimes(path, now, now).catch(() => undefined);
      return record;
    },
    async put(record) {
      const path = pathOf(record.key);
      const temporary = `${path}.${newOwner()}`;
      try {
        await mkdir(dirname(path), { recursive: true, mode: folderMode });
        await writeFile(temporary, JSON.stringify(record), { flag: "wx" });
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw fileError(error, "writing", path);
      }
    },
  };
}

/** A damaged record is none: what it would have spared is done again. */
async function readRecord(path: string): Promise<StoreRecord | undefined> {
  try {
    const text = await readFile(path, "utf8");
    if (text.length > longestRecord) return undefined;
    const { key, blobs, value } = JSON.parse(text) as Partial<StoreRecord>;
    if (typeof key !== "string" || !Array.isArray(blobs)) return undefined;
    const digests = blobs.map((blob) => tryParseDigest(String(blob)));
    if (digests.includes(undefined)) return undefined;
    return { key, blobs: digests as Digest[], value };
  } catch {
    return undefined;
  }
}

export interface SweptRecords {
  /** The blobs that the records which stay lead to. */
  readonly blobs: ReadonlySet<Digest>;
  /** The files of those that were not used for longer. */
  readonly expired: readonly string[];
}

/** What the records keep; those that nobody used since `since`, in milliseconds since 1970, do not. */
export async function readRecords(store: string, since: number): Promise<SweptRecords> {
  const blobs = new Set<Digest>();
  const expired: string[] = [];
  const folder = join(store, recordsFolder);
  for (const part of await namesIn(folder))
    for (const name of await namesIn(join(folder, part))) {
      const path = join(folder, part, name);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) continue;
      const record = found.mtimeMs >= since ? await readRecord(path) : undefined;
      // A file that is being written is whole soon, or was left behind.
      if (record === undefined && found.mtimeMs >= since && !name.endsWith(".json")) continue;
      if (record === undefined) expired.push(path);
      for (const digest of record?.blobs ?? []) blobs.add(digest);
    }
  return { blobs, expired };
}
