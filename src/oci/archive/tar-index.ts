/**
 * Tar indexes: random access to the files of a tar on disk, without unpacking it.
 *
 * A plain tar is indexed by its headers alone: the contents are stepped over, not read, and later
 * read from where they stand. A compressed tar cannot be entered in the middle: it is unpacked once
 * to be indexed, when the files that are not large are kept in memory, and once more for each large
 * file that is read, up to that file's end.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import {
  decompress,
  detectCompression,
  readTar,
  type TarEntry,
  type TarHeader,
} from "../../archive/index.ts";
import {
  BivyError,
  collectBytes,
  concatBytes,
  fileError,
  limitExceeded,
  parseEntryPath,
  type Content,
  type Limits,
} from "../../base/index.ts";

const blockSize = 512;
/** Bytes that tell how a file is compressed. */
const detectionSize = 4;
const windowSize = 64 * 1024;
const readSize = 256 * 1024;
const skipSize = 4 * 1024 * 1024;
/** Symbolic and hard links that lead from one to the next; honest archives have one. */
const mostLinks = 8;
/**
 * A file of a compressed tar is kept in memory up to this size, as the layer of a small image is, and
 * all together up to `keptTotal`.
 */
const keptSize = 16 * 1024 * 1024;
const keptTotal = 32 * 1024 * 1024;

export interface TarFile extends Content {
  /** The first bytes, enough to tell a compression; cheaper than `chunks`. */
  firstBytes(): Promise<Uint8Array>;
}

export interface TarIndex {
  /** The path of the tar. */
  readonly subject: string;
  /** The file of that name; links inside the archive are followed. */
  find(name: string): TarFile | undefined;
}

type Indexed =
  | { readonly kind: "file"; readonly file: TarFile }
  | { readonly kind: "link"; readonly target: string };

/** Indexes a tar, plain or compressed. */
export async function indexTar(path: string, limits: Limits): Promise<TarIndex> {
  const entries = new Map<string, Indexed>();
  const add = (header: TarHeader, file: TarFile) => {
    const name = parseEntryPath(header.path, path);
    if (ambiguousNames.has(name) && entries.has(name))
      throw new BivyError("image-invalid", `${path}: expected one ${name}, found two`, {
        hint: "The archive is damaged or hostile.",
      });
    if (header.type === "file") entries.set(name, { kind: "file", file });
    else if (header.type === "symlink")
      entries.set(name, { kind: "link", target: resolveLink(name, header.linkPath) });
    else if (header.type === "hardlink")
      entries.set(name, { kind: "link", target: plainTarget(header.linkPath.split("/")) });
  };
  await ((await isCompressed(path))
    ? indexCompressed(path, limits, add)
    : indexPlain(path, limits, add));
  return { subject: path, find: (name) => follow(entries, name) };
}

/** Files that say what an image is: readers disagree on which of two counts. */
const ambiguousNames = new Set(["oci-layout", "index.json", "manifest.json", "repositories"]);

type Add = (header: TarHeader, file: TarFile) => void;

function follow(entries: ReadonlyMap<string, Indexed>, name: string): TarFile | undefined {
  let entry = entries.get(name);
  for (let links = 0; entry?.kind === "link" && links < mostLinks; links++)
    entry = entries.get(entry.target);
  return entry?.kind === "file" ? entry.file : undefined;
}

/** Where a symbolic link leads inside the archive; one that leads out of it leads nowhere. */
function resolveLink(name: string, target: string): string {
  return plainTarget([...name.split("/").slice(0, -1), ...target.split("/")]);
}

function plainTarget(parts: readonly string[]): string {
  const resolved: string[] = [];
  for (const part of parts)
    if (part === "..") resolved.pop();
    else if (part !== "" && part !== ".") resolved.push(part);
  return resolved.join("/");
}

async function isCompressed(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError(error, "reading", path);
  });
  if (!found.isFile())
    throw new BivyError("io-failed", `${path}: expected an archive, found no regular file`, {
      hint: found.isDirectory()
        ? "For a folder write oci:FOLDER or dir:FOLDER."
        : "Save it to a file first.",
    });
  return detectCompression(await fileStart(path, 0, found.size)) !== "none";
}

/** The first bytes of a part of a file. */
async function fileStart(path: string, start: number, size: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of fileRange(path, start, Math.min(size, detectionSize)))
    parts.push(chunk);
  return concatBytes(parts);
}

