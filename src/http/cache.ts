/**
 * The cache: files below a folder that any number of processes share, each verified by its SHA-256
 * whenever it is read.
 *
 * There are no locks. Writers rename whole files into place, and the last one wins. Bytes that are
 * replaced stay for an hour, for readers that have looked at the entry and not yet opened the file.
 */
import { constants } from "node:fs";
import { open, readdir, rename, rm, stat, utimes, type FileHandle } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import {
  BivyError,
  fileError,
  startHash,
  type Chunks,
  type Content,
  type Hasher,
  makeFolders,
} from "../base/index.ts";
import {
  entryFolder,
  formatMetadata,
  longestMetadata,
  sweepTemporary,
  temporaryPath,
  tryParseMetadata,
  type EntryMetadata,
} from "./cache-file.ts";
import { redactCredentials } from "./url.ts";

export type CacheMetadata = Pick<EntryMetadata, "etag" | "lastModified" | "checked">;

export interface CacheEntry extends EntryMetadata {
  /**
   * Verified by every pass of `chunks`: when the bytes are not those that were written, the entry is
   * removed and the pass throws `cache-corrupt` in place of its end.
   */
  readonly content: Content;
  /** Of the file that holds the bytes, which are not verified when it is read directly. */
  readonly path: string;
}

/** A write in progress. Nothing is seen by others before `commit`. */
export interface CacheWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets what was written so far. */
  restart(): Promise<void>;
  commit(metadata?: CacheMetadata): Promise<CacheEntry>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

export interface Cache {
  readonly directory: string;
  /** An entry whose files are damaged in a way that shows without reading them counts as absent. */
  read(key: string): Promise<CacheEntry | undefined>;
  /** As `read`, and says what is wrong with an entry that is damaged; it has been removed. */
  examine(key: string): Promise<{ readonly entry?: CacheEntry; readonly damage?: string }>;
  /** Two writers of one key both succeed, and the last one wins; a failed write leaves nothing. */
  write(key: string, source: Chunks, metadata?: CacheMetadata): Promise<CacheEntry>;
  startWriting(key: string): Promise<CacheWriter>;
  /** Replaces the metadata of an entry whose bytes are still current. */
  update(entry: CacheEntry, metadata: CacheMetadata): Promise<CacheEntry>;
  remove(key: string): Promise<void>;
}

/** `$XDG_CACHE_HOME/bivy`, else `~/.cache/bivy` (XDG base directories; a relative one is ignored). */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string {
  const base = environment["XDG_CACHE_HOME"];
  if (base !== undefined && isAbsolute(base)) return join(base, "bivy");
  return join(environment["HOME"] || homedir(), ".cache", "bivy");
}

/** Touches nothing before it is used. */
export function openCache(directory: string): Cache {
  return new DirectoryCache(directory);
}

const chunkBytes = 256 * 1024;
const supersededMilliseconds = 3_600_000;

