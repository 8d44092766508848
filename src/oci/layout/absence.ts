/** Absence: reading files and folders that need not be there. All other failures are reported. */
import { readdir, readFile, stat } from "node:fs/promises";
import { BivyError, fileError, limitExceeded, type Limits } from "../../base/index.ts";

/** Whether a failure of node:fs says that there is no such file. */
function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

async function unlessAbsent<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw fileError(error, "reading", path);
  }
}

/** A file that must be small. */
export function readIfPresent(path: string, limits: Limits): Promise<Uint8Array | undefined> {
  return unlessAbsent(path, async () => {
    const found = await stat(path);
    const { size } = found;
    // Reading a pipe may never end.
    if (!found.isFile())
      throw new BivyError("image-invalid", `${path}: expected a file, found no regular one`);
    if (size > limits["document-size"]) throw limitExceeded("document-size", limits, path);
    return readFile(path);
  });
}

export interface FileFacts {
  /** In bytes. */
  readonly size: number;
  readonly isFile: boolean;
}

/** What a path leads to. */
export function factsIfPresent(path: string): Promise<FileFacts | undefined> {
  return unlessAbsent(path, async () => {
    const found = await stat(path);
    return { size: found.size, isFile: found.isFile() };
  });
}

/** The names in a folder; none where it is absent. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return (await unlessAbsent(folder, () => readdir(folder))) ?? [];
}
