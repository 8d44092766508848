/** Folders: making one with all that are above it. */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * As mkdir -p. Node's own recursive mkdir never ends where a file system answers "no such file" for a
 * folder whose parent is there, as /proc does.
 */
export async function makeFolders(path: string, mode?: number): Promise<void> {
  try {
    return await makeFolder(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    await makeFolders(parent, mode);
  }
  await makeFolder(path, mode);
}

async function makeFolder(path: string, mode: number | undefined): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const isThere =
      (error as NodeJS.ErrnoException).code === "EEXIST" && (await stat(path)).isDirectory();
    if (!isThere) throw error;
  }
}
