/** WORKDIR: makes the folder that it names, and those above it, as the user in force. */
import { pathPrefixes } from "../../../base/index.ts";
import { resolveInRoot, TreeRoot, type DirectoryNode } from "../../../tree/index.ts";

/**
 * The tree with the folder; the same tree where it is there. New folders belong to the user, as with
 * BuildKit. Links on the way are followed inside the root.
 */
export function withFolder(
  tree: DirectoryNode,
  path: string,
  owner: { readonly uid: number; readonly gid: number },
  time: number,
): DirectoryNode {
  const root = TreeRoot.of(tree);
  const resolved = resolveInRoot(root, path);
  const missing = pathPrefixes(resolved).filter((prefix) => root.lookup(prefix) === undefined);
  if (missing.length === 0) return tree;
  for (const folder of missing)
    root.makeDirectory(folder, { mode: 0o755, uid: owner.uid, gid: owner.gid, mtime: time });
  return root.snapshot();
}
