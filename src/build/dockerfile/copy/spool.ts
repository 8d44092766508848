/**
 * Spools: the contents of an archive's files, one after the other in a file of their own, so that each
 * can be read again without unpacking the archive once more.
 */
import { randomUUID } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import {
  BivyError,
  bytesContent,
  emptyBytes,
  fileError,
  type Content,
} from "../../../base/index.ts";

const chunkSize = 256 * 1024;

export class Spool {
  readonly #path: string;
  readonly #file: FileHandle;
  #size = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Makes a file in a folder; whoever made the folder removes it. */
  static async create(folder: string): Promise<Spool> {
    const path = join(folder, `spool-${randomUUID()}`);
    try {
      return new Spool(path, await open(path, "wx", 0o600));
    } catch (error) {
      throw fileError(error, "writing", path);
    }
  }

  /** Takes a content to its end. It can be read once the spool is closed. */
  async add(chunks: AsyncIterable<Uint8Array>): Promise<Content> {
    const start = this.#size;
    for await (const chunk of chunks) {
      try {
        await this.#file.appendFile(chunk);
      } catch (error) {
        throw fileError(error, "writing", this.#path);
      }
      this.#size += chunk.byteLength;
    }
    const size = this.#size - start;
    return size === 0 ? bytesContent(emptyBytes) : rangeContent(this.#path, start, size);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function rangeContent(path: string, start: number, size: number): Content {
  return {
    size,
    async *chunks() {
      const file = await open(path).catch((error: unknown) => {
        throw fileError(error, "reading", path);
      });
      try {
        for (let read = 0; read < size;) {
          const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - read));
          const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, start + read);
          if (bytesRead === 0)
            throw new BivyError("io-failed", `${path}: expected ${size - read} more bytes`);
          read += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } catch (error) {
        throw fileError(error, "reading", path);
      } finally {
        await file.close();
      }
    },
  };
}
