/**
 * Overlay: what a command changed in an overlay file system, read from the folder that took its changes
 * (the upper one; Linux, Documentation/filesystems/overlayfs.rst), and applied to the tree that the
 * command began with.
 *
 * The kernel leaves there:
 *   - what was made or changed, whole: a changed file is copied up first, with its attributes;
 *   - a character device 0:0 where something lower was removed;
 *   - a folder for each that was changed or holds a change. One with the attribute `overlay.opaque` hides
 *     all that lies below it (`trusted.` for root, `user.` in a user namespace).
 *
 * Two things are put right. What the runtime made in order to mount on it (`stubs`) is taken away again
 * where the command left nothing in it. And a folder of which nothing but the time is new, because a
 * stub or a temporary file came and went, is as it was.
 */
import {
  lstatSync,
  lutimesSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  unlinkSync,
  type BigIntStats,
} from "node:fs";
import {
  compareNames,
  decodeName,
  encodeName,
  fileContent,
  fileError,
  joinPath,
  limitExceeded,
  parentPath,
  type Limits,
} from "../base/index.ts";
import { deviceNumbers } from "./device.ts";
import { readExtendedAttributes, type ExtendedAttributes } from "./extended-attributes.ts";
import type { Attributes, FileNode } from "./node.ts";
import type { RootEntry } from "./root.ts";
import { sameAttributes, sameBytes } from "./same-node.ts";
import type { TreeRoot } from "./tree-root.ts";

export interface UpperOptions {
  /** Plain paths that were made to mount on. */
  readonly stubs: readonly string[];
  /** Whether files on disk have the owners that they should: not with a single user id. */
  readonly owners: boolean;
  /** No file is dated later, in seconds since 1970: those that are, are dated back on disk, too. */
  readonly newest: number;
  readonly limits: Limits;
}

/**
 * Applies what the folder `upper` holds to `root`, which must have what the command began with. Contents
 * stay in the folder.
 */
export async function takeUpper(
  upper: string,
  root: TreeRoot,
  options: UpperOptions,
): Promise<void> {
  removeStubs(upper, root, options.stubs);
  const found = listUpper(upper, options);
  const carriers = found.filter(
    ({ stats }) => stats.isDirectory() || (stats.isFile() && (stats.mode & 0o111n) !== 0n),
  );
  const xattrs = await readExtendedAttributes(
    upper,
    carriers.map(({ path }) => path),
    options.limits,
  );
  const reader = new UpperReader(upper, root, xattrs, options);
  reader.take(found);
  await reader.keepUnchanged();
}

interface UpperEntry {
  readonly path: string;
  readonly stats: BigIntStats;
}

const isWhiteout = (stats: BigIntStats): boolean => stats.isCharacterDevice() && stats.rdev === 0n;

/** Innermost first, so that a folder is empty when its turn comes. */
function removeStubs(upper: string, root: TreeRoot, stubs: readonly string[]): void {
  for (const path of stubs.toSorted((a, b) => b.length - a.length)) {
    if (root.lookup(path) !== undefined) continue;
    const host = hostPath(upper, path);
    const stats = lstatSync(host, { throwIfNoEntry: false });
    try {
      if (stats?.isDirectory() === true) rmdirSync(host);
      else if (stats?.isFile() === true && stats.size === 0) unlinkSync(host);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY")
        throw fileError(error, "removing", host.toString());
    }
  }
}

/** All that is in the folder, a folder before what it holds. */
function listUpper(upper: string, { limits }: UpperOptions): readonly UpperEntry[] {
  const found: UpperEntry[] = [];
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const names = readdirSync(hostPath(upper, path), { encoding: "buffer" }).map(decodeName);
    for (const name of names.sort(compareNames)) {
      const below = joinPath(path, name);
      const stats = lstatSync(hostPath(upper, below), { bigint: true });
      if (found.length >= limits.entries)
        throw limitExceeded("entries", limits, "what a command left");
      found.push({ path: below, stats });
      if (stats.isDirectory()) pending.push(below);
    }
  }
  return found;
}

class UpperReader {
  readonly #upper: string;
  readonly #root: TreeRoot;
  readonly #xattrs: ReadonlyMap<string, ExtendedAttributes>;
  readonly #options: UpperOptions;
  /** Of each file with several names, the path that was taken first, by inode. */
  readonly #linked = new Map<bigint, string>();
  /** Folders that were there before and have other attributes now, if only a time. */
  readonly #folders: { readonly path: string; readonly attributes: Attributes }[] = [];
  /** Files that were copied up and may be what they were: only their bytes can tell. */
  readonly #suspects: { readonly path: string; readonly before: FileNode }[] = [];
  /** The folders in which something changed. */
  readonly #changed = new Set<string>();

  constructor(
    upper: string,
    root: TreeRoot,
    xattrs: ReadonlyMap<string, ExtendedAttributes>,
    options: UpperOptions,
  ) {
    this.#upper = upper;
    this.#root = root;
    this.#xattrs = xattrs;
    this.#options = options;
  }

