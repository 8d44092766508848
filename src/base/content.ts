/** Content: the bytes of a file, wherever they are: in memory, on disk, or inside a package. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { collectBytes, type Chunks } from "./bytes.ts";
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

/** A file on disk, whose size was `size` when it was looked at. Names that are not UTF-8 are bytes. */
export function fileContent(path: string | Buffer, size: number): Content {
  return {
    size,
    async *chunks() {
      let read = 0;
      try {
        for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
          read += (chunk as Uint8Array).byteLength;
          if (read > size) break;
          yield chunk as Uint8Array;
        }
      } catch (error) {
        throw fileError(error, "reading", String(path));
      }
      if (read !== size)
        throw new BivyError(
          "io-failed",
          `${String(path)}: expected ${size} bytes, found ${read > size ? "more" : read}`,
          {
            hint: "The file changed while it was read; try again.",
          },
        );
    },
  };
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
