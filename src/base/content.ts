/** Content: the bytes of a file, wherever they are: in memory, on disk, or inside a package. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { collectBytes, type Chunks } from "./bytes.ts";
import { startHash } from "./digest.ts";
import { BivyError, fileError } from "./error.ts";
import { limitExceeded, type Limits } from "./limits.ts";

/**
 * The bytes of one file. `chunks` may be called any number of times and gives the same bytes each
 * time; whoever promised a checksum verifies it on every pass and throws when it does not hold.
 */
export interface Content {
  /** In bytes. */
  readonly size: number;
  chunks(): Chunks;
}

export function bytesContent(bytes: Uint8Array): Content {
  return { size: bytes.byteLength, chunks: () => (bytes.byteLength === 0 ? [] : [bytes]) };
}

/** The SHA-256 of a content, in hex. */
export async function hashContent(content: Content): Promise<string> {
  const running = startHash("sha256");
  for await (const chunk of content.chunks()) running.update(chunk);
  return running.hex();
}

const chunkSize = 256 * 1024;
/** Files up to this size are read at once: waiting for a thread of Node's pool takes longer than reading. */
const smallSize = 64 * 1024;

/** A file on disk, whose size was `size` when it was looked at. Names that are not UTF-8 are bytes. */
export function fileContent(path: string | Buffer, size: number): Content {
  return {
    size,
    chunks: () => (size <= smallSize ? readSmall(path, size) : readLarge(path, size)),
  };
}

/** Small reads share buffers, of which each chunk is a part. */
let pool = Buffer.alloc(0);

function* readSmall(path: string | Buffer, size: number): Generator<Uint8Array> {
  let read = 0;
  // One byte more than is expected, so that a file which has grown is found out.
  if (pool.byteLength <= size) pool = Buffer.allocUnsafeSlow(16 * smallSize);
  const own = pool;
  pool = own.subarray(size);
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOCTTY);
    try {
      for (let got = -1; got !== 0 && read <= size; read += got)
        got = readSync(file, own, read, size + 1 - read, null);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, "reading", String(path));
  }
  if (read !== size) throw sizeChanged(path, size, read);
  if (size > 0) yield own.subarray(0, size);
}

async function* readLarge(path: string | Buffer, size: number): AsyncGenerator<Uint8Array> {
  let read = 0;
  try {
    const file = await open(path);
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - read + 1));
        const { bytesRead } = await file.read(buffer, 0, buffer.byteLength);
        read += bytesRead;
        if (bytesRead === 0 || read > size) break;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, "reading", String(path));
  }
  if (read !== size) throw sizeChanged(path, size, read);
}

function sizeChanged(path: string | Buffer, size: number, read: number): BivyError {
  return new BivyError(
    "io-failed",
    `${String(path)}: expected ${size} bytes, found ${read > size ? "more" : read}`,
    { hint: "The file changed while it was read; try again." },
  );
}

/** All the bytes of a content that is known to be small: at most the limit `document-size`. */
export async function readContent(
  content: Content,
  limits: Limits,
  subject: string,
): Promise<Uint8Array> {
  return collectBytes(content.chunks(), limits["document-size"], () =>
    limitExceeded("document-size", limits, subject),
  );
}

/** Reads a whole file that the user named. */
export async function readUserFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw fileError(error, "reading", path);
  }
}
