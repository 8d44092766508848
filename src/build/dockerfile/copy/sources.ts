/** Sources in a tree: which nodes a path or a pattern of COPY and ADD means. */
import { posix } from "node:path";
import { baseName, compareNames, joinPath } from "../../../base/index.ts";
import { matchGlob } from "../../../dockerfile/index.ts";
import { findNode, resolveInRoot, type DirectoryNode, type TreeNode } from "../../../tree/index.ts";

export interface FoundSource {
  /** Where it was found, links not followed: its last part is what it is called. */
  readonly path: string;
  /** Where it stands once links were followed. */
  readonly resolved: string;
  readonly node: TreeNode;
  readonly isMatch: boolean;
}

/** A plain path: `..` does not leave the root, and a slash at the beginning or end means nothing. */
export function plainSource(source: string): string {
  return posix.join("/", source).replace(/^\/+|\/+$/g, "");
}

/** Whether a path has what makes it a pattern (Go's filepath.Match). */
export function isPattern(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    if (path[at] === "\\") at++;
    else if ("*?[".includes(path[at]!)) return true;
  }
  return false;
}

/** What stands at a plain path, all links on the way and at its end followed inside the tree. */
export function followSource(
  top: DirectoryNode,
  path: string,
): { readonly resolved: string; readonly node: TreeNode | undefined } {
  const resolved = resolveInRoot({ lookup: (at) => findNode(top, at) }, path);
  return { resolved, node: findNode(top, resolved) };
}

/**
 * What a source means. A pattern may mean nothing; but the folder before its first special character
 * has to be there, and so has what a link leads to. `onMissing` makes the error for a path of which
 * nothing was found.
 */
export function findSources(
  top: DirectoryNode,
  source: string,
  onMissing: (path: string) => Error,
): readonly FoundSource[] {
  const path = plainSource(source);
  if (!isPattern(path)) return [follow(top, path, false, onMissing)];
  const parts = path.split("/");
  const first = parts.findIndex(isPattern);
  const folder = parts.slice(0, first).join("/");
  const base = follow(top, folder, false, onMissing);
  if (base.node.kind !== "directory") return [];
  return matchesIn(base.node, parts.slice(first)).map((match) =>
    follow(top, joinPath(base.resolved, match), true, onMissing),
  );
}

function follow(
  top: DirectoryNode,
  path: string,
  isMatch: boolean,
  onMissing: (path: string) => Error,
): FoundSource {
  const { resolved, node } = followSource(top, path);
  if (node === undefined) throw onMissing(path);
  return { path, resolved, node, isMatch };
}

/** The paths below a directory that match, in byte order; what lies in one that matches is part of it. */
function matchesIn(directory: DirectoryNode, parts: readonly string[]): string[] {
  const pattern = parts.join("/");
  // Only a set can match a slash, so that a path may have more parts than its pattern.
  const deepest = pattern.includes("[") ? Infinity : parts.length;
  const matches: string[] = [];
  const walk = (folder: DirectoryNode, path: string, depth: number): void => {
    for (const name of [...folder.children.keys()].sort(compareNames)) {
      const below = joinPath(path, name);
      const node = folder.children.get(name)!;
      if (matchGlob(pattern, below)) matches.push(below);
      else if (node.kind === "directory" && depth < deepest) walk(node, below, depth + 1);
    }
  };
  walk(directory, "", 1);
  return matches;
}

/** What a source is called in a directory. */
export function nameOf({ path }: FoundSource): string {
  return baseName(path);
}
