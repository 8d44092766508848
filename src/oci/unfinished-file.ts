/**
 * Unfinished files: a file that appears under its name only once it is whole. The bytes go to a
 * temporary name in a folder of the same file system, are flushed, and are renamed into place; a
 * failure or a crash leaves the old file as it was.
 */
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError, newOwner, type Chunks } from "../base/index.ts";
import { removeAbandoned, removeAtExit } from "./owned-file.ts";

export const unfinishedPrefix = ".bivy-unfinished-";
const stagingSize = 1024 * 1024;
/** From this size on, a chunk is written at once rather than gathered with others. */
const largeChunk = 128 * 1024;
const fileMode = 0o644;

export interface UnfinishedFile {
  write(chunk: Uint8Array): Promise<void>;
  /** Gives the file its name, replacing what was there. */
  commit(path: string): Promise<void>;
  /** Throws the file away; does nothing after a `commit` that succeeded. */
  abort(): Promise<void>;
}

/** Begins a file in a folder; mode 0644 whatever the umask is. */
export async function beginFile(folder: string): Promise<UnfinishedFile> {
  const temporary = join(folder, `${unfinishedPrefix}${newOwner()}`);
  let file: FileHandle | undefined = await createFile(temporary);
  const finish = removeAtExit(temporary);
  let staging: Buffer | undefined;
  let staged = 0;

  const flush = async () => {
    if (staging === undefined || staged === 0) return;
    await writeAll(file!, staging.subarray(0, staged));
    staged = 0;
  };
  return {
    async write(chunk) {
      try {
        if (staged + chunk.byteLength > stagingSize || chunk.byteLength >= largeChunk)
          await flush();
        if (chunk.byteLength >= largeChunk) return await writeAll(file!, chunk);
        staging ??= Buffer.allocUnsafe(stagingSize);
        staging.set(chunk, staged);
        staged += chunk.byteLength;
      } catch (error) {
        throw fileError(error, "writing", temporary);
      }
    },
    async commit(path) {
      try {
        await flush();
        await file!.datasync();
        await rename(temporary, path);
      } catch (error) {
        throw fileError(error, "writing", path);
      }
      finish();
      const closing = file!;
      file = undefined;
      await closing.close();
    },
    async abort() {
      if (file === undefined) return;
      const closing = file;
      file = undefined;
      await closing.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
      finish();
    },
  };
}

async function createFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, "wx", fileMode);
    await file.chmod(fileMode);
    return file;
  } catch (error) {
    throw fileError(error, "creating a file", dirname(path));
  }
}

/** Writes every byte: a single write(2) may take only a part. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.byteLength - at);
    at += bytesWritten;
  }
}

/** Replaces a file in one step. */
export async function replaceFile(path: string, chunks: Chunks): Promise<void> {
  const file = await beginFile(dirname(path));
  try {
    for await (const chunk of chunks) await file.write(chunk);
    await file.commit(path);
  } finally {
    await file.abort();
  }
}

/** Removes what processes that were killed left unfinished in a folder. */
export function removeUnfinishedFiles(folder: string): Promise<void> {
  return removeAbandoned(folder, unfinishedPrefix);
}
