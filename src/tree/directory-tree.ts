/**
 * Directory trees: a root file system on disk, read as a tree of one layer.
 *
 * No symlink in it is followed. A file system that is mounted in it (proc, sys, dev) is not entered:
 * its folder stands in the tree, empty. Sockets are left out, since no image can hold them; extended
 * attributes are not read, because Node has no call for it.
 */
import { lstatSync, readdirSync, readlinkSync, statSync, type BigIntStats } from "node:fs";
import { setImmediate } from "node:timers/promises";
import {
  throwIfAborted,
  BivyError,
  compareNames,
  decodeName,
  defaultLimits,
  encodeName,
  fileContent,
  fileError,
  joinPath,
  limitExceeded,
  type Chunks,
  type Content,
} from "../base/index.ts";
import { inspectorOf, passContent, type PassedContent } from "./content-pass.ts";
import { deviceNumbers } from "./device.ts";
import { findNode } from "./file-tree.ts";
import { layDirectory, layFile, noXattrs, type LaidDirectory, type LaidLeaf } from "./laid-node.ts";
import type { LayeredTree, ReadLayersOptions } from "./layered-tree.ts";
import type { Attributes } from "./node.ts";

/** Reads the root file system in a folder. Its contents stay on disk until they are asked for. */
export async function readDirectoryTree(
  path: string,
  options: ReadLayersOptions = {},
): Promise<LayeredTree> {
  const reader = new DirectoryReader(path, options);
  const top = await reader.read();
  return {
    top,
    layers: [{ entries: reader.entries, size: 0, contentSize: reader.contentSize, changes: [] }],
    layerOf: (below) => (findNode(top, below) === undefined ? undefined : 0),
    checksumOf: ({ content }, algorithm) =>
      content instanceof DiskContent ? content.passed[algorithm] : undefined,
  };
}

/** How many entries are looked at before others get a turn: an interruption is one of them. */
const entriesAtOnce = 1000;

class DirectoryReader {
  entries = 0;
  contentSize = 0;
  readonly #root: string;
  readonly #options: ReadLayersOptions;
  /** The files that have several names, by device and inode. */
  readonly #linked = new Map<string, LaidLeaf>();

  constructor(root: string, options: ReadLayersOptions) {
    this.#root = root;
    this.#options = options;
  }

  async read(): Promise<LaidDirectory> {
    // The root itself is what the user named, also by a link; everything in it is as it stands.
    const stats = this.#try("reading", "", () => statSync(this.#host(""), { bigint: true }));
    if (!stats.isDirectory())
      throw new BivyError("file-not-found", `${this.#root}: expected a folder, found a file`, {
        hint: "Name the folder that holds the root file system.",
      });
    return this.#readDirectory("", stats, stats.dev);
  }

  async #readDirectory(path: string, stats: BigIntStats, device: bigint): Promise<LaidDirectory> {
    const directory = layDirectory(attributesOf(stats), 0);
    directory.entered = 0;
    if (stats.dev !== device) return directory;
    const names = this.#try("listing", path, () =>
      readdirSync(this.#host(path), { encoding: "buffer" }).map(decodeName).sort(compareNames),
    );
    for (const name of names) {
      const below = joinPath(path, name);
      const found = this.#stat(below);
      // It went away since the folder was listed.
      if (found === undefined) continue;
      await this.#count();
      if (found.isDirectory())
        directory.children.set(name, await this.#readDirectory(below, found, device));
      else if (!found.isSocket()) directory.children.set(name, await this.#readLeaf(below, found));
    }
    return directory;
  }

  async #readLeaf(path: string, stats: BigIntStats): Promise<LaidLeaf> {
    const inode = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined;
    const linked = inode === undefined ? undefined : this.#linked.get(inode);
    if (linked !== undefined) return linked;
    const leaf = await this.#makeLeaf(path, stats);
    if (inode !== undefined) this.#linked.set(inode, leaf);
    return leaf;
  }

  async #makeLeaf(path: string, stats: BigIntStats): Promise<LaidLeaf> {
    const attributes = attributesOf(stats);
    if (stats.isFile()) {
      this.contentSize += Number(stats.size);
      const size = Number(stats.size);
      const content = new DiskContent(this.#root, path, size);
      const inspector = inspectorOf(path, size, this.#options);
      content.passed = await passContent(content, size, path, this.#options, inspector);
      const file = layFile(attributes, content, 0);
      inspector?.finish(file);
      return file;
    }
    if (stats.isSymbolicLink()) {
      const target = this.#try("reading", path, () => readlinkSync(this.#host(path), "buffer"));
      return { ...attributes, kind: "symlink", target: decodeName(target), layer: 0 };
    }
    if (stats.isFIFO()) return { ...attributes, kind: "fifo", layer: 0 };
    const kind = stats.isCharacterDevice() ? "character" : "block";
    return { ...attributes, kind, ...deviceNumbers(Number(stats.rdev)), layer: 0 };
  }

  async #count(): Promise<void> {
    const { limits = defaultLimits, signal } = this.#options;
    this.entries += 1;
    if (this.entries > limits.entries) throw limitExceeded("entries", limits, this.#root);
    if (this.entries % entriesAtOnce === 0) await setImmediate();
    throwIfAborted(signal);
  }

  #stat(path: string): BigIntStats | undefined {
    return this.#try("looking at", path, () =>
      lstatSync(this.#host(path), { bigint: true, throwIfNoEntry: false }),
    );
  }

  #host(path: string): Buffer {
    return hostPath(this.#root, path);
  }

  #try<T>(doing: string, path: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw readError(error, doing, this.#root, path);
    }
  }
}

const notPassed: PassedContent = {};

/** A file of the root, read from disk each time. */
class DiskContent implements Content {
  readonly size: number;
  readonly #root: string;
  readonly #path: string;
  passed: PassedContent = notPassed;

  constructor(root: string, path: string, size: number) {
    this.size = size;
    this.#root = root;
    this.#path = path;
  }

  chunks(): Chunks {
    if (this.size === 0) return [];
    return this.passed.kept === undefined ? this.#read() : [this.passed.kept];
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      yield* fileContent(hostPath(this.#root, this.#path), this.size).chunks();
    } catch (error) {
      throw readError(error, "reading", this.#root, this.#path);
    }
  }
}

function hostPath(root: string, path: string): Buffer {
  return Buffer.from(encodeName(path === "" ? root : `${root}/${path}`));
}

function readError(error: unknown, doing: string, root: string, path: string): BivyError {
  const named = fileError(error, doing, path === "" ? root : `/${path} in ${root}`);
  if (named.code !== "file-denied") return named;
  return new BivyError("file-denied", named.message, {
    cause: error,
    hint: "A root file system has files that only root can read: run it as root.",
  });
}

function attributesOf(stats: BigIntStats): Required<Attributes> {
  const billion = 1_000_000_000n;
  const nanoseconds = ((stats.mtimeNs % billion) + billion) % billion;
  return {
    mode: stats.isSymbolicLink() ? 0o777 : Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtime: Number((stats.mtimeNs - nanoseconds) / billion),
    mtimeNanoseconds: Number(nanoseconds),
    xattrs: noXattrs,
  };
}
