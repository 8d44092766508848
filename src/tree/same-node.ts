/** Sameness: whether two nodes would be the same on disk. */
import { equalBytes, hashContent, type Content } from "../base/index.ts";
import type { Attributes, FileNode, TreeNode } from "./node.ts";

/** Whether two nodes are equal but for what a folder holds. Files are compared by `layerDiff`. */
export function sameNode(a: TreeNode, b: Exclude<TreeNode, FileNode>): boolean {
  if (a.kind !== b.kind || !sameAttributes(a, b)) return false;
  if (a.kind === "symlink" && b.kind === "symlink") return a.target === b.target;
  if ("major" in a && "major" in b) return a.major === b.major && a.minor === b.minor;
  return true;
}

/** Mode, owner, time and extended attributes. */
export function sameAttributes(a: Attributes, b: Attributes): boolean {
  return (
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.mtime === b.mtime &&
    (a.mtimeNanoseconds ?? 0) === (b.mtimeNanoseconds ?? 0) &&
    sameXattrs(a.xattrs, b.xattrs)
  );
}

function sameXattrs(a: Attributes["xattrs"], b: Attributes["xattrs"]): boolean {
  if (a === b) return true;
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [name, value] of a ?? []) {
    const other = b?.get(name);
    if (other === undefined || !equalBytes(value, other)) return false;
  }
  return true;
}

/** Whether two contents are equal, whatever pieces they come in. */
export async function sameBytes(a: Content, b: Content): Promise<boolean> {
  if (a === b) return true;
  return a.size === b.size && (await hashContent(a)) === (await hashContent(b));
}
