/**
 * Extraction: the files of one package on their way into a root. Each is written under a temporary
 * name in its own folder; `finish` gives them their names, `abandon` removes them.
 */
import type { TarEntry, TarHeader } from "../archive/index.ts";
import {
  baseName,
  BivyError,
  encodeName,
  equalBytes,
  hashBytes,
  joinPath,
  parentPath,
  parseEntryPath,
  type Limits,
} from "../base/index.ts";
import type { Attributes, Root, RootEntry } from "../tree/index.ts";
import type { Account, RootAccounts } from "./accounts.ts";
import type { DirectoryAttributes, FileOwners } from "./file-owners.ts";
import { formatChecksum } from "./identity.ts";
import type { InstalledFile, InstalledPackage } from "./installed.ts";
import { packageLabel } from "./package.ts";
import { PackageContents, type CursorPool } from "./package-contents.ts";
import type { PackageSource } from "./package-file.ts";
import { xattrChecksum } from "./xattr-checksum.ts";

export interface ExtractionOptions {
  readonly package: InstalledPackage;
  readonly source: PackageSource;
  readonly owners: FileOwners;
  readonly accounts: RootAccounts;
  readonly time: number;
  readonly limits: Limits;
  readonly cursors: CursorPool;
}

interface Pending {
  readonly temporary: string;
  readonly type: TarHeader["type"];
  readonly file: InstalledFile;
}

const checksumRecord = "APK-TOOLS.checksum.SHA1";

export class Extraction {
  readonly #root: Root;
  readonly #options: ExtractionOptions;
  readonly #subject: string;
  readonly #contents: PackageContents;
  /** By final path. */
  readonly #pending = new Map<string, Pending>();
  /** Every temporary name that was begun. */
  readonly #temporaries = new Set<string>();
  readonly #directories = new Map<string, DirectoryAttributes>();
  /** The directories that were not there before, outermost first. */
  readonly #made = new Set<string>();
  #position = 0;

  constructor(root: Root, options: ExtractionOptions) {
    this.#root = root;
    this.#options = options;
    this.#subject = packageLabel(options.package);
    const { source, limits, cursors } = options;
    this.#contents = new PackageContents(source, options.package.identity, limits, cursors);
  }

