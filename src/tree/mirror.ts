/**
 * Mirror: a tree laid out in a directory, so that a command can run in it, and what the command
 * changed taken back into the tree.
 *
 * The tree stays the truth. The mirror notes, for each path it has written, which node it stands for
 * and what lstat(2) said right after; a later lstat that says the same means that nothing touched it,
 * and the node keeps all that a directory could not hold (owners that cannot be set, times, extended
 * attributes). Only what differs is read back.
 */
import { lstatSync, readdirSync, readlinkSync, rmSync, type BigIntStats } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  bytesContent,
  collectBytes,
  compareNames,
  decodeName,
  encodeName,
  equalBytes,
  isBivyError,
  joinPath,
  type Content,
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
  /** Paths that a command may use as it likes and that are not taken back, such as mount points. */
  readonly ignored: readonly string[];
}

interface Noted {
  readonly node: TreeNode;
  /** Absent where the directory could not hold the node (a device without the right to make one). */
  readonly stats?: BigIntStats;
}

export class Mirror {
  readonly directory: string;
  readonly #root: DirectoryRoot;
  readonly #options: MirrorOptions;
  #noted = new Map<string, Noted>();

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
      if (wanted.get(path)?.kind !== this.#noted.get(path)!.node.kind)
        rmSync(this.#host(path), { recursive: true, force: true });
    for (const [path, node] of wanted) {
      const before = this.#noted.get(path);
      if (before !== undefined && sameNode(before.node, node)) {
        if (node.kind === "file" && !firstPaths.has(node)) firstPaths.set(node, path);
        noted.set(path, { ...before, node });
        continue;
      }
      noted.set(path, await this.#write(path, node, firstPaths));
    }
    this.#noted = noted;
    this.#refreshDirectories();
  }

  /** Takes what a command changed back into `root`, which must be the tree that was laid. */
  async takeBack(root: TreeRoot): Promise<void> {
    const seen = new Set<string>();
    const linked = new Map<bigint, string>();
    await this.#takeDirectory("", root, seen, linked);
    const gone = [...this.#noted].filter(
      ([path, { stats }]) => stats !== undefined && !seen.has(path),
    );
    for (const [path] of gone.reverse()) if (!this.#isIgnored(path)) root.remove(path);
    for (const { path, node } of walkTree(root.snapshot())) {
      const stats = lstatSync(this.#host(path), { bigint: true, throwIfNoEntry: false });
      this.#noted.set(path, stats === undefined ? { node } : { node, stats });
    }
    for (const [path] of gone) this.#noted.delete(path);
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
    seen: Set<string>,
    linked: Map<bigint, string>,
  ): Promise<void> {
    const names = readdirSync(this.#host(path), { encoding: "buffer" })
      .map(decodeName)
      .sort(compareNames);
    for (const name of names) {
      const childPath = joinPath(path, name);
      if (this.#isIgnored(childPath)) continue;
      seen.add(childPath);
      const stats = this.#stats(childPath);
      const noted = this.#noted.get(childPath);
      if (noted?.stats === undefined || !sameStats(noted.stats, stats))
        await this.#take(childPath, stats, noted, root, linked);
      if (stats.isDirectory()) await this.#takeDirectory(childPath, root, seen, linked);
    }
  }

  async #take(
    path: string,
    stats: BigIntStats,
    noted: Noted | undefined,
    root: TreeRoot,
    linked: Map<bigint, string>,
  ): Promise<void> {
    const before = noted?.node;
    const attributes = this.#takenAttributes(stats, noted);
    if (stats.isDirectory()) {
      if (before !== undefined && before.kind !== "directory") root.remove(path);
      root.makeDirectory(path, { ...attributes, mtime: before?.mtime ?? this.#options.time });
    } else if (stats.isSymbolicLink()) {
      const target = decodeName(readlinkSync(this.#host(path), "buffer"));
      if (before?.kind === "symlink" && before.target === target)
        return root.setAttributes(path, { ...attributes, mode: before.mode, mtime: before.mtime });
      clearForFile(root, path);
      root.makeSymlink(path, target, attributes);
    } else if (stats.isFile()) {
      await this.#takeFile(path, stats, before, attributes, root, linked);
    } else if (stats.isFIFO()) {
      clearForFile(root, path);
      root.makeSpecial(path, { ...attributes, kind: "fifo" });
    }
  }

  async #takeFile(
    path: string,
    stats: BigIntStats,
    before: TreeNode | undefined,
    attributes: Attributes,
    root: TreeRoot,
    linked: Map<bigint, string>,
  ): Promise<void> {
    const first = stats.nlink > 1n ? linked.get(stats.ino) : undefined;
    if (first !== undefined) {
      clearForFile(root, path);
      return root.makeLink(path, first);
    }
    linked.set(stats.ino, path);
    const bytes = await readFile(this.#host(path));
    if (before?.kind === "file" && (await holds(before.content, bytes)))
      return root.setAttributes(path, { ...attributes, mtime: before.mtime });
    clearForFile(root, path);
    return root.writeFile(path, attributes, bytesContent(bytes));
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

  /** Writing into a directory changed its times: note what they are when all is laid. */
  #refreshDirectories(): void {
    for (const [path, { node, stats }] of this.#noted)
      if (node.kind === "directory" || (stats !== undefined && stats.nlink > 1n))
        this.#noted.set(path, { node, stats: this.#stats(path) });
  }

  #isIgnored(path: string): boolean {
    return this.#options.ignored.some(
      (ignored) => path === ignored || path.startsWith(`${ignored}/`),
    );
  }

  #stats(path: string): BigIntStats {
    return lstatSync(this.#host(path), { bigint: true });
  }

  #host(path: string): Buffer {
    return Buffer.from(encodeName(path === "" ? this.directory : `${this.directory}/${path}`));
  }
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
  if (content.size !== bytes.byteLength) return false;
  return equalBytes(
    await collectBytes(content.chunks(), content.size, () => new Error("grew")),
    bytes,
  );
}
