/**
 * Laying over: a linked copy is made in an empty root, as a layer of its own, and laid over the files of
 * the stage like any layer. So directories that it brings give theirs their attributes, and everything
 * takes the place of what is there: a link in the destination is not followed but replaced.
 */
import { joinPath } from "../../../base/index.ts";
import { walkTree, type DirectoryNode, type FileNode, type TreeRoot } from "../../../tree/index.ts";

/** The attributes of the root itself stay. */
export function layOver(root: TreeRoot, layer: DirectoryNode): void {
  const written = new Map<FileNode, string>();
  for (const { path, node } of walkTree(layer)) {
    const found = root.lookup(path);
    const isDirectory = node.kind === "directory";
    if (found !== undefined && (found.kind !== "directory" || !isDirectory)) removeTree(root, path);
    switch (node.kind) {
      case "directory":
        root.makeDirectory(path, node);
        break;
      case "symlink":
        root.makeSymlink(path, node.target, node);
        break;
      case "file": {
        const first = written.get(node);
        if (first === undefined) root.putFile(path, node, node.content);
        else root.makeLink(path, first);
        written.set(node, first ?? path);
        break;
      }
      default:
        root.makeSpecial(path, node);
    }
  }
}

/** Removes what stands at a path, and all below it. */
export function removeTree(root: TreeRoot, path: string): void {
  for (const name of root.list(path)) removeTree(root, joinPath(path, name));
  root.remove(path);
}