  take(found: readonly UpperEntry[]): void {
    for (const { path, stats } of found) {
      const before = this.#root.lookup(path);
      if (isWhiteout(stats)) this.#remove(path, before);
      else if (stats.isDirectory()) this.#takeFolder(path, stats, before);
      else if (!stats.isSocket()) this.#takeLeaf(path, stats, before);
      else this.#remove(path, before);
    }
    for (const { path, attributes } of this.#folders) {
      const before = this.#root.lookup(path)!;
      const isSame = sameAttributes({ ...attributes, ...timesOf(before) }, before);
      if (!isSame || this.#changed.has(path)) this.#root.makeDirectory(path, attributes);
    }
    for (const { path, stats } of found.toReversed()) this.#dateBack(path, stats);
  }

  #takeFolder(path: string, stats: BigIntStats, before: RootEntry | undefined): void {
    const xattrs = this.#xattrs.get(path);
    const isOpaque =
      xattrs?.has("trusted.overlay.opaque") === true || xattrs?.has("user.overlay.opaque") === true;
    if (before?.kind !== "directory") {
      this.#remove(path, before);
      this.#change(path);
      return this.#root.makeDirectory(path, this.#attributes(path, stats));
    }
    const attributes = this.#attributes(path, stats, before);
    if (isOpaque) {
      for (const name of this.#root.list(path)) {
        const below = joinPath(path, name);
        this.#remove(below, this.#root.lookup(below));
      }
      return this.#root.makeDirectory(path, attributes);
    }
    this.#folders.push({ path, attributes });
  }

  #takeLeaf(path: string, stats: BigIntStats, before: RootEntry | undefined): void {
    this.#change(path);
    if (before?.kind === "directory") this.#remove(path, before);
    const kept = before?.kind === kindOf(stats) ? before : undefined;
    const attributes = this.#attributes(path, stats, kept);
    if (stats.isSymbolicLink()) {
      const target = decodeName(readlinkSync(this.#host(path), "buffer"));
      return this.#root.makeSymlink(path, target, attributes);
    }
    if (stats.isFIFO()) return this.#root.makeSpecial(path, { ...attributes, kind: "fifo" });
    if (!stats.isFile()) {
      const kind = stats.isCharacterDevice() ? "character" : "block";
      const device = deviceNumbers(Number(stats.rdev));
      return this.#root.makeSpecial(path, { ...attributes, ...device, kind });
    }
    const first = stats.nlink > 1n ? this.#linked.get(stats.ino) : undefined;
    if (first !== undefined) return this.#root.makeLink(path, first);
    if (stats.nlink > 1n) this.#linked.set(stats.ino, path);
    const content = fileContent(this.#host(path), Number(stats.size));
    const isAlike = before?.kind === "file" && before.content.size === content.size;
    if (isAlike && sameAttributes(before, attributes)) this.#suspects.push({ path, before });
    // Another name of the file that was here has what it had: only this one was copied up.
    if (before !== undefined) this.#root.remove(path);
    return this.#root.putFile(path, attributes, content);
  }

  /** What was only opened for writing has its old content again, which tells a layer that it is the same. */
  async keepUnchanged(): Promise<void> {
    for (const { path, before } of this.#suspects) {
      const now = this.#root.lookup(path) as FileNode;
      if (await sameBytes(before.content, now.content))
        this.#root.putFile(path, before, before.content);
    }
  }

  /** A folder knows that it changed where a name in it comes, goes or is another file. */
  #change(path: string): void {
    this.#changed.add(parentPath(path));
  }

  #remove(path: string, before: RootEntry | undefined): void {
    if (before === undefined) return;
    this.#change(path);
    if (before.kind === "directory")
      for (const name of this.#root.list(path)) {
        const below = joinPath(path, name);
        this.#remove(below, this.#root.lookup(below));
      }
    this.#root.remove(path);
  }

  /** Where files cannot be given to anybody, an owner that is root's on disk is the one of the tree. */
  #attributes(path: string, stats: BigIntStats, kept?: Attributes): Attributes {
    const { owners, newest } = this.#options;
    const xattrs = imageAttributes(this.#xattrs.get(path));
    const owner =
      owners || kept === undefined
        ? { uid: Number(stats.uid), gid: Number(stats.gid) }
        : { uid: kept.uid, gid: kept.gid };
    const seconds = Number(stats.mtimeNs / 1_000_000_000n);
    const nanoseconds = Number(stats.mtimeNs % 1_000_000_000n);
    const isLate = seconds >= newest;
    return {
      mode: stats.isSymbolicLink() ? 0o777 : Number(stats.mode & 0o7777n),
      ...owner,
      mtime: isLate ? newest : seconds,
      ...(isLate || nanoseconds === 0 ? {} : { mtimeNanoseconds: nanoseconds }),
      ...(xattrs.size === 0 ? {} : { xattrs }),
    };
  }

  #dateBack(path: string, stats: BigIntStats): void {
    const { newest } = this.#options;
    if (isWhiteout(stats) || Number(stats.mtimeNs / 1_000_000_000n) < newest) return;
    lutimesSync(this.#host(path), newest, newest);
  }

  #host(path: string): Buffer {
    return hostPath(this.#upper, path);
  }
}

/** What a layer takes along: what the kernel and programs go by, not the books of overlay and SELinux. */
function imageAttributes(all: ExtendedAttributes | undefined): ExtendedAttributes {
  const kept = Array.from(all ?? []).filter(
    ([name]) =>
      name === "security.capability" ||
      (name.startsWith("user.") && !name.startsWith("user.overlay.")),
  );
  return new Map(kept);
}

function kindOf(stats: BigIntStats): RootEntry["kind"] | undefined {
  if (stats.isFile()) return "file";
  if (stats.isSymbolicLink()) return "symlink";
  return undefined;
}

function timesOf({
  mtime,
  mtimeNanoseconds,
}: Attributes): Pick<Attributes, "mtime" | "mtimeNanoseconds"> {
  return mtimeNanoseconds === undefined ? { mtime } : { mtime, mtimeNanoseconds };
}

function hostPath(folder: string, path: string): Buffer {
  return Buffer.from(encodeName(path === "" ? folder : `${folder}/${path}`));
}