class DirectoryCache implements Cache {
  readonly directory: string;
  #prepared: Promise<void> | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  async read(key: string): Promise<CacheEntry | undefined> {
    return (await this.examine(key)).entry;
  }

  async examine(key: string): Promise<{ entry?: CacheEntry; damage?: string }> {
    const folder = entryFolder(this.directory, key);
    // Between looking at the metadata and at the bytes, another process may have replaced both.
    for (let attempt = 1; ; attempt++) {
      const text = await readMetadata(join(folder, "entry.json"));
      if (text === undefined) return {};
      const metadata = tryParseMetadata(text);
      const size = metadata && (await sizeOf(join(folder, metadata.sha256)));
      if (metadata !== undefined && size === metadata.size)
        return { entry: this.#entry(folder, metadata) };
      if (metadata !== undefined && attempt < 3) continue;
      await this.#evict(folder).catch(() => {});
      return { damage: damageText(metadata, size) };
    }
  }

  async write(key: string, source: Chunks, metadata: CacheMetadata = {}): Promise<CacheEntry> {
    const writer = await this.startWriting(key);
    try {
      for await (const chunk of source) await writer.write(chunk);
      return await writer.commit(metadata);
    } catch (error) {
      await writer.discard();
      throw error;
    }
  }

  async startWriting(key: string): Promise<CacheWriter> {
    this.#prepared ??= this.#prepare();
    await this.#prepared.catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    const path = temporaryPath(this.directory);
    let file: FileHandle;
    try {
      file = await open(path, "wx", 0o644);
    } catch (error) {
      throw fileError(error, "writing the cache", path);
    }
    return new EntryWriter(path, file, (written) => this.#place(key, path, written));
  }

  async update(entry: CacheEntry, metadata: CacheMetadata): Promise<CacheEntry> {
    const { key, sha256, size } = entry;
    // Not from the key, which is kept without credentials.
    const folder = dirname(entry.path);
    const updated: EntryMetadata = { key, sha256, size, ...keptMetadata(entry), ...metadata };
    await this.#writeMetadata(folder, updated);
    return this.#entry(folder, updated);
  }

  async remove(key: string): Promise<void> {
    const folder = entryFolder(this.directory, key);
    try {
      await this.#evict(folder);
    } catch (error) {
      throw fileError(error, "removing", folder);
    }
  }

  async #prepare(): Promise<void> {
    const folder = join(this.directory, "tmp");
    try {
      await makeFolders(this.directory, 0o700);
      await makeFolders(folder);
    } catch (error) {
      throw fileError(error, "creating the cache", folder);
    }
    await sweepTemporary(this.directory);
  }

  async #place(key: string, temporary: string, written: Written): Promise<CacheEntry> {
    const folder = entryFolder(this.directory, key);
    const metadata: EntryMetadata = { key: redactCredentials(key), ...written };
    try {
      await makeFolders(folder);
      await rename(temporary, join(folder, metadata.sha256));
    } catch (error) {
      throw fileError(error, "writing the cache", folder);
    }
    await this.#writeMetadata(folder, metadata);
    await this.#retire(folder, metadata.sha256).catch(() => {});
    return this.#entry(folder, metadata);
  }

  async #writeMetadata(folder: string, metadata: EntryMetadata): Promise<void> {
    const temporary = temporaryPath(this.directory);
    try {
      const file = await open(temporary, "wx", 0o644);
      try {
        await file.writeFile(formatMetadata(metadata));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(folder, "entry.json"));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw fileError(error, "writing the cache", folder);
    }
  }

  /** Ages the bytes that have just been replaced, and removes those that were long ago. */
  async #retire(folder: string, current: string): Promise<void> {
    const now = Date.now();
    for (const name of await readdir(folder)) {
      if (name === current || name === "entry.json") continue;
      const path = join(folder, name);
      const { mtimeMs, atimeMs } = await stat(path);
      // An access time of 0 marks bytes that have been replaced; the modification time says when.
      if (atimeMs !== 0) await utimes(path, 0, now / 1000);
      else if (now - mtimeMs > supersededMilliseconds) await rm(path, { force: true });
    }
  }

  async #evict(folder: string): Promise<void> {
    // The metadata first: from then on the entry is absent.
    await rm(join(folder, "entry.json"), { force: true });
    await rm(folder, { recursive: true, force: true });
  }

  #entry(folder: string, metadata: EntryMetadata): CacheEntry {
    const path = join(folder, metadata.sha256);
    return {
      ...metadata,
      path,
      content: { size: metadata.size, chunks: () => verifiedChunks(path, metadata) },
    };
  }
}

interface Written extends CacheMetadata {
  readonly sha256: string;
  readonly size: number;
}

class EntryWriter implements CacheWriter {
  readonly #path: string;
  readonly #place: (written: Written) => Promise<CacheEntry>;
  #file: FileHandle | undefined;
  #hash: Hasher = startHash("sha256");
  #size = 0;

