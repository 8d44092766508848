/**
 * Laid nodes: the nodes of a tree while layers are laid upon each other, with the layers that had a
 * part in them. Once the last layer is there nothing changes any more, and they are the tree's nodes.
 *
 * There may be millions: every kind is made in one place, with the same fields in the same order, so
 * that the engine stores them as plain records. A file takes about 215 bytes beside its name, and 55
 * more for a SHA-1 (Node 24); each layer's changes take some more.
 */
import type { TarHeader } from "../archive/index.ts";
import type { Content } from "../base/index.ts";
import type {
  Attributes,
  DeviceNode,
  DirectoryNode,
  FifoNode,
  FileNode,
  SymlinkNode,
} from "./node.ts";

interface Laid {
  /** The layer that brought it. */
  readonly layer: number;
}

export type LaidLeaf = Laid & (FileNode | SymlinkNode | DeviceNode | FifoNode);

export interface LaidDirectory extends DirectoryNode {
  readonly children: Map<string, LaidNode>;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNanoseconds: number;
  xattrs: ReadonlyMap<string, Uint8Array>;
  /** The layer that gave it its attributes. */
  layer: number;
  /** The last layer with an entry of its own for it; `noLayer` where it only stands above others. */
  entered: number;
  /** The last layer that has an entry for it or for anything below it. */
  touched: number;
  /** The last layer of which it is known that nothing of the layers below it is left in the folder. */
  cleared: number;
  /** The layers of those names that are links to what another layer brought. */
  linkLayers: Map<string, number> | undefined;
}

export type LaidNode = LaidLeaf | LaidDirectory;

export const noLayer = -1;

export const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

/** The attributes of a folder that no layer has an entry for. */
export const impliedAttributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  mtimeNanoseconds: 0,
  xattrs: noXattrs,
} as const;

export function layDirectory(attributes: Required<Attributes>, layer: number): LaidDirectory {
  return {
    kind: "directory",
    mode: attributes.mode,
    uid: attributes.uid,
    gid: attributes.gid,
    mtime: attributes.mtime,
    mtimeNanoseconds: attributes.mtimeNanoseconds,
    xattrs: ownXattrs(attributes.xattrs),
    children: new Map(),
    layer,
    entered: noLayer,
    touched: layer,
    cleared: layer,
    linkLayers: undefined,
  };
}

export function setAttributes(directory: LaidDirectory, attributes: Required<Attributes>): void {
  directory.mode = attributes.mode;
  directory.uid = attributes.uid;
  directory.gid = attributes.gid;
  directory.mtime = attributes.mtime;
  directory.mtimeNanoseconds = attributes.mtimeNanoseconds;
  directory.xattrs = ownXattrs(attributes.xattrs);
}

export function layFile(
  attributes: Required<Attributes>,
  content: Content,
  layer: number,
): FileNode & Laid {
  return {
    kind: "file",
    mode: attributes.mode,
    uid: attributes.uid,
    gid: attributes.gid,
    mtime: attributes.mtime,
    mtimeNanoseconds: attributes.mtimeNanoseconds,
    xattrs: ownXattrs(attributes.xattrs),
    content,
    layer,
  };
}

/** What an entry brings that is neither a folder nor a file nor a hard link. */
export function layOther(header: TarHeader, layer: number): LaidLeaf {
  const { type, mode, uid, gid, mtime, mtimeNanoseconds } = header;
  const xattrs = ownXattrs(header.xattrs);
  const attributes = { mode, uid, gid, mtime, mtimeNanoseconds, xattrs };
  switch (type) {
    case "symlink":
      // Linux knows no mode of a symlink.
      return { ...attributes, mode: 0o777, kind: type, target: header.linkPath, layer };
    case "character":
    case "block": {
      const { deviceMajor: major, deviceMinor: minor } = header;
      return { ...attributes, kind: type, major, minor, layer };
    }
    default:
      return { ...attributes, kind: "fifo", layer };
  }
}

/** A header's values may be windows onto larger buffers, which they would keep alive. */
export function ownXattrs(
  xattrs: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  if (xattrs.size === 0) return noXattrs;
  return new Map(Array.from(xattrs, ([name, value]) => [name, Uint8Array.from(value)]));
}

/** Bytes of the longest name (Linux: NAME_MAX), with room to spare. */
const longestName = 1024;
const scratch = Buffer.allocUnsafeSlow(longestName);

/**
 * A string of its own. What is cut from a path stays a window onto it, and would keep every file's
 * path in memory beside its name.
 */
export function ownName(name: string): string {
  // What is not well-formed stands for bytes that are not UTF-8, and is too rare to matter.
  if (name.length * 3 > longestName || !name.isWellFormed()) return name;
  return scratch.toString("utf8", 0, scratch.write(name));
}

/** The layer of what stands at `name` in `directory`. */
export function layerOfChild(directory: LaidDirectory, name: string, child: LaidNode): number {
  return directory.linkLayers?.get(name) ?? child.layer;
}
