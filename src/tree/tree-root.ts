/** TreeRoot: a root in memory. Metadata are nodes, contents stay references until a layer is written. */
import {
  baseName,
  BivyError,
  bytesContent,
  compareNames,
  concatBytes,
  joinPath,
  parentPath,
  type Content,
} from "../base/index.ts";
import type {
  Attributes,
  DeviceNode,
  DirectoryNode,
  FifoNode,
  FileNode,
  TreeNode,
} from "./node.ts";
import {
  notDirectoryError,
  requirePlainPath,
  rootInTheWayError,
  symlinkParentError,
  type Root,
  type RootEntry,
} from "./root.ts";

interface OpenDirectory extends Attributes {
  readonly kind: "directory";
  readonly children: Map<string, OpenNode>;
}
type OpenNode = OpenDirectory | Exclude<TreeNode, DirectoryNode>;

export interface TreeRootOptions {
  /**
   * How many bytes of contents are kept in memory. Beyond it a content is not kept but read again
   * from where it came when the layer is written.
   */
  readonly memory?: number;
  readonly rootAttributes?: Attributes;
}

const defaultMemory = 384 * 1024 * 1024;

export class TreeRoot implements Root {
  #top: OpenDirectory;
  #memoryLeft: number;
  /** The paths of every file that has more than one, so that an attribute changes on all of them. */
  readonly #links = new Map<FileNode, Set<string>>();

  constructor(options: TreeRootOptions = {}) {
    this.#memoryLeft = options.memory ?? defaultMemory;
    const attributes = options.rootAttributes ?? { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
    this.#top = { ...attributes, kind: "directory", children: new Map() };
  }

  /** A root that begins with the files of a tree; the tree itself stays as it is. */
  static of(top: DirectoryNode, options: Pick<TreeRootOptions, "memory"> = {}): TreeRoot {
    const root = new TreeRoot({ ...options, rootAttributes: top });
    root.#open(top);
    return root;
  }

  /** Takes a tree over, with the files that have several names. */
  #open(top: DirectoryNode): void {
    const first = new Map<FileNode, string>();
    const enter = (directory: DirectoryNode, path: string): OpenDirectory => {
      const children = new Map<string, OpenNode>();
      for (const [name, child] of directory.children) {
        const below = joinPath(path, name);
        children.set(name, child.kind === "directory" ? enter(child, below) : child);
        if (child.kind === "file") this.#noteName(first, child, below);
      }
      return { ...pickAttributes(directory), kind: "directory", children };
    };
    this.#top = enter(top, "");
  }

