/** Owners: which package each file and folder of a tree belongs to, at the place where it stands. */
import {
  outranksOnDirectories,
  packageLabel,
  type Claimant,
  type InstalledPackage,
} from "../apk/index.ts";
import { baseName, BivyError, isBivyError, joinPath, parentPath } from "../base/index.ts";
import { isPlainPath, resolveInRoot, type Root } from "../tree/index.ts";
import type { FileOwner } from "./inventory.ts";

/**
 * The owners of all paths that packages have (see `Inventory.owners`). A file of one package and a
 * folder of another at one place cannot be; then, as with two files that links made one, the first
 * file counts.
 */
export function fileOwners(
  packages: readonly InstalledPackage[],
  root: Pick<Root, "lookup">,
): ReadonlyMap<string, FileOwner> {
  const owners = new Map<string, FileOwner>();
  const folders = new FolderPlaces(root);
  for (const subject of packages)
    for (const directory of subject.directories) {
      const folder = folders.placeOf(directory.path, subject);
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

/** Where folders are once links are followed; each is looked up once, as many packages share them. */
class FolderPlaces {
  readonly #root: Pick<Root, "lookup">;
  readonly #places = new Map<string, string>([["", ""]]);

  constructor(root: Pick<Root, "lookup">) {
    this.#root = root;
  }

  placeOf(path: string, subject: InstalledPackage): string {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    if (path.length >= longestPath || !isPlainPath(path)) throw notAPath(path, subject);
    const plain = joinPath(this.placeOf(parentPath(path), subject), baseName(path));
    const isLink = this.#root.lookup(plain)?.kind === "symlink";
    const place = isLink ? this.#follow(plain) : plain;
    this.#places.set(path, place);
    return place;
  }

  /** Below a link that leads in a circle nothing stands. */
  #follow(path: string): string {
    try {
      return resolveInRoot(this.#root, path);
    } catch (error) {
      if (isBivyError(error, "path-unsafe")) return path;
      throw error;
    }
  }
}

function notAPath(path: string, subject: InstalledPackage): BivyError {
  return new BivyError(
    "database-invalid",
    `the installed database: ${packageLabel(subject)}: expected a path below the root, found ${JSON.stringify(path.slice(0, 200))}`,
    { hint: "The installed database is damaged or hostile." },
  );
}
