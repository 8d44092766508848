/** FileOwners: which package owns each file and directory of a root, while packages come in. */
import { baseName, BivyError, compareNames, joinPath, parentPath } from "../base/index.ts";
import {
  changeInstalled,
  type InstalledDirectory,
  type InstalledFile,
  type InstalledPackage,
} from "./installed.ts";
import { decideOwner, outranksOnDirectories, type Claimant, type Decision } from "./ownership.ts";
import { packageLabel } from "./package.ts";

export interface DirectoryAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly xattrHash?: string;
}

interface OwnedDirectory {
  /** The package whose attributes the directory has. */
  leader: Claimant;
  attributes: DirectoryAttributes;
}

/** What one package owns: files by directory, by name. */
interface Holdings {
  readonly claimant: Claimant;
  readonly attributes: Map<string, DirectoryAttributes>;
  readonly files: Map<string, Map<string, InstalledFile>>;
  changed: boolean;
}

export class FileOwners {
  readonly #holdings = new Map<string, Holdings>();
  readonly #files = new Map<string, Holdings>();
  readonly #directories = new Map<string, OwnedDirectory>();

  constructor(installed: readonly InstalledPackage[]) {
    for (const subject of installed) {
      const holdings = this.#open(subject);
      for (const directory of subject.directories) {
        this.#addDirectory(holdings, directory.path, directory);
        for (const file of directory.files)
          this.#addFile(holdings, joinPath(directory.path, file.name), file);
      }
    }
  }

  /** Whether `newcomer` may have the file at `path`; a conflict is an error that names both packages. */
  decide(path: string, newcomer: InstalledPackage): Exclude<Decision, "conflict"> {
    const owner = this.#files.get(path);
    if (owner === undefined) return "take";
    const decision = decideOwner(owner.claimant, claimantOf(newcomer));
    if (decision !== "conflict") return decision;
    throw new BivyError(
      "file-conflict",
      `${packageLabel(newcomer)}: its file ${path} belongs to ${packageLabel(owner.claimant.package)}`,
      {
        hint: "Leave out one of the two packages, or have one of them declare that it replaces the other.",
      },
    );
  }

  /** The package's own record of a file. */
  fileOf(subject: InstalledPackage, path: string): InstalledFile | undefined {
    return this.#holdings.get(subject.name)?.files.get(parentPath(path))?.get(baseName(path));
  }

  addFile(subject: InstalledPackage, path: string, file: InstalledFile): void {
    const before = this.#files.get(path);
    if (before !== undefined && before.claimant.package.name !== subject.name) {
      before.files.get(parentPath(path))?.delete(baseName(path));
      before.changed = true;
    }
    const holdings = this.#open(subject);
    holdings.changed = true;
    this.#addFile(holdings, path, file);
  }

  /** Notes a directory of a package, and gives the attributes that it has from now on. */
  addDirectory(
    subject: InstalledPackage,
    path: string,
    attributes: DirectoryAttributes,
  ): DirectoryAttributes {
    const holdings = this.#open(subject);
    holdings.changed = true;
    return this.#addDirectory(holdings, path, attributes);
  }

  /** The attributes that the packages give a directory; undefined when none owns it. */
  directoryAttributes(path: string): DirectoryAttributes | undefined {
    return this.#directories.get(path)?.attributes;
  }

  /** The paths of all directories that packages own. */
  directories(): Iterable<string> {
    return this.#directories.keys();
  }

  /** The record with the files it has now. */
  withFiles(subject: InstalledPackage): InstalledPackage {
    const holdings = this.#holdings.get(subject.name);
    if (holdings === undefined || !holdings.changed) return subject;
    const directories = [...holdings.attributes]
      .map(([path, attributes]): InstalledDirectory => {
        const files = [...(holdings.files.get(path)?.values() ?? [])];
        return { path, ...attributes, files: files.sort((a, b) => compareNames(a.name, b.name)) };
      })
      // The root is listed only for the sake of files in it.
      .filter(({ path, files }) => path !== "" || files.length > 0)
      .sort((a, b) => compareNames(a.path, b.path));
    return changeInstalled(subject, { directories });
  }

  #open(subject: InstalledPackage): Holdings {
    const known = this.#holdings.get(subject.name);
    if (known !== undefined) return known;
    const holdings: Holdings = {
      claimant: claimantOf(subject),
      attributes: new Map(),
      files: new Map(),
      changed: false,
    };
    this.#holdings.set(subject.name, holdings);
    return holdings;
  }

  #addFile(holdings: Holdings, path: string, file: InstalledFile): void {
    const directory = parentPath(path);
    let files = holdings.files.get(directory);
    if (files === undefined) holdings.files.set(directory, (files = new Map()));
    files.set(file.name, file);
    this.#files.set(path, holdings);
  }

  #addDirectory(holdings: Holdings, path: string, given: DirectoryAttributes): DirectoryAttributes {
    const attributes = plainAttributes(given);
    holdings.attributes.set(path, attributes);
    const owned = this.#directories.get(path);
    if (owned === undefined || outranksOnDirectories(holdings.claimant, owned.leader))
      this.#directories.set(path, { leader: holdings.claimant, attributes });
    return this.#directories.get(path)!.attributes;
  }
}

function claimantOf(subject: InstalledPackage): Claimant {
  return {
    package: subject,
    replaces: subject.replaces,
    replacesPriority: subject.replacesPriority,
  };
}

function plainAttributes({ mode, uid, gid, xattrHash }: DirectoryAttributes): DirectoryAttributes {
  return xattrHash === undefined ? { mode, uid, gid } : { mode, uid, gid, xattrHash };
}
