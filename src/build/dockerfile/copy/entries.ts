/**
 * Entries: what a source brings, as a list. `--exclude` and the patterns of `--parents` decide with the
 * rules of ignore files, relative to the source.
 *
 * A directory that is not included itself, but holds something that is, is implied: where it has to be
 * made it is like any other, and where it stands already it only gets the source's mode.
 */
import { compareNames, joinPath } from "../../../base/index.ts";
import { createIgnore, type IgnoreEntry } from "../../../dockerfile/index.ts";
import { walkTree, type DirectoryNode, type TreeNode } from "../../../tree/index.ts";

export interface SelectedEntry {
  /** Relative to the source; the source itself is the empty string, and comes first. */
  readonly path: string;
  readonly node: TreeNode;
  readonly isImplied: boolean;
}

export interface EntryFilter {
  /** All is included unless given. */
  readonly includes?: readonly string[];
  readonly excludes: readonly string[];
}

/** A directory before what it holds, siblings in byte order. Errors are `pattern-invalid`. */
export function selectEntries(
  node: TreeNode,
  { includes, excludes }: EntryFilter,
): readonly SelectedEntry[] {
  const entries: SelectedEntry[] = [{ path: "", node, isImplied: false }];
  if (node.kind !== "directory") return entries;
  if (includes === undefined && excludes.length === 0) {
    for (const walked of walkTree(node)) entries.push({ ...walked, isImplied: false });
    return entries;
  }
  const walk: Walk = { entries, pending: [] };
  walkDirectory(walk, node, "", {
    included: includes && createIgnore(includes, "--parents").root,
    excluded: excludes.length === 0 ? undefined : createIgnore(excludes, "--exclude").root,
  });
  return entries;
}

interface Walk {
  readonly entries: SelectedEntry[];
  /** Directories above that are entered only if something in them is included. */
  readonly pending: SelectedEntry[];
}

/** Where the walk stands in the patterns. */
interface Place {
  readonly included: IgnoreEntry | undefined;
  readonly excluded: IgnoreEntry | undefined;
}

function walkDirectory(walk: Walk, directory: DirectoryNode, path: string, above: Place): void {
  for (const name of [...directory.children.keys()].sort(compareNames)) {
    const node = directory.children.get(name)!;
    const below = joinPath(path, name);
    const included = above.included?.child(name);
    const excluded = above.excluded?.child(name);
    const isExcluded = excluded?.ignored === true;
    if (!isExcluded && included?.ignored !== false) {
      walk.entries.push(...walk.pending.splice(0), { path: below, node, isImplied: false });
      if (node.kind === "directory") walkDirectory(walk, node, below, { included, excluded });
      continue;
    }
    if (node.kind !== "directory" || (isExcluded && !excluded.mayHoldKept)) continue;
    const implied = { path: below, node, isImplied: true };
    walk.pending.push(implied);
    walkDirectory(walk, node, below, { included, excluded });
    if (walk.pending.at(-1) === implied) walk.pending.pop();
  }
}