  /** Takes one entry of the data section; its content has been read and verified when this resolves. */
  async add(entry: TarEntry): Promise<void> {
    const position = this.#position++;
    const { header } = entry;
    const path = parseEntryPath(header.path, this.#subject);
    // The database keeps one name a line: with a line end, a name could add records of its own.
    if (path.includes("\n"))
      throw this.#invalid(`${JSON.stringify(path)} has a line end in its name`);
    if (header.type === "directory") return this.#addDirectory(path, header);
    if (path === "")
      throw this.#invalid(`an entry stands for the root itself but is a ${header.type}`);
    if (temporaryForm.test(baseName(path)))
      throw this.#invalid(`${path} has a name that is kept for files on their way`);
    const { owners } = this.#options;
    this.#requireFolder(path);
    if (owners.decide(path, this.#options.package) === "keep") return;
    const before = this.#root.lookup(path);
    if (before?.kind === "directory")
      throw new BivyError(
        "file-conflict",
        `${this.#subject}: ${path} is a directory in the root, and a ${header.type} in the package`,
        {
          hint: "Leave out one of the two packages.",
        },
      );
    const temporary = joinPath(parentPath(path), temporaryName(path));
    this.#temporaries.add(temporary);
    const file = await this.#write(path, temporary, entry, position);
    this.#pending.set(path, { temporary, type: header.type, file });
  }

  /** All content holds: every file gets its name, and the package owns it. */
  finish(): void {
    const { owners, package: subject } = this.#options;
    for (const [path, attributes] of this.#directories) this.#settleDirectory(path, attributes);
    for (const [path, { temporary, file }] of this.#pending) {
      this.#root.rename(temporary, path);
      owners.addFile(subject, path, file);
    }
  }

  /** Removes what was written, as far as it can; the error that led here is what counts. */
  abandon(): void {
    for (const path of [...this.#temporaries, ...[...this.#made].reverse()]) {
      try {
        if (this.#root.list(path).length === 0) this.#root.remove(path);
      } catch {
        // What cannot be removed stays.
      }
    }
  }

  directories(): Iterable<string> {
    return this.#directories.keys();
  }

  touches(path: string): boolean {
    return this.#pending.has(path);
  }

  #addDirectory(path: string, header: TarHeader): void {
    if (path !== "") this.#requireFolder(path);
    this.#refuseTwoKinds(path);
    const attributes = { mode: header.mode, ...this.#owner(header), ...xattrFields(header) };
    this.#directories.set(path, attributes);
    const before = path === "" ? undefined : this.#root.lookup(path);
    if (before !== undefined && before.kind !== "directory") throw this.#notDirectory(path, before);
    if (path !== "" && before === undefined) {
      this.#root.makeDirectory(path, { ...toNode(attributes, header), mtime: header.mtime });
      this.#made.add(path);
    }
  }

  /** Its files get their names at the very end: what cannot be then must be found out now. */
  #refuseTwoKinds(path: string): void {
    if (this.#pending.has(path))
      throw this.#invalid(`${path} is a ${this.#pending.get(path)!.type} and a directory in it`);
  }

  #invalid(found: string): BivyError {
    return new BivyError("package-invalid", `${this.#subject}: ${found}`, {
      hint: "The package is damaged or hostile; tell its maker.",
    });
  }

  #notDirectory(path: string, before: RootEntry): BivyError {
    if (before.kind === "symlink")
      return new BivyError(
        "symlink-parent",
        `${this.#subject}: ${path} is a directory in the package, and a symlink to ${before.target} in the root`,
        {
          hint: "Files are never written through another package's link. Leave out one of the two packages.",
        },
      );
    return new BivyError(
      "file-conflict",
      `${this.#subject}: ${path} is a directory in the package, and a ${before.kind} in the root`,
      {
        hint: "Leave out one of the two packages.",
      },
    );
  }

  /** Folders that the package does not list itself are made plain, and belong to it all the same. */
  #requireFolder(path: string): void {
    const folder = parentPath(path);
    if (this.#directories.has(folder)) return;
    // Upwards, to the first that is there: all above it are directories too.
    const missing: string[] = [];
    for (let above = folder; above !== ""; above = parentPath(above)) {
      const before = this.#root.lookup(above);
      if (before?.kind === "directory") break;
      this.#refuseTwoKinds(above);
      if (before !== undefined) throw this.#notDirectory(above, before);
      missing.push(above);
    }
    for (const above of missing.reverse()) {
      this.#root.makeDirectory(above, { mode: 0o755, uid: 0, gid: 0, mtime: this.#options.time });
      this.#made.add(above);
    }
    this.#directories.set(
      folder,
      this.#options.owners.directoryAttributes(folder) ?? { mode: 0o755, uid: 0, gid: 0 },
    );
  }

  async #write(
    path: string,
    temporary: string,
    entry: TarEntry,
    position: number,
  ): Promise<InstalledFile> {
    const { header } = entry;
    if (header.type === "hardlink") return this.#writeLink(path, temporary, header);
    const owner = this.#owner(header);
    const attributes = toNode({ mode: header.mode, ...owner }, header);
    const file = { name: baseName(path), mode: header.mode, ...owner, ...xattrFields(header) };
    const checksum = header.pax.get(checksumRecord);
    switch (header.type) {
      case "symlink": {
        const sha1 = hashBytes("sha1", encodeName(header.linkPath));
        if (checksum !== undefined && !equalBytes(parseSha1(checksum, path, this.#subject), sha1))
          throw new BivyError(
            "checksum-mismatch",
            `${this.#subject}: the target of ${path} does not have the SHA-1 that the package states`,
            {
              hint: "The package is damaged; fetch it again.",
            },
          );
        this.#root.makeSymlink(temporary, header.linkPath, attributes);
        return { ...file, mode: 0o777, checksum: formatChecksum(sha1) };
      }
      case "file": {
        if (checksum === undefined)
          throw new BivyError("package-invalid", `${this.#subject}: ${path} has no checksum`, {
            hint: "The package is of an obsolete kind; build it again with a current abuild or melange.",
          });
        const sha1 = parseSha1(checksum, path, this.#subject);
        await this.#root.writeFile(
          temporary,
          attributes,
          this.#contents.content(position, entry, sha1),
        );
        return { ...file, checksum: formatChecksum(sha1) };
      }
      case "fifo":
        this.#root.makeSpecial(temporary, { ...attributes, kind: "fifo" });
        return file;
      default:
        this.#root.makeSpecial(temporary, {
          ...attributes,
          kind: header.type as "character" | "block",
          major: header.deviceMajor,
          minor: header.deviceMinor,
        });
        return file;
    }
  }

  #writeLink(path: string, temporary: string, header: TarHeader): InstalledFile {
    const target = parseEntryPath(header.linkPath, this.#subject);
    const pending = target === path ? undefined : this.#pending.get(target);
    if (pending === undefined || (pending.type !== "file" && pending.type !== "hardlink"))
      throw this.#invalid(
        `${path} is a hard link to ${target}, which is not an earlier file of the package`,
      );
    this.#root.makeLink(temporary, pending.temporary);
    return { ...pending.file, name: baseName(path) };
  }

  /** Names of the package count by what the root's passwd and group say, else by the numbers beside them. */
  #owner(header: TarHeader): { uid: number; gid: number } {
    const { users, groups } = this.#options.accounts;
    return {
      uid: named(users, header.userName) ?? header.uid,
      gid: named(groups, header.groupName) ?? header.gid,
    };
  }

  /** A directory gets its leader's attributes, unless somebody else made it or changed it in the root. */
  #settleDirectory(path: string, attributes: DirectoryAttributes): void {
    const { owners, package: subject } = this.#options;
    const before = owners.directoryAttributes(path);
    const settled = owners.addDirectory(subject, path, attributes);
    const entry = path === "" ? undefined : this.#root.lookup(path);
    if (entry?.kind !== "directory") return;
    const isOurs = this.#made.has(path) || (before !== undefined && sameOwner(before, entry));
    if (isOurs && !sameOwner(settled, entry))
      this.#root.setAttributes(path, { ...entry, ...pickOwner(settled) });
  }
}

