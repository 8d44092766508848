/**
 * Folder resolver: where the folders that a database names are in a tree, once links are followed.
 *
 * A database may name thousands of folders, each thousands of parts deep, that are not there. So the
 * way is walked node by node: a part is one step wherever it stands, and nothing is kept of what is
 * above a folder.
 */
import { isBivyError, pathParts } from "../base/index.ts";
import type { DirectoryNode, TreeNode } from "./node.ts";
import { mostLinks, tooManyLinks } from "./root.ts";

/**
 * Follows links as `resolveInRoot`: in a root whose lib is a link, lib/x is usr/lib/x. Behind links that
 * form a loop nothing stands, and a path stays as it is.
 */
export function folderResolver(top: DirectoryNode): (folder: string) => string {
  const known = new Map<string, string>();
  return (folder) => {
    const before = known.get(folder);
    if (before !== undefined) return before;
    const resolved = resolveOrKeep(top, folder);
    known.set(folder, resolved);
    return resolved;
  };
}

function resolveOrKeep(top: DirectoryNode, folder: string): string {
  try {
    return resolveInTree(top, folder);
  } catch (error) {
    if (isBivyError(error, "path-unsafe")) return folder;
    throw error;
  }
}

/** What `resolveInRoot` gives for a root that is this tree. */
export function resolveInTree(top: DirectoryNode, path: string): string {
  const pending = pathParts(path).reverse();
  const names: string[] = [];
  /** What stands at each of them; undefined where nothing does. */
  const nodes: (TreeNode | undefined)[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      names.pop();
      nodes.pop();
      continue;
    }
    const folder = nodes.length === 0 ? top : nodes.at(-1);
    const child = folder?.kind === "directory" ? folder.children.get(part) : undefined;
    if (child?.kind !== "symlink") {
      names.push(part);
      nodes.push(child);
      continue;
    }
    links += 1;
    if (links > mostLinks) throw tooManyLinks(path);
    if (child.target.startsWith("/")) names.length = nodes.length = 0;
    for (const next of child.target.split("/").reverse()) pending.push(next);
  }
  return names.join("/");
}
