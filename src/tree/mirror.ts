/**
 * Mirror: a tree laid out in a directory, so that a command can run in it, and what the command
 * changed taken back into the tree.
 *
 * The tree stays the truth. The mirror notes, for each path it has written, which node it stands for
 * and what lstat(2) said right after; a later lstat that says the same means that nothing touched it,
 * and the node keeps all that a directory could not hold (owners that cannot be set, times, extended
 * attributes). Only what differs is read back.
 */
import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from "node:fs";
import {
  bytesContent,
  collectBytes,
  compareNames,
  decodeName,
  encodeName,
  equalBytes,
  fileContent,
  isBivyError,
  joinPath,
  limitExceeded,
  parentPath,
  type Content,
  type Limits,
} from "../base/index.ts";
import { DirectoryRoot } from "./directory-root.ts";
import { walkTree } from "./file-tree.ts";
import type { Attributes, DirectoryNode, FileNode, TreeNode } from "./node.ts";
import { pickAttributes, type TreeRoot } from "./tree-root.ts";

export interface MirrorOptions {
  /** Whether owners can be set there. */
  readonly owners: boolean;
  /** The time given to what a command wrote, in seconds since 1970. */
  readonly time: number;
  /**
   * Folders that a command may use as it likes, such as mount points. What the tree has below them is
   * not laid out, and neither they nor what is below them is taken back.
   */
  readonly ignored: readonly string[];
  readonly limits: Limits;
}

interface Noted {
  readonly node: TreeNode;
  /** Absent where the directory does not hold the node: it is ignored, or a device that cannot be made. */
  readonly stats?: BigIntStats;
}

export class Mirror {
  readonly directory: string;
  readonly #root: DirectoryRoot;
  readonly #options: MirrorOptions;
  #noted = new Map<string, Noted>();
  /** Bytes that were taken back so far: they are kept in memory. */
  #taken = 0;

  constructor(directory: string, options: MirrorOptions) {
    this.directory = directory;
    this.#root = new DirectoryRoot(directory, { owners: options.owners });
    this.#options = options;
  }