function sameOwner(a: DirectoryAttributes, b: DirectoryAttributes): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

const temporaryForm = /^\.apk\.[0-9a-f]{24}$/;

/** Short, so that it fits wherever the name itself fits; two files of a folder never share it. */
function temporaryName(path: string): string {
  return `.apk.${Buffer.from(hashBytes("sha256", encodeName(path))).toString("hex", 0, 12)}`;
}

function named(accounts: ReadonlyMap<string, Account>, name: string): number | undefined {
  return name === "" ? undefined : accounts.get(name)?.id;
}

function pickOwner({ mode, uid, gid }: DirectoryAttributes): DirectoryAttributes {
  return { mode, uid, gid };
}

function toNode(attributes: DirectoryAttributes, header: TarHeader): Attributes {
  return {
    ...pickOwner(attributes),
    mtime: header.mtime,
    mtimeNanoseconds: header.mtimeNanoseconds,
    ...(header.xattrs.size === 0 ? {} : { xattrs: header.xattrs }),
  };
}

function parseSha1(value: Uint8Array, path: string, subject: string): Uint8Array {
  const text = Buffer.from(value).toString("latin1");
  if (/^[0-9a-f]{40}$/i.test(text)) return Buffer.from(text, "hex");
  throw new BivyError(
    "package-invalid",
    `${subject}: the checksum of ${path}: expected 40 hex digits, found ${JSON.stringify(text.slice(0, 80))}`,
    { hint: "Build the package again with a current abuild or melange." },
  );
}

function xattrFields(header: TarHeader): { xattrHash?: string } {
  if (header.xattrs.size === 0) return {};
  return { xattrHash: formatChecksum(xattrChecksum(header.xattrs, "sha1")) };
}
