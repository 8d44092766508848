/** Folder sizes: the largest files and folders of the final tree. */
import { parentPath } from "../base/index.ts";
import { largestFirst } from "./ranking.ts";
import type { StoredFile } from "./stored-file.ts";

/** A file with its hard links. */
export interface FileSize {
  /** The first of its paths in byte order. */
  readonly path: string;
  readonly bytes: number;
  /** The layer that stores it; lowest 0. */
  readonly layer: number;
  /** The package that it belongs to. */
  readonly package?: string;
  /** Its other paths. */
  readonly links?: readonly string[];
}

/** A folder with all that is below it; hard links count at the first of their paths. */
export interface FolderSize {
  readonly path: string;
  readonly bytes: number;
  readonly files: number;
}

/** All files of the final tree, the largest first. */
export function measureFiles(
  stored: readonly StoredFile[],
  packageNameOf: (file: StoredFile) => string | undefined,
): FileSize[] {
  const files: FileSize[] = [];
  for (const file of stored) {
    if (file.loss !== undefined) continue;
    const owner = packageNameOf(file);
    files.push({
      path: file.path,
      bytes: file.node.content.size,
      layer: file.layer,
      ...(owner === undefined ? {} : { package: owner }),
      ...(file.links.length === 0 ? {} : { links: file.links }),
    });
  }
  return largestFirst(files);
}

/** All folders that hold any file, the largest first; the root is the path "". */
export function measureFolders(files: readonly FileSize[]): FolderSize[] {
  const sums = new Map<string, { bytes: number; files: number }>();
  for (const { path, bytes } of files)
    for (let above = path; above !== "";) {
      above = parentPath(above);
      const sum = sums.get(above) ?? { bytes: 0, files: 0 };
      sums.set(above, sum);
      sum.bytes += bytes;
      sum.files += 1;
    }
  return largestFirst(Array.from(sums, ([path, sum]) => ({ path, ...sum })));
}

/** What share of a folder one folder below it may have before the folder itself says little. */
const dominantShare = 0.9;

/**
 * The folders that say where the bytes are: without the root, and without those of whose bytes nearly
 * all stand in one folder below them. Bytes may be negative, as differences are.
 */
export function tellingFolders<T>(
  folders: readonly T[],
  pathOf: (folder: T) => string,
  bytesOf: (folder: T) => number,
): T[] {
  const largestBelow = new Map<string, number>();
  for (const folder of folders) {
    const [path, bytes] = [pathOf(folder), bytesOf(folder)];
    if (path === "") continue;
    const parent = parentPath(path);
    if (Math.abs(bytes) > Math.abs(largestBelow.get(parent) ?? 0)) largestBelow.set(parent, bytes);
  }
  return folders.filter((folder) => {
    const below = largestBelow.get(pathOf(folder)) ?? 0;
    return pathOf(folder) !== "" && !(below / bytesOf(folder) >= dominantShare);
  });
}
