/**
 * Exporting: the files of a tree written into a folder of the user's, which may hold others already.
 * They belong to the user. Nothing is written through a symlink: one that stands where the tree has a
 * folder is replaced.
 */
import { isBivyError, joinPath } from "../base/index.ts";
import { DirectoryRoot } from "./directory-root.ts";
import { walkTree } from "./file-tree.ts";
import { namesOf } from "./flat-items.ts";
import { readFiles } from "./layer-content.ts";
import type { Attributes, DirectoryNode, FileNode, TreeNode } from "./node.ts";

/** Gives how many device nodes were left out, since only root can make them. */
export async function exportTree(
  top: DirectoryNode,
  folder: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<number> {
  const root = new DirectoryRoot(folder, { owners: false });
  const folders = [...walkTree(top)].filter(({ node }) => node.kind === "directory");
  for (const { path } of folders) {
    if (root.lookup(path)?.kind !== "directory") root.remove(path);
    root.makeDirectory(path, { ...top, mode: 0o700 });
  }
  let skipped = 0;
  const names = namesOf(top);
  for (const [node, paths] of names) {
    if (node.kind === "file") continue;
    for (const path of paths) if (!placeOther(root, path, node)) skipped += 1;
  }
  const files = [...names.keys()].filter((node): node is FileNode => node.kind === "file");
  for await (const { file, chunks } of readFiles(files, options)) {
    const [first, ...others] = names.get(file)!;
    clear(root, first!);
    const content = { size: file.content.size, chunks };
    await root.writeFile(first!, plainAttributes(file), content);
    for (const path of others) {
      clear(root, path);
      root.makeLink(path, first!);
    }
  }
  // What is written into a folder changes its time, and its own mode may forbid to write.
  for (const { path, node } of folders.toReversed())
    root.setAttributes(path, plainAttributes(node));
  return skipped;
}

/** Only root can give files to others, or powers. */
function plainAttributes({ xattrs: _xattrs, ...attributes }: Attributes): Attributes {
  return attributes;
}

function placeOther(root: DirectoryRoot, path: string, node: TreeNode): boolean {
  clear(root, path);
  if (node.kind === "symlink") root.makeSymlink(path, node.target, plainAttributes(node));
  else if (node.kind !== "file" && node.kind !== "directory")
    try {
      root.makeSpecial(path, node);
    } catch (error) {
      if (isBivyError(error, "file-denied")) return false;
      throw error;
    }
  return true;
}

/** A folder that stood there goes with what it holds: the tree has a file in its place. */
function clear(root: DirectoryRoot, path: string): void {
  if (root.lookup(path)?.kind !== "directory") return;
  for (const name of root.list(path)) {
    const below = joinPath(path, name);
    clear(root, below);
    root.remove(below);
  }
  root.remove(path);
}
