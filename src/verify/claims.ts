/** Claims: which packages say that a path is theirs, by where the path really stands in the tree. */
import type { InstalledDirectory, InstalledFile, InstalledPackage } from "../apk/index.ts";
import { joinPath } from "../base/index.ts";
import { folderResolver, type DirectoryNode } from "../tree/index.ts";

export interface FileClaim {
  readonly package: InstalledPackage;
  readonly file: InstalledFile;
  /** As the database writes it, links on the way not followed. */
  readonly written: string;
}

export interface DirectoryClaim {
  readonly package: InstalledPackage;
  readonly directory: InstalledDirectory;
}

/** Several packages may claim one path: all share folders, and some tools keep a file that was replaced. */
export interface Claims {
  readonly files: ReadonlyMap<string, readonly FileClaim[]>;
  readonly directories: ReadonlyMap<string, readonly DirectoryClaim[]>;
}

export function readClaims(packages: readonly InstalledPackage[], top: DirectoryNode): Claims {
  const files = new Map<string, FileClaim[]>();
  const directories = new Map<string, DirectoryClaim[]>();
  const resolve = folderResolver(top);
  for (const subject of packages)
    for (const directory of subject.directories) {
      const folder = resolve(directory.path);
      add(directories, folder, { package: subject, directory });
      for (const file of directory.files)
        add(files, joinPath(folder, file.name), {
          package: subject,
          file,
          written: joinPath(directory.path, file.name),
        });
    }
  return { files, directories };
}

function add<T>(claims: Map<string, T[]>, path: string, claim: T): void {
  const before = claims.get(path);
  if (before === undefined) claims.set(path, [claim]);
  else before.push(claim);
}
