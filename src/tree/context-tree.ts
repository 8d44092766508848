/**
 * Context trees: a folder of the user's as COPY and ADD see it. What is ignored is left out, everything
 * belongs to root, and extended attributes and sockets do not count. No symlink is followed.
 *
 * An ignored folder that holds something kept is there with its own mode, as BuildKit has it. Only what
 * lies on the way to the wanted paths, and below them, is looked at.
 */
import { lstatSync, readdirSync, readlinkSync, statSync, type BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import {
  throwIfAborted,
  BivyError,
  decodeName,
  encodeName,
  fileContent,
  fileError,
  joinPath,
  limitExceeded,
  type Content,
  type Limits,
} from "../base/index.ts";
import { deviceNumbers } from "./device.ts";
import type { Attributes, DirectoryNode, FileNode, TreeNode } from "./node.ts";

/** What decides which files are left out, on a walk from the top (as an ignore file's patterns do). */
export interface WalkedIgnore {
  readonly ignored: boolean;
  /** Whether anything below can be kept all the same. */
  readonly mayHoldKept: boolean;
  child(name: string): WalkedIgnore;
}

export interface ContextTreeOptions {
  readonly ignore?: WalkedIgnore;
  /** Whether an ignored folder is there even if nothing in it is. */
  readonly keepsFolder?: (path: string) => boolean;
  /** Plain paths: only they, what is below, and the folders above are read. All, unless given. */
  readonly wanted?: readonly string[];
  readonly limits: Limits;
  readonly signal?: AbortSignal;
}

/** A file of a context: what it was when it was looked at says whether it is still the same. */
export class ContextContent implements Content {
  readonly size: number;
  readonly path: string;
  /** All that stat(2) tells of the content: size, times of content and inode, and which inode it is. */
  readonly stamp: string;
  /** When the inode last changed, in milliseconds since 1970. */
  readonly changed: number;
  /** The SHA-256 that whoever read it has found, in hex: to be held against what is read later. */
  sha256: string | undefined = undefined;

  constructor(path: string, stats: BigIntStats) {
    this.size = Number(stats.size);
    this.path = path;
    this.stamp = `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.dev}:${stats.ino}`;
    this.changed = Number(stats.ctimeMs);
  }

  /** The path as the system takes it: names that are not UTF-8 are bytes. */
  get hostPath(): string | Buffer {
    return this.path.isWellFormed() ? this.path : Buffer.from(encodeName(this.path));
  }

  chunks() {
    return fileContent(this.hostPath, this.size).chunks();
  }
}

/** Reads a folder; the contents of its files stay on disk. */
export async function readContextTree(
  path: string,
  options: ContextTreeOptions,
): Promise<DirectoryNode> {
  const reader = new ContextReader(path, options);
  const top = await reader.readTop();
  return top;
}

/** How many entries are looked at before others get a turn. */
const entriesAtOnce = 2000;

/** What is wanted below a folder; undefined for everything. */
type Wanted = ReadonlyMap<string, Wanted> | undefined;

class ContextReader {
  #entries = 0;
  readonly #root: string;
  readonly #options: ContextTreeOptions;
  readonly #linked = new Map<string, TreeNode>();

  constructor(root: string, options: ContextTreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  async readTop(): Promise<DirectoryNode> {
    const stats = this.#try("reading", "", () => statSync(this.#host(""), { bigint: true }));
    if (!stats.isDirectory())
      throw new BivyError("file-not-found", `${this.#root}: expected a folder, found a file`, {
        hint: "Name the folder that COPY and ADD take files from.",
      });
    const { ignore, wanted } = this.#options;
    const children = await this.#readChildren("", ignore, wanted && wantedTree(wanted));
    return { ...attributesOf(stats), kind: "directory", children };
  }

  async #readChildren(
    path: string,
    ignore: WalkedIgnore | undefined,
    wanted: Wanted,
  ): Promise<Map<string, TreeNode>> {
    const children = new Map<string, TreeNode>();
    const names =
      wanted === undefined
        ? this.#try("listing", path, () =>
            readdirSync(this.#host(path), { encoding: "buffer" }).map(decodeName),
          )
        : [...wanted.keys()];
    for (const name of names) {
      const below = joinPath(path, name);
      const at = ignore?.child(name);
      if (at?.ignored === true && !at.mayHoldKept) continue;
      const stats = this.#try("looking at", below, () =>
        lstatSync(this.#host(below), { bigint: true, throwIfNoEntry: false }),
      );
      if (stats === undefined || stats.isSocket()) continue;
      await this.#count();
      const node = stats.isDirectory()
        ? await this.#readFolder(below, stats, at, wanted?.get(name))
        : at?.ignored === true
          ? undefined
          : this.#readLeaf(below, stats);
      if (node !== undefined) children.set(name, node);
    }
    return children;
  }

  async #readFolder(
    path: string,
    stats: BigIntStats,
    ignore: WalkedIgnore | undefined,
    wanted: Wanted,
  ): Promise<DirectoryNode | undefined> {
    const children = await this.#readChildren(path, ignore, wanted);
    if (ignore?.ignored === true && children.size === 0 && !this.#keepsFolder(path))
      return undefined;
    return { ...attributesOf(stats), kind: "directory", children };
  }

  #keepsFolder(path: string): boolean {
    return this.#options.keepsFolder?.(path) ?? false;
  }

  #readLeaf(path: string, stats: BigIntStats): TreeNode {
    const inode = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined;
    const linked = inode === undefined ? undefined : this.#linked.get(inode);
    if (linked !== undefined) return linked;
    const leaf = this.#makeLeaf(path, stats);
    if (inode !== undefined) this.#linked.set(inode, leaf);
    return leaf;
  }

  #makeLeaf(path: string, stats: BigIntStats): Exclude<TreeNode, DirectoryNode> {
    const attributes = attributesOf(stats);
    if (stats.isFile()) {
      const content = new ContextContent(`${this.#root}/${path}`, stats);
      return { ...attributes, kind: "file", content } satisfies FileNode;
    }
    if (stats.isSymbolicLink()) {
      const target = this.#try("reading", path, () => readlinkSync(this.#host(path), "buffer"));
      return { ...attributes, kind: "symlink", target: decodeName(target) };
    }
    if (stats.isFIFO()) return { ...attributes, kind: "fifo" };
    const kind = stats.isCharacterDevice() ? "character" : "block";
    return { ...attributes, kind, ...deviceNumbers(Number(stats.rdev)) };
  }

  async #count(): Promise<void> {
    const { limits, signal } = this.#options;
    this.#entries += 1;
    if (this.#entries > limits.entries) throw limitExceeded("entries", limits, this.#root);
    if (this.#entries % entriesAtOnce === 0) await setImmediate();
    throwIfAborted(signal);
  }

  #host(path: string): Buffer {
    return Buffer.from(encodeName(path === "" ? this.#root : `${this.#root}/${path}`));
  }

  #try<T>(doing: string, path: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw fileError(error, doing, path === "" ? this.#root : `${path} in ${this.#root}`);
    }
  }
}

/** A path within another one that is wanted adds nothing. */
function wantedTree(paths: readonly string[]): Wanted {
  type Draft = Map<string, Draft | undefined>;
  const top: Draft = new Map();
  for (const path of paths) {
    if (path === "") return undefined;
    const parts = path.split("/");
    let at: Draft | undefined = top;
    for (const [index, part] of parts.entries()) {
      if (at === undefined) break;
      if (index === parts.length - 1) at.set(part, undefined);
      else if (!at.has(part)) at.set(part, new Map());
      at = at.get(part);
    }
  }
  return top as Wanted;
}

function attributesOf(stats: BigIntStats): Attributes {
  return {
    mode: stats.isSymbolicLink() ? 0o777 : Number(stats.mode & 0o7777n),
    uid: 0,
    gid: 0,
    mtime: Math.floor(Number(stats.mtimeMs) / 1000),
  };
}
