/**
 * Laying out: writing the files of a tree to a folder, so that commands can see them: all of them, or
 * only what differs from another tree, as a folder that overlay file systems lay over that one's.
 *
 * What differs is the layer diff; the folders on the way to it are made with the attributes that they
 * have in the tree, since a folder on top gives the attributes. What is gone becomes a character device
 * 0:0. Contents come in the order in which they can be had, each layer of an image being read once.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { writeTar, type TarHeader } from "../archive/index.ts";
import {
  BivyError,
  encodeName,
  fileError,
  joinPath,
  parentPath,
  pathPrefixes,
  type Chunks,
} from "../base/index.ts";
import { unpackWithExtendedAttributes } from "./extended-attributes.ts";
import { findNode, nodeHeader, type LayerItem } from "./file-tree.ts";
import { readFiles } from "./layer-content.ts";
import { layerDiff } from "./layer-diff.ts";
import { whiteoutPrefix } from "./layer-name.ts";
import { emptyDirectory, type Attributes, type DirectoryNode, type FileNode } from "./node.ts";

export interface LayOutOptions {
  /** What lies below the folder already; nothing, unless given. */
  readonly below?: DirectoryNode;
  /** Whether owners are set. */
  readonly owners: boolean;
  /** Of all files, in seconds since 1970; as they are in the tree, unless given. */
  readonly time?: number;
  readonly signal?: AbortSignal;
}

/** Lays a tree out in `folder`, which must be there and empty. */
export async function layOut(
  tree: DirectoryNode,
  folder: string,
  options: LayOutOptions,
): Promise<void> {
  try {
    await new Layout(tree, folder, options).lay();
  } catch (error) {
    throw fileError(error, "laying out files", folder);
  }
}

class Layout {
  readonly #tree: DirectoryNode;
  readonly #folder: string;
  readonly #options: LayOutOptions;
  readonly #made = new Set<string>();
  readonly #files = new Map<FileNode, string>();
  readonly #links: { readonly path: string; readonly first: string }[] = [];
  readonly #special: LayerItem[] = [];
  #whiteout: string | undefined;

  constructor(tree: DirectoryNode, folder: string, options: LayOutOptions) {
    this.#tree = tree;
    this.#folder = folder;
    this.#options = options;
  }

  async lay(): Promise<void> {
    const { below = emptyDirectory, signal } = this.#options;
    for (const item of layerDiff(below, this.#tree)) this.#place(item.header);
    const stream = readFiles(this.#files.keys(), signal === undefined ? {} : { signal });
    for await (const { file, chunks } of stream)
      await this.#write(this.#files.get(file)!, file, chunks());
    for (const { path, first } of this.#links) linkSync(this.#host(first), this.#host(path));
    if (this.#special.length > 0)
      await unpackWithExtendedAttributes(this.#folder, writeTar(this.#special));
    if (this.#whiteout !== undefined) rmSync(this.#whiteout);
    // Writing into a folder changes its time, so the innermost come first and all of them last.
    for (const path of [...this.#made].toReversed()) this.#finishFolder(path);
    this.#finishFolder("");
  }

  #place(header: TarHeader): void {
    const { path, type } = header;
    if (path === ".") return;
    this.#makeFolders(parentPath(path));
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (name.startsWith(whiteoutPrefix)) {
      const hidden = joinPath(parentPath(path), name.slice(whiteoutPrefix.length));
      return linkSync(this.#makeWhiteout(), this.#host(hidden));
    }
    if (type === "directory") return this.#makeFolders(path);
    if (type === "hardlink") return void this.#links.push({ path, first: header.linkPath });
    if (type === "file") return void this.#files.set(findNode(this.#tree, path) as FileNode, path);
    if (type !== "symlink") return void this.#special.push({ header });
    symlinkSync(Buffer.from(encodeName(header.linkPath)), this.#host(path));
    if (this.#options.owners) lchownSync(this.#host(path), header.uid, header.gid);
    this.#date(path, header);
  }

  #makeFolders(path: string): void {
    if (path === "" || this.#made.has(path)) return;
    for (const folder of pathPrefixes(path)) {
      if (this.#made.has(folder)) continue;
      mkdirSync(this.#host(folder), { mode: 0o700 });
      this.#made.add(folder);
    }
  }

  async #write(path: string, file: FileNode, chunks: Chunks): Promise<void> {
    if ((file.xattrs?.size ?? 0) > 0) return this.#unpack(path, file, chunks);
    const descriptor = openSync(this.#host(path), "wx", 0o600);
    try {
      if (Symbol.iterator in chunks) for (const chunk of chunks) writeAll(descriptor, chunk);
      else for await (const chunk of chunks) writeAll(descriptor, chunk);
      if (this.#options.owners) fchownSync(descriptor, file.uid, file.gid);
      fchmodSync(descriptor, file.mode);
      const { time = file.mtime } = this.#options;
      futimesSync(descriptor, time, time);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Extended attributes are set only by unpacking them. */
  async #unpack(path: string, file: FileNode, chunks: Chunks): Promise<void> {
    const owner = this.#options.owners ? {} : { uid: 0, gid: 0 };
    const header = { ...nodeHeader(path, file), ...owner };
    const content = { size: file.content.size, chunks: () => chunks };
    await unpackWithExtendedAttributes(this.#folder, writeTar([{ header, content }]));
  }

  #finishFolder(path: string): void {
    const node = findNode(this.#tree, path)!;
    const host = this.#host(path);
    if (this.#options.owners) lchownSync(host, node.uid, node.gid);
    chmodSync(host, node.mode);
    this.#date(path, node);
  }

  #date(path: string, { mtime }: Pick<Attributes, "mtime">): void {
    const { time = mtime } = this.#options;
    lutimesSync(this.#host(path), time, time);
  }

  /** One device, of which every whiteout is a name: Node cannot make one. */
  #makeWhiteout(): string {
    if (this.#whiteout !== undefined) return this.#whiteout;
    const path = join(this.#folder, ".bivy-whiteout");
    const made = spawnSync("mknod", ["--", path, "c", "0", "0"], { encoding: "utf8" });
    if (made.status !== 0)
      throw new BivyError("file-denied", `${path}: ${made.error?.message ?? made.stderr.trim()}`, {
        hint: "The file system must be able to hold device nodes; choose another with XDG_CACHE_HOME.",
      });
    return (this.#whiteout = path);
  }

  #host(path: string): string | Buffer {
    if (path === "") return this.#folder;
    return path.isWellFormed()
      ? `${this.#folder}/${path}`
      : Buffer.from(encodeName(`${this.#folder}/${path}`));
  }
}

function writeAll(descriptor: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.byteLength;) at += writeSync(descriptor, chunk, at);
}