  /** Brings the directory to the state of the tree: writes what is new or changed, removes what is gone. */
  async lay(tree: DirectoryNode): Promise<void> {
    const noted = new Map<string, Noted>();
    const firstPaths = new Map<FileNode, string>();
    const wanted = new Map([...walkTree(tree)].map(({ path, node }) => [path, node] as const));
    for (const path of [...this.#noted.keys()].reverse())
      if (wanted.get(path)?.kind !== this.#noted.get(path)!.node.kind) this.#removeAll(path);
    const isLaid = (path: string, node: TreeNode): boolean => {
      const before = this.#noted.get(path);
      return before !== undefined && sameNode(before.node, node);
    };
    // A new name of a file that is laid already becomes a link to it, also when it comes first in order.
    for (const [path, node] of wanted)
      if (
        node.kind === "file" &&
        !firstPaths.has(node) &&
        isLaid(path, node) &&
        this.#noted.get(path)?.stats !== undefined
      )
        firstPaths.set(node, path);
    for (const [path, node] of wanted)
      noted.set(
        path,
        isLaid(path, node)
          ? { ...this.#noted.get(path)!, node }
          : this.#isIgnored(parentPath(path))
            ? { node }
            : await this.#write(path, node, firstPaths),
      );
    this.#noted = noted;
    this.#refresh();
  }

  /** Takes what a command changed back into `root`, which must be the tree that was laid. */
  async takeBack(root: TreeRoot): Promise<void> {
    const seen = new Map<string, BigIntStats>();
    const links: Links = { known: this.#knownFiles(), taken: new Map() };
    await this.#takeDirectory("", root, seen, links);
    const gone = [...this.#noted].filter(
      ([path, { stats }]) => stats !== undefined && !seen.has(path),
    );
    for (const [path] of gone.reverse()) if (!this.#isIgnored(path)) root.remove(path);
    this.#noted = new Map();
    for (const { path, node } of walkTree(root.snapshot())) {
      const stats = seen.get(path);
      this.#noted.set(path, stats === undefined ? { node } : { node, stats });
    }
  }

  /** Through the root, which follows no link that a command may have left on the way. */
  #removeAll(path: string): void {
    for (const name of this.#root.list(path)) this.#removeAll(joinPath(path, name));
    this.#root.remove(path);
  }

  /** The first path of each file that was laid, by inode. */
  #knownFiles(): Map<bigint, string> {
    const known = new Map<bigint, string>();
    for (const [path, { node, stats }] of this.#noted)
      if (node.kind === "file" && stats !== undefined && !known.has(stats.ino))
        known.set(stats.ino, path);
    return known;
  }

  async #write(path: string, node: TreeNode, firstPaths: Map<FileNode, string>): Promise<Noted> {
    try {
      await this.#writeNode(path, node, firstPaths);
    } catch (error) {
      const special = node.kind === "character" || node.kind === "block";
      if (special && isBivyError(error, "file-denied")) return { node };
      throw error;
    }
    return { node, stats: this.#stats(path) };
  }

  async #writeNode(path: string, node: TreeNode, firstPaths: Map<FileNode, string>): Promise<void> {
    switch (node.kind) {
      case "directory":
        return this.#root.makeDirectory(path, node);
      case "symlink":
        return this.#root.makeSymlink(path, node.target, node);
      case "file": {
        const first = firstPaths.get(node);
        if (first !== undefined) return this.#root.makeLink(path, first);
        firstPaths.set(node, path);
        return this.#root.writeFile(path, withoutXattrs(node), node.content);
      }
      default:
        return this.#root.makeSpecial(path, node);
    }
  }

  async #takeDirectory(
    path: string,
    root: TreeRoot,
    seen: Map<string, BigIntStats>,
    links: Links,
  ): Promise<void> {
    const names = readdirSync(this.#host(path), { encoding: "buffer" })
      .map(decodeName)
      .sort(compareNames);
    const { limits } = this.#options;
    for (const name of names) {
      const childPath = joinPath(path, name);
      if (this.#isIgnored(childPath)) continue;
      const stats = this.#stats(childPath);
      if (seen.size >= limits.entries) throw limitExceeded("entries", limits, "what a script left");
      seen.set(childPath, stats);
      const noted = this.#noted.get(childPath);
      if (noted?.stats === undefined || !sameStats(noted.stats, stats))
        await this.#take(childPath, stats, noted, root, links);
      if (stats.isDirectory()) await this.#takeDirectory(childPath, root, seen, links);
    }
  }

  async #take(
    path: string,
    stats: BigIntStats,
    noted: Noted | undefined,
    root: TreeRoot,
    links: Links,
  ): Promise<void> {
    // What is of another kind now was made anew, and has nothing of what was there.
    const kept = noted !== undefined && isKindOf(noted.node, stats) ? noted : undefined;
    const before = kept?.node;
    const attributes = this.#takenAttributes(stats, kept);
    if (stats.isDirectory()) {
      if (before === undefined && noted !== undefined) root.remove(path);
      root.makeDirectory(path, { ...attributes, ...(before && timesOf(before)) });
    } else if (stats.isSymbolicLink()) {
      const target = decodeName(readlinkSync(this.#host(path), "buffer"));
      if (before?.kind === "symlink" && before.target === target)
        return root.setAttributes(path, { ...attributes, ...timesOf(before) });
      clearForFile(root, path);
      root.makeSymlink(path, target, attributes);
    } else if (stats.isFile()) {
      await this.#takeFile(path, stats, before, attributes, root, links);
    } else if (stats.isFIFO()) {
      clearForFile(root, path);
      root.makeSpecial(path, { ...attributes, kind: "fifo" });
    } else if (noted !== undefined && !isDeviceOf(noted.node, stats)) {
      // A socket ends with the command, but what it stands in place of is gone.
      clearForFile(root, path);
      root.remove(path);
    }
  }

  async #takeFile(
    path: string,
    stats: BigIntStats,
    before: TreeNode | undefined,
    attributes: Attributes,
    root: TreeRoot,
    links: Links,
  ): Promise<void> {
    if (stats.nlink > 1n) {
      const first =
        links.taken.get(stats.ino) ?? (await this.#takeOriginal(path, stats, root, links));
      if (first === path) return;
      if (first !== undefined) {
        clearForFile(root, path);
        return root.makeLink(path, first);
      }
    }
    links.taken.set(stats.ino, path);
    return this.#takeContent(path, Number(stats.size), before, attributes, root);
  }

  /**
   * Takes the file that a name is a new name of, if the mirror has laid it and it still stands where it
   * was: the tree knows more of it than the directory does. Gives its path.
   */
  async #takeOriginal(
    path: string,
    stats: BigIntStats,
    root: TreeRoot,
    links: Links,
  ): Promise<string | undefined> {
    const original = links.known.get(stats.ino);
    if (original === undefined || original === path) return undefined;
    if (this.#root.lookup(original)?.kind !== "file" || this.#stats(original).ino !== stats.ino)
      return undefined;
    links.taken.set(stats.ino, original);
    const noted = this.#noted.get(original)!;
    const attributes = this.#takenAttributes(stats, noted);
    await this.#takeContent(original, Number(stats.size), noted.node, attributes, root);
    return original;
  }

  async #takeContent(
    path: string,
    size: number,
    before: TreeNode | undefined,
    attributes: Attributes,
    root: TreeRoot,
  ): Promise<void> {
    const unchanged = before?.kind === "file" && before.content.size === size ? before : undefined;
    if (unchanged === undefined) this.#count(path, size);
    const bytes = await collectBytes(fileContent(this.#host(path), size).chunks(), size, grown);
    if (unchanged !== undefined) {
      if (await holds(unchanged.content, bytes))
        return root.setAttributes(path, { ...attributes, ...timesOf(unchanged) });
      this.#count(path, size);
    }
    clearForFile(root, path);
    return root.writeFile(path, attributes, bytesContent(bytes));
  }

  /** A sparse file of a script may be larger than all memory, and costs it nothing. */
  #count(path: string, size: number): void {
    const { limits } = this.#options;
    this.#taken += size;
    if (this.#taken > limits["script-size"]) throw limitExceeded("script-size", limits, `/${path}`);
  }

  /** Where the mirror shows the owner it was given, the tree's own stands: the two differ without root. */
  #takenAttributes(stats: BigIntStats, noted: Noted | undefined): Attributes {
    const uidKept = noted?.stats !== undefined && noted.stats.uid === stats.uid;
    const gidKept = noted?.stats !== undefined && noted.stats.gid === stats.gid;
    return {
      mode: Number(stats.mode & 0o7777n),
      uid: uidKept ? noted.node.uid : Number(stats.uid),
      gid: gidKept ? noted.node.gid : Number(stats.gid),
      mtime: this.#options.time,
      ...(noted?.node.xattrs === undefined ? {} : { xattrs: noted.node.xattrs }),
    };
  }

  /** Writing into a directory changed its times, and each link those of its file: note what they are now. */
  #refresh(): void {
    const names = new Map<TreeNode, number>();
    for (const { node } of this.#noted.values()) names.set(node, (names.get(node) ?? 0) + 1);
    for (const [path, { node, stats }] of this.#noted) {
      if (stats === undefined) continue;
      if (node.kind === "directory" || stats.nlink > 1n || names.get(node)! > 1)
        this.#noted.set(path, { node, stats: this.#stats(path) });
    }
  }

  #isIgnored(path: string): boolean {
    return this.#options.ignored.some((folder) => path === folder || path.startsWith(`${folder}/`));
  }

  #stats(path: string): BigIntStats {
    return lstatSync(this.#host(path), { bigint: true });
  }

  #host(path: string): Buffer {
    return Buffer.from(encodeName(path === "" ? this.directory : `${this.directory}/${path}`));
  }
}

/** While a command's changes are taken back: the files with several names, by inode. */
interface Links {
  /** Where the mirror laid each file. */
  readonly known: ReadonlyMap<bigint, string>;
  /** The path that was taken first. */
  readonly taken: Map<bigint, string>;
}

function isKindOf(node: TreeNode, stats: BigIntStats): boolean {
  if (node.kind === "directory") return stats.isDirectory();
  if (node.kind === "symlink") return stats.isSymbolicLink();
  return node.kind === "file" && stats.isFile();
}

function isDeviceOf(node: TreeNode, stats: BigIntStats): boolean {
  return node.kind === "character" ? stats.isCharacterDevice() : stats.isBlockDevice();
}

function timesOf({
  mtime,
  mtimeNanoseconds,
}: Attributes): Pick<Attributes, "mtime" | "mtimeNanoseconds"> {
  return mtimeNanoseconds === undefined ? { mtime } : { mtime, mtimeNanoseconds };
}

/** A command may have put a file or link where a whole directory was. */
function clearForFile(root: TreeRoot, path: string): void {
  if (root.lookup(path)?.kind !== "directory") return;
  for (const name of root.list(path)) {
    const below = joinPath(path, name);
    clearForFile(root, below);
    root.remove(below);
  }
  root.remove(path);
}

/** Directories are made anew by every snapshot; what counts is their attributes. */
function sameNode(a: TreeNode, b: TreeNode): boolean {
  if (a === b) return true;
  return a.kind === "directory" && b.kind === "directory" && sameAttributes(a, b);
}

function sameAttributes(a: Attributes, b: Attributes): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.mtime === b.mtime;
}

function withoutXattrs(node: FileNode): Attributes {
  const { xattrs: _kept, ...rest } = pickAttributes(node);
  return rest;
}

function sameStats(a: BigIntStats, b: BigIntStats): boolean {
  return (
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.nlink === b.nlink
  );
}

async function holds(content: Content, bytes: Uint8Array): Promise<boolean> {
  return equalBytes(await collectBytes(content.chunks(), content.size, grown), bytes);
}

function grown(): Error {
  return new Error("a content has more bytes than it promised");
}