async function* fileRange(path: string, start: number, size: number): AsyncGenerator<Uint8Array> {
  if (size === 0) return;
  let read = 0;
  try {
    const stream = createReadStream(path, {
      start,
      end: start + size - 1,
      highWaterMark: readSize,
    });
    for await (const chunk of stream) {
      read += (chunk as Uint8Array).byteLength;
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw fileError(error, "reading", path);
  }
  if (read < size)
    throw new BivyError("tar-truncated", `${path}: ends ${size - read} bytes too early`, {
      hint: "It is incomplete or changed while it was read; fetch or write it again.",
    });
}

/**
 * Reads headers only. The tar reader is fed block by block, so that once it gives a header, what it
 * was fed ends where the content begins; instead of the content it is fed zeros, which it skips.
 */
async function indexPlain(path: string, limits: Limits, add: Add): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const feed = new HeaderFeed(file, (await file.stat()).size);
    for await (const { header } of readTar(feed.blocks(), { subject: path, limits })) {
      const start = feed.position;
      add(header, {
        size: header.size,
        chunks: () => fileRange(path, start, header.size),
        firstBytes: () => fileStart(path, start, header.size),
      });
      feed.skip(header.size);
    }
  } catch (error) {
    throw fileError(error, "reading", path);
  } finally {
    await file?.close();
  }
}

class HeaderFeed {
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #window = Buffer.alloc(windowSize);
  #windowStart = 0;
  #windowSize = 0;
  #toSkip = 0;
  /** Where the next byte stands that will be fed. */
  position = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Feeds zeros instead of the next `size` bytes. */
  skip(size: number): void {
    this.#toSkip = size;
  }

  async *blocks(): AsyncGenerator<Uint8Array> {
    const zeros = new Uint8Array(skipSize);
    while (this.position < this.#size) {
      const available = this.#size - this.position;
      if (this.#toSkip > 0) {
        const size = Math.min(this.#toSkip, skipSize, available);
        this.#toSkip -= size;
        this.position += size;
        yield zeros.subarray(0, size);
        continue;
      }
      // After a content only its padding is left of the block.
      const size = Math.min(blockSize - (this.position % blockSize), available);
      const block = await this.#read(size);
      this.position += block.byteLength;
      if (block.byteLength === 0) return;
      // Copied, because the window is read into again.
      yield Uint8Array.from(block);
    }
  }

  async #read(size: number): Promise<Uint8Array> {
    const end = this.#windowStart + this.#windowSize;
    if (this.position < this.#windowStart || this.position + size > end) {
      const { bytesRead } = await this.#file.read(this.#window, 0, windowSize, this.position);
      this.#windowStart = this.position;
      this.#windowSize = bytesRead;
    }
    const at = this.position - this.#windowStart;
    return this.#window.subarray(at, Math.min(at + size, this.#windowSize));
  }
}

async function indexCompressed(path: string, limits: Limits, add: Add): Promise<void> {
  let kept = 0;
  let position = 0;
  for await (const entry of unpackedEntries(path, limits)) {
    const { header } = entry;
    const own = position++;
    const isKept =
      header.type === "file" && header.size <= keptSize && kept + header.size <= keptTotal;
    const parts: Uint8Array[] = [];
    let read = 0;
    for await (const chunk of entry.chunks()) {
      // Copied, because a chunk of the stream holds much more than this file.
      parts.push(new Uint8Array(isKept ? chunk : chunk.subarray(0, detectionSize)));
      read += chunk.byteLength;
      if (!isKept && read >= detectionSize) break;
    }
    if (isKept) kept += header.size;
    const first = parts.slice(0, detectionSize).map((part) => part.subarray(0, detectionSize));
    const beginning = concatBytes(first).slice(0, detectionSize);
    add(header, {
      size: header.size,
      chunks: () => (isKept ? parts : streamEntry(path, own, limits)),
      firstBytes: async () => beginning,
    });
  }
}

async function* streamEntry(
  path: string,
  wanted: number,
  limits: Limits,
): AsyncGenerator<Uint8Array> {
  let position = 0;
  for await (const entry of unpackedEntries(path, limits)) {
    if (position++ !== wanted) continue;
    yield* entry.chunks();
    return;
  }
}

async function* unpackedEntries(path: string, limits: Limits): AsyncGenerator<TarEntry> {
  const { size } = await stat(path);
  const options = { subject: path, limits };
  yield* readTar(decompress(fileRange(path, 0, size), options), options);
}

/** A small file of an archive as bytes; at most the limit `document-size`. */
export async function readIndexed(
  index: TarIndex,
  name: string,
  limits: Limits,
): Promise<Uint8Array | undefined> {
  const content = index.find(name);
  if (content === undefined) return undefined;
  const excess = () => limitExceeded("document-size", limits, `${index.subject}: ${name}`);
  if (content.size > limits["document-size"]) throw excess();
  return collectBytes(content.chunks(), limits["document-size"], excess);
}
