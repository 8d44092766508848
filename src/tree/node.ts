/** Nodes: what stands at a path of a tree, as data. */
import type { Content } from "../base/index.ts";

/** What every node carries. Owners are numbers: names are resolved where packages are installed. */
export interface Attributes {
  /** Permission, set-id and sticky bits: at most 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Modification time in whole seconds since 1970, and the nanoseconds beyond. */
  readonly mtime: number;
  readonly mtimeNanoseconds?: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

export interface DirectoryNode extends Attributes {
  readonly kind: "directory";
  readonly children: ReadonlyMap<string, TreeNode>;
}

/** A regular file. Two paths that hold the same FileNode object are hard links of each other. */
export interface FileNode extends Attributes {
  readonly kind: "file";
  readonly content: Content;
}

export interface SymlinkNode extends Attributes {
  readonly kind: "symlink";
  readonly target: string;
}

export interface DeviceNode extends Attributes {
  readonly kind: "character" | "block";
  readonly major: number;
  readonly minor: number;
}

export interface FifoNode extends Attributes {
  readonly kind: "fifo";
}

export type TreeNode = DirectoryNode | FileNode | SymlinkNode | DeviceNode | FifoNode;

/** A directory without anything in it, as the root of an empty image. */
export const emptyDirectory: DirectoryNode = {
  kind: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  children: new Map(),
};
