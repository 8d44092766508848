/** Owners: which package each file and folder of a tree belongs to, at the place where it stands. */
import {
  outranksOnDirectories,
  packageLabel,
  type Claimant,
  type InstalledPackage,
} from "../apk/index.ts";
import { BivyError, joinPath } from "../base/index.ts";
import { folderResolver, isPlainPath, type DirectoryNode } from "../tree/index.ts";
import type { FileOwner } from "./inventory.ts";

/**
 * The owners of all paths that packages have (see `Inventory.owners`). A file of one package and a
 * folder of another at one place cannot be; then, as with two files that links made one, the first
 * file counts.
 */
export function fileOwners(
  packages: readonly InstalledPackage[],
  top: DirectoryNode,
): ReadonlyMap<string, FileOwner> {
  const owners = new Map<string, FileOwner>();
  const resolve = folderResolver(top);
  for (const subject of packages)
    for (const directory of subject.directories) {
      const { path: written } = directory;
      if (written.length >= longestPath || !isPlainPath(written)) throw notAPath(written, subject);
      const folder = resolve(written);
      if (folder !== "") ownFolder(owners, folder, subject);
      for (const file of directory.files) {
        if (file.name === "" || file.name.includes("/") || !isPlainPath(file.name))
          throw notAPath(joinPath(directory.path, file.name), subject);
        const path = joinPath(folder, file.name);
        if (owners.get(path)?.file === undefined) owners.set(path, { package: subject, file });
      }
    }
  return owners;
}

function ownFolder(owners: Map<string, FileOwner>, path: string, subject: InstalledPackage): void {
  const owner = owners.get(path);
  const isLeading =
    owner === undefined ||
    (owner.file === undefined &&
      outranksOnDirectories(claimantOf(subject), claimantOf(owner.package)));
  if (isLeading) owners.set(path, { package: subject });
}

function claimantOf(subject: InstalledPackage): Claimant {
  const { replaces, replacesPriority } = subject;
  return { package: subject, replaces, replacesPriority };
}

/** The longest path that Linux accepts in a system call (PATH_MAX). */
const longestPath = 4096;

function notAPath(path: string, subject: InstalledPackage): BivyError {
  return new BivyError(
    "database-invalid",
    `the installed database: ${packageLabel(subject)}: expected a path below the root, found ${JSON.stringify(path.slice(0, 200))}`,
    { hint: "The installed database is damaged or hostile." },
  );
}
