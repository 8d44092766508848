/**
 * index.json of an OCI layout as a file: it is read whole, and replaced in one step under a lock, so
 * that a reader and a crash see either the images from before or those from after.
 */
import { join } from "node:path";
import { BivyError, isBivyError, type Limits } from "../../base/index.ts";
import { readIfPresent } from "./absence.ts";
import { indexFileName, parseLayoutIndex } from "./layout-index.ts";
import { withLock } from "./lock.ts";
import { encodeIndex, type IndexManifest } from "../manifest.ts";
import { replaceFile } from "./unfinished-file.ts";

const lockFileName = ".bivy.lock";

export interface IndexFile {
  read(): Promise<IndexManifest>;
  /** Replaces what is listed; when `change` returns what it was given, nothing is written. */
  change(change: (index: IndexManifest) => IndexManifest): Promise<void>;
}

/** The index.json of the layout in a folder. */
export function openIndexFile(folder: string, limits: Limits): IndexFile {
  const path = join(folder, indexFileName);
  const read = async (): Promise<IndexManifest> => {
    const bytes = await readIfPresent(path, limits);
    try {
      if (bytes !== undefined) return parseLayoutIndex(bytes, path);
      throw new BivyError("image-invalid", `${path}: expected the list of images, found no file`);
    } catch (error) {
      if (!isBivyError(error, "image-invalid")) throw error;
      throw new BivyError(error.code, error.message, {
        cause: error,
        hint: "The layout has lost the list of its images. Restore the file, or move the folder away and put the images in again.",
      });
    }
  };
  return {
    read,
    change: (change) =>
      withIndexLock(folder, async () => {
        const before = await read();
        const after = change(before);
        if (after !== before) await replaceFile(path, [encodeIndex(after)]);
      }),
  };
}

/** Runs work while no other process replaces index.json. It must not wait for a collection. */
export function withIndexLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  return withLock(join(folder, lockFileName), work);
}
