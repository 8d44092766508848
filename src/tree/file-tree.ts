/** FileTree: an immutable tree of files, walked in byte order and written as the entries of a layer. */
import { tarHeader, type TarHeader } from "../archive/index.ts";
import { compareNames, joinPath, type Content } from "../base/index.ts";
import type { Attributes, DirectoryNode, FileNode, TreeNode } from "./node.ts";

export interface WalkedNode {
  readonly path: string;
  readonly node: TreeNode;
}

/** A folder that is walked, with the names that are left. */
function enter(directory: DirectoryNode, path: string) {
  return { directory, path, names: [...directory.children.keys()].sort(compareNames).values() };
}

/** All nodes below the top, a directory before what it holds, siblings in byte order. */
export function* walkTree(top: DirectoryNode, path = ""): Generator<WalkedNode> {
  // Not by generators inside each other: each node would pass through one for each folder above it.
  const entered = [enter(top, path)];
  for (let last = entered.at(-1); last !== undefined; last = entered.at(-1)) {
    const { value: name, done } = last.names.next();
    if (done === true) {
      entered.pop();
      continue;
    }
    const node = last.directory.children.get(name)!;
    const below = joinPath(last.path, name);
    yield { path: below, node };
    if (node.kind === "directory") entered.push(enter(node, below));
  }
}

export function findNode(top: DirectoryNode, path: string): TreeNode | undefined {
  let node: TreeNode = top;
  if (path === "") return top;
  for (const part of path.split("/")) {
    if (node.kind !== "directory") return undefined;
    const child = node.children.get(part);
    if (child === undefined) return undefined;
    node = child;
  }
  return node;
}

export interface LayerItem {
  readonly header: TarHeader;
  readonly content?: Content;
}

export interface LayerOptions {
  /** No entry is dated later than this (SOURCE_DATE_EPOCH's rule), in seconds since 1970. */
  readonly newest: number;
  /** Which paths belong to the layer; all, unless given. Their parents are written too. */
  readonly includes?: (path: string) => boolean;
}

/**
 * The entries of a layer that holds `top`: sorted, so that the same tree gives the same bytes; the
 * first path of a file carries its content, its other paths are hard links to the first.
 */
export function* layerItems(top: DirectoryNode, options: LayerOptions): Generator<LayerItem> {
  const firstPaths = new Map<FileNode, string>();
  const pendingParents: WalkedNode[] = [];
  for (const walked of walkTree(top)) {
    const { path, node } = walked;
    while (pendingParents.length > 0 && !path.startsWith(`${pendingParents.at(-1)!.path}/`))
      pendingParents.pop();
    if (options.includes !== undefined && !options.includes(path)) {
      if (node.kind === "directory") pendingParents.push(walked);
      continue;
    }
    for (const parent of pendingParents)
      yield { header: nodeHeader(parent.path, parent.node, options.newest) };
    pendingParents.length = 0;
    if (node.kind !== "file") {
      yield { header: nodeHeader(path, node, options.newest) };
      continue;
    }
    const first = firstPaths.get(node);
    if (first === undefined) {
      firstPaths.set(node, path);
      yield { header: nodeHeader(path, node, options.newest), content: node.content };
    } else {
      yield { header: linkHeader(path, node, first, options.newest) };
    }
  }
}

/** The entry of a node; `newest` is as in `LayerOptions`. */
export function nodeHeader(path: string, node: TreeNode, newest = Infinity): TarHeader {
  const common = {
    path,
    mode: node.mode,
    uid: node.uid,
    gid: node.gid,
    ...cappedTime(node, newest),
  };
  const fields = node.xattrs === undefined ? common : { ...common, xattrs: node.xattrs };
  switch (node.kind) {
    case "file":
      return tarHeader({ ...fields, type: "file", size: node.content.size });
    case "symlink":
      return tarHeader({ ...fields, type: "symlink", linkPath: node.target });
    case "character":
    case "block":
      return tarHeader({
        ...fields,
        type: node.kind,
        deviceMajor: node.major,
        deviceMinor: node.minor,
      });
    default:
      return tarHeader({ ...fields, type: node.kind });
  }
}

/** The entry of another name of what stands at `first` in the same layer. */
export function linkHeader(
  path: string,
  node: TreeNode,
  first: string,
  newest = Infinity,
): TarHeader {
  const header = nodeHeader(path, node, newest);
  // Whatever it is a link to, a link has none of this.
  const none = { size: 0, deviceMajor: 0, deviceMinor: 0 };
  return { ...header, ...none, type: "hardlink", linkPath: first };
}

function cappedTime(
  node: Attributes,
  newest: number,
): Pick<TarHeader, "mtime" | "mtimeNanoseconds"> {
  return node.mtime >= newest
    ? { mtime: newest, mtimeNanoseconds: 0 }
    : { mtime: node.mtime, mtimeNanoseconds: node.mtimeNanoseconds ?? 0 };
}
