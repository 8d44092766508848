/**
 * Flat items: a whole tree as the entries of one tar, in the order in which its contents can be had. The
 * folders come first, sorted, then links and devices, then the files, each with its hard links after it.
 * Layers that hold contents are read once each.
 */
import { type TarItem } from "../archive/index.ts";
import { linkHeader, nodeHeader, walkTree } from "./file-tree.ts";
import { readFiles } from "./layer-content.ts";
import type { DirectoryNode, FileNode, TreeNode } from "./node.ts";

export async function* flatItems(
  top: DirectoryNode,
  signal?: AbortSignal,
): AsyncGenerator<TarItem> {
  for (const { path, node } of walkTree(top))
    if (node.kind === "directory") yield { header: nodeHeader(path, node) };
  const names = namesOf(top);
  for (const [node, paths] of names)
    if (node.kind !== "file") {
      yield { header: nodeHeader(paths[0]!, node) };
      yield* links(node, paths);
    }
  const files = [...names.keys()].filter((node): node is FileNode => node.kind === "file");
  for await (const { file, chunks } of readFiles(files, signal === undefined ? {} : { signal })) {
    const paths = names.get(file)!;
    yield { header: nodeHeader(paths[0]!, file), content: { size: file.content.size, chunks } };
    yield* links(file, paths);
  }
}

/** All that is no folder, with its paths, in the order of the first. */
export function namesOf(top: DirectoryNode): ReadonlyMap<TreeNode, readonly string[]> {
  const names = new Map<TreeNode, string[]>();
  for (const { path, node } of walkTree(top)) {
    if (node.kind === "directory") continue;
    const paths = names.get(node);
    if (paths === undefined) names.set(node, [path]);
    else paths.push(path);
  }
  return names;
}

function* links(node: TreeNode, paths: readonly string[]): Generator<TarItem> {
  const [first, ...others] = paths;
  for (const path of others) yield { header: linkHeader(path, node, first!) };
}
