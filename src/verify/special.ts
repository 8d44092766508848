/** Special files: set-id programs, capabilities, devices, and what anybody may write, whoever they belong to. */
import type { TreeNode } from "../tree/index.ts";
import type { SpecialKind } from "./report.ts";

const setUserId = 0o4000;
const setGroupId = 0o2000;
const sticky = 0o1000;
const writableByAll = 0o002;

export function specialKinds(node: TreeNode): SpecialKind[] {
  if (node.kind === "symlink") return [];
  const kinds: SpecialKind[] = [];
  if (node.kind === "character" || node.kind === "block") kinds.push("device");
  if (node.kind === "file") {
    if ((node.mode & setUserId) !== 0) kinds.push("set-user-id");
    if ((node.mode & setGroupId) !== 0) kinds.push("set-group-id");
    if (node.xattrs?.has("security.capability") === true) kinds.push("capabilities");
  }
  // In a sticky folder nobody can remove or rename what is another's.
  const isShared = node.kind === "directory" && (node.mode & sticky) !== 0;
  if ((node.mode & writableByAll) !== 0 && !isShared) kinds.push("world-writable");
  return kinds;
}
