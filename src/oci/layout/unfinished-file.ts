/**
 * Unfinished files: a file that appears under its name only once it is whole. The bytes go to a
 * temporary name in a folder of the same file system, are flushed, and are renamed into place; a
 * failure or a crash leaves the old file as it was.
 */
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileError, newOwner, type Chunks } from "../../base/index.ts";
import { removeAbandoned, removeAtExit } from "./owned-file.ts";

export const unfinishedPrefix = ".bivy-unfinished-";
/** Chunks are gathered up to this size and this many, and written at once. */
const gatheredSize = 1024 * 1024;
const mostGathered = 512;
const fileMode = 0o644;

export interface UnfinishedFile {
  /** Takes a chunk, whose bytes must not change any more: it may be written later. */
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
  let gathered: Uint8Array[] = [];
  let size = 0;
  let writing: Promise<void> = Promise.resolve();

  /** Begins to write what was gathered; what fails is told to whoever writes next. */
  const flush = async () => {
    await writing;
    if (size === 0) return;
    const chunks = gathered;
    const total = size;
    gathered = [];
    size = 0;
    writing = writeAll(file!, chunks, total);
    writing.catch(() => undefined);
  };
  return {
    async write(chunk) {
      try {
        gathered.push(chunk);
        size += chunk.byteLength;
        if (size >= gatheredSize || gathered.length >= mostGathered) await flush();
      } catch (error) {
        throw fileError(error, "writing", temporary);
      }
    },
    async commit(path) {
      try {
        await flush();
        await writing;
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
      await writing.catch(() => undefined);
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

/** Writes every byte: a single writev(2) may take only a part. */
async function writeAll(
  file: FileHandle,
  chunks: readonly Uint8Array[],
  size: number,
): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten === size) return;
  const rest = Buffer.concat(chunks).subarray(bytesWritten);
  for (let at = 0; at < rest.byteLength;)
    at += (await file.write(rest, at, rest.byteLength - at)).bytesWritten;
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