  #noteName(first: Map<FileNode, string>, file: FileNode, path: string): void {
    const before = first.get(file);
    if (before === undefined) return void first.set(file, path);
    const paths = this.#links.get(file) ?? new Set([before]);
    this.#links.set(file, paths.add(path));
  }

  /** The tree as it stands now; later writes do not change it. */
  snapshot(): DirectoryNode {
    return copyDirectory(this.#top);
  }

  lookup(path: string): RootEntry | undefined {
    return this.#find(path);
  }

  list(path: string): readonly string[] {
    const node = this.#find(path);
    return node?.kind === "directory" ? [...node.children.keys()].sort(compareNames) : [];
  }

  makeDirectory(path: string, attributes: Attributes): void {
    if (path === "") {
      this.#top = {
        ...pickAttributes(attributes),
        kind: "directory",
        children: this.#top.children,
      };
      return;
    }
    const parent = this.#parent(path);
    const existing = parent.children.get(baseName(path));
    if (existing !== undefined && existing.kind !== "directory")
      throw new BivyError(
        "file-exists",
        `${path}: a ${existing.kind} stands where a directory is to be made`,
      );
    const children = existing?.children ?? new Map<string, OpenNode>();
    parent.children.set(baseName(path), {
      ...pickAttributes(attributes),
      kind: "directory",
      children,
    });
  }

  async writeFile(path: string, attributes: Attributes, content: Content): Promise<void> {
    this.#placeFor(path, "file");
    const kept = await this.#keep(content);
    this.#place(path, { ...pickAttributes(attributes), kind: "file", content: kept });
  }

  /**
   * As `writeFile`, but the content stays a reference that is read when somebody asks for it: whoever
   * calls vouches for it.
   */
  putFile(path: string, attributes: Attributes, content: Content): void {
    this.#place(path, { ...pickAttributes(attributes), kind: "file", content });
  }

  makeSymlink(path: string, target: string, attributes: Attributes): void {
    this.#place(path, { ...pickAttributes(attributes), mode: 0o777, kind: "symlink", target });
  }

  makeLink(path: string, existing: string): void {
    const node = this.#find(existing);
    if (node?.kind !== "file")
      throw new BivyError(
        "file-not-found",
        `${path}: cannot link to ${existing}: expected a file there`,
      );
    this.#place(path, node);
    const paths = this.#links.get(node) ?? new Set([existing]);
    this.#links.set(node, paths.add(path));
  }

  makeSpecial(path: string, node: DeviceNode | FifoNode): void {
    this.#place(path, node);
  }

  setAttributes(path: string, attributes: Attributes): void {
    const parent = this.#parent(path);
    const node = path === "" ? parent : parent.children.get(baseName(path));
    if (node === undefined)
      throw new BivyError("file-not-found", `${path}: no such file in the tree`);
    if (node.kind === "directory") return this.makeDirectory(path, attributes);
    const changed = { ...withoutAttributes(node), ...pickAttributes(attributes) } as OpenNode;
    if (node.kind === "symlink")
      return void parent.children.set(baseName(path), { ...changed, mode: node.mode } as OpenNode);
    const linked = node.kind === "file" ? this.#links.get(node) : undefined;
    for (const each of linked ?? [path]) this.#parent(each).children.set(baseName(each), changed);
    if (linked === undefined) return;
    this.#links.delete(node as FileNode);
    this.#links.set(changed as FileNode, linked);
  }

  rename(from: string, to: string): void {
    const parent = this.#parent(from);
    const node = parent.children.get(baseName(from));
    if (node === undefined || node.kind === "directory")
      throw new BivyError("file-not-found", `${from}: expected a file to rename`);
    if (from === to) return;
    this.#place(to, node);
    parent.children.delete(baseName(from));
    const paths = node.kind === "file" ? this.#links.get(node) : undefined;
    paths?.delete(from);
    paths?.add(to);
  }

  remove(path: string): boolean {
    const node = this.#find(path);
    if (node === undefined) return false;
    if (path === "") throw rootInTheWayError("be removed");
    if (node.kind === "directory" && node.children.size > 0)
      throw new BivyError("file-exists", `${path}: the directory is not empty`);
    this.#unlink(path, node);
    this.#parent(path).children.delete(baseName(path));
    return true;
  }

  #find(path: string): OpenNode | undefined {
    let node: OpenNode = this.#top;
    for (let start = 0; start < path.length;) {
      if (node.kind !== "directory") return undefined;
      const slash = path.indexOf("/", start);
      const end = slash === -1 ? path.length : slash;
      const child = node.children.get(path.slice(start, end));
      if (child === undefined) return undefined;
      node = child;
      start = end + 1;
    }
    return node;
  }

  #parent(path: string): OpenDirectory {
    requirePlainPath(path);
    const parent = parentPath(path);
    const node = this.#find(parent);
    if (node?.kind === "directory") return node;
    for (let above = parent; above !== ""; above = parentPath(above)) {
      const found = this.#find(above);
      if (found?.kind === "symlink") throw symlinkParentError(path, above, found.target);
      if (found !== undefined && found.kind !== "directory") throw notDirectoryError(path, above);
    }
    throw new BivyError("file-not-found", `${path}: its folder ${parent} does not exist`);
  }

  /** The directory that a file or link can be placed in. */
  #placeFor(path: string, kind: OpenNode["kind"]): OpenDirectory {
    if (path === "") throw rootInTheWayError(`become a ${kind}`);
    const parent = this.#parent(path);
    if (parent.children.get(baseName(path))?.kind !== "directory") return parent;
    throw new BivyError("file-exists", `${path}: a directory stands where a ${kind} is to be made`);
  }

  #place(path: string, node: OpenNode): void {
    const { children } = this.#placeFor(path, node.kind);
    const existing = children.get(baseName(path));
    if (existing !== undefined) this.#unlink(path, existing);
    children.set(baseName(path), node);
  }

  #unlink(path: string, node: OpenNode): void {
    if (node.kind !== "file") return;
    const paths = this.#links.get(node);
    paths?.delete(path);
    if (paths?.size === 0) this.#links.delete(node);
  }

  async #keep(content: Content): Promise<Content> {
    const parts: Uint8Array[] | undefined = content.size <= this.#memoryLeft ? [] : undefined;
    for await (const chunk of content.chunks()) parts?.push(chunk);
    if (parts === undefined) return content;
    this.#memoryLeft -= content.size;
    return bytesContent(concatBytes(parts.map(ownBytes)));
  }
}

/** A chunk may be a window onto a larger buffer, which it would keep alive. */
function ownBytes(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength * 2 < chunk.buffer.byteLength ? chunk.slice() : chunk;
}

export function pickAttributes(from: Attributes): Attributes {
  return {
    mode: from.mode,
    uid: from.uid,
    gid: from.gid,
    mtime: from.mtime,
    ...(from.mtimeNanoseconds === undefined ? {} : { mtimeNanoseconds: from.mtimeNanoseconds }),
    ...(from.xattrs === undefined || from.xattrs.size === 0 ? {} : { xattrs: from.xattrs }),
  };
}

function withoutAttributes(node: OpenNode): object {
  const {
    mode: _mode,
    uid: _uid,
    gid: _gid,
    mtime: _mtime,
    mtimeNanoseconds: _n,
    xattrs: _x,
    ...rest
  } = node;
  return rest;
}

function copyDirectory(directory: OpenDirectory): DirectoryNode {
  const children = new Map<string, TreeNode>();
  for (const name of [...directory.children.keys()].sort(compareNames)) {
    const child = directory.children.get(name)!;
    children.set(name, child.kind === "directory" ? copyDirectory(child) : child);
  }
  return { ...directory, children };
}
