/**
 * Held content: a download that could not go into the cache, kept for as long as this process needs it:
 * in memory while it is small, then in a file without a name, which disappears with the process.
 */
import { closeSync, openSync, read, unlinkSync, write } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import {
  BivyError,
  concatBytes,
  fileError,
  startHash,
  type Content,
  type Hasher,
} from "../base/index.ts";
import type { DownloadSink } from "./download.ts";

const readAt = promisify(read);
const writeAt = promisify(write);
const inMemoryBytes = 16 * 1024 * 1024;
const chunkBytes = 256 * 1024;

/** A file descriptor that is closed when nothing refers to it any more. */
class UnnamedFile {
  static readonly #closer = new FinalizationRegistry<number>((descriptor) => closeSync(descriptor));
  readonly descriptor: number;
  readonly folder: string;

  constructor(folder: string) {
    const path = join(folder, `bivy-${randomBytes(8).toString("hex")}`);
    this.folder = folder;
    try {
      this.descriptor = openSync(path, "wx+", 0o600);
      unlinkSync(path);
    } catch (error) {
      throw fileError(error, "creating a temporary file", path);
    }
    UnnamedFile.#closer.register(this, this.descriptor);
  }
}

export class HeldContent implements DownloadSink {
  readonly #folder: string;
  readonly #inMemory: number;
  #parts: Uint8Array[] = [];
  #file: UnnamedFile | undefined;
  #size = 0;
  #hash: Hasher = startHash("sha256");

  constructor(folder: string = tmpdir(), inMemory: number = inMemoryBytes) {
    this.#folder = folder;
    this.#inMemory = inMemory;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    if (this.#file === undefined && this.#size + chunk.byteLength <= this.#inMemory) {
      this.#parts.push(Uint8Array.from(chunk));
    } else {
      this.#file ??= await this.#spill();
      await store(this.#file, chunk, this.#size);
    }
    this.#size += chunk.byteLength;
  }

  restart(): void {
    this.#parts = [];
    this.#file = undefined;
    this.#size = 0;
    this.#hash = startHash("sha256");
  }

  /** Ends the writing. */
  finish(subject: string): Content & { readonly sha256: string } {
    const sha256 = this.#hash.hex();
    const file = this.#file;
    const size = this.#size;
    if (file !== undefined)
      return { size, sha256, chunks: () => fileChunks(file, size, sha256, subject) };
    const bytes = concatBytes(this.#parts);
    return { size, sha256, chunks: () => (size === 0 ? [] : [bytes]) };
  }

  async #spill(): Promise<UnnamedFile> {
    const file = new UnnamedFile(this.#folder);
    await store(file, concatBytes(this.#parts), 0);
    this.#parts = [];
    return file;
  }
}

async function store(file: UnnamedFile, bytes: Uint8Array, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.byteLength;)
      done += (
        await writeAt(file.descriptor, bytes, done, bytes.byteLength - done, position + done)
      ).bytesWritten;
  } catch (error) {
    throw fileError(error, "writing a temporary file", file.folder);
  }
}

async function* fileChunks(
  file: UnnamedFile,
  size: number,
  sha256: string,
  subject: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = startHash("sha256");
  for (let at = 0; at < size;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - at));
    const { bytesRead } = await readAt(file.descriptor, buffer, 0, buffer.byteLength, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    yield chunk;
  }
  if (hash.hex() !== sha256)
    throw new BivyError("cache-corrupt", `${subject}: its temporary copy has changed`, {
      hint: "The disk may be failing; try again.",
    });
}