  constructor(path: string, file: FileHandle, place: (written: Written) => Promise<CacheEntry>) {
    this.#path = path;
    this.#file = file;
    this.#place = place;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    try {
      for (let done = 0; done < chunk.byteLength;)
        done += (await this.#open().write(chunk, done)).bytesWritten;
    } catch (error) {
      throw fileError(error, "writing the cache", this.#path);
    }
    this.#size += chunk.byteLength;
  }

  async restart(): Promise<void> {
    try {
      // A new file rather than a cut one: the position of the handle cannot be set back.
      await this.#file?.close();
      this.#file = await open(this.#path, "w", 0o644);
    } catch (error) {
      throw fileError(error, "writing the cache", this.#path);
    }
    this.#hash = startHash("sha256");
    this.#size = 0;
  }

  async commit(metadata: CacheMetadata = {}): Promise<CacheEntry> {
    try {
      await this.#open().sync();
      await this.#close();
    } catch (error) {
      throw fileError(error, "writing the cache", this.#path);
    }
    return this.#place({ sha256: this.#hash.hex(), size: this.#size, ...keptMetadata(metadata) });
  }

  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }

  #open(): FileHandle {
    if (this.#file === undefined) throw new BivyError("io-failed", `${this.#path}: it is closed`);
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

function keptMetadata({ etag, lastModified, checked }: CacheMetadata): CacheMetadata {
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(checked === undefined ? {} : { checked }),
  };
}

async function readMetadata(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY);
    try {
      const { size } = await file.stat();
      return size > longestMetadata ? "" : await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileError(error, "reading the cache", path);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

function damageText(metadata: EntryMetadata | undefined, size: number | undefined): string {
  if (metadata === undefined) return "its metadata cannot be read";
  if (size === undefined) return "its bytes are missing";
  return `expected ${metadata.size} bytes, found ${size}`;
}

async function* verifiedChunks(
  path: string,
  metadata: EntryMetadata,
): AsyncGenerator<Uint8Array, void, undefined> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw corruptError(metadata.key, "its bytes are missing");
    throw fileError(error, "reading the cache", path);
  }
  try {
    const hash = startHash("sha256");
    let read = 0;
    for (;;) {
      // A new buffer each time: the reader may keep the chunk.
      const buffer = Buffer.allocUnsafeSlow(
        Math.min(chunkBytes, Math.max(metadata.size - read, 1)),
      );
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength);
      if (bytesRead === 0) break;
      read += bytesRead;
      const chunk = buffer.subarray(0, bytesRead);
      hash.update(chunk);
      if (read > metadata.size) break;
      // The last chunk is held back until the hash is known to hold.
      if (read === metadata.size && hash.hex() === metadata.sha256) {
        yield chunk;
        return;
      }
      if (read < metadata.size) yield chunk;
      else break;
    }
    if (read === 0 && metadata.size === 0 && hash.hex() === metadata.sha256) return;
    await evictBytes(path, file);
    throw corruptError(
      metadata.key,
      read === metadata.size
        ? `expected sha256 ${metadata.sha256}, found another`
        : `expected ${metadata.size} bytes, found ${read > metadata.size ? "more" : read}`,
    );
  } catch (error) {
    throw fileError(error, "reading the cache", path);
  } finally {
    await file.close();
  }
}

/** Removes damaged bytes, unless another process has put good ones in their place meanwhile. */
async function evictBytes(path: string, file: FileHandle): Promise<void> {
  try {
    const [damaged, current] = await Promise.all([file.stat(), stat(path)]);
    if (damaged.ino === current.ino) await rm(path, { force: true });
  } catch {
    // It is gone, or the cache is read-only: the next read finds the damage again.
  }
}

function corruptError(key: string, damage: string): BivyError {
  return new BivyError("cache-corrupt", `${key}: the cached copy is damaged: ${damage}`, {
    hint: "It has been removed from the cache: run it again, and it is fetched anew.",
  });
}
