/**
 * Writing entries: what a source brings, laid into the files of a stage. Directories merge; everything
 * else takes the place of what is there, but never that of a directory, nor a directory the place of
 * something else. No link in the destination is passed through.
 */
import { joinPath } from "../../../base/index.ts";
import {
  type Attributes,
  type FileNode,
  type RootEntry,
  type TreeNode,
  type TreeRoot,
} from "../../../tree/index.ts";
import { type SelectedEntry } from "./entries.ts";
import { cannotReplace, datedAs, type CopyChanges } from "./landing.ts";

/** `place` is where the source itself comes to stand; its parents are there. */
export function writeEntries(
  root: TreeRoot,
  place: string,
  entries: readonly SelectedEntry[],
  changes: CopyChanges,
  subject: string,
): void {
  /** Where the first name of a file came to stand: hard links stay links. */
  const written = new Map<FileNode, string>();
  for (const entry of entries) {
    const { path, node } = entry;
    const at = path === "" ? place : joinPath(place, path);
    const found = root.lookup(at);
    if (node.kind === "directory") {
      writeDirectory(root, at, entry, found, changes, subject);
      continue;
    }
    if (found?.kind === "directory") throw cannotReplace(subject, at, found, node);
    const attributes = changedAttributes(node, changes);
    if (node.kind === "symlink") root.makeSymlink(at, node.target, attributes);
    else if (node.kind !== "file") root.makeSpecial(at, { ...node, ...attributes });
    else {
      const first = written.get(node);
      if (first !== undefined) root.makeLink(at, first);
      else root.putFile(at, attributes, node.content);
      written.set(node, first ?? at);
    }
  }
}

/** A directory that is there keeps its owner and mode where it is the destination itself. */
function writeDirectory(
  root: TreeRoot,
  at: string,
  { path, node, isImplied }: SelectedEntry,
  found: RootEntry | undefined,
  changes: CopyChanges,
  subject: string,
): void {
  if (found === undefined) return root.makeDirectory(at, changedAttributes(node, changes));
  if (found.kind !== "directory") throw cannotReplace(subject, at, found, node);
  if (path === "") return root.setAttributes(at, { ...found, ...datedAs(node, changes) });
  if (isImplied) return root.setAttributes(at, { ...found, mode: node.mode });
  const attributes = changedAttributes(node, changes);
  const xattrs = new Map([...(found.xattrs ?? []), ...(attributes.xattrs ?? [])]);
  root.setAttributes(at, { ...attributes, xattrs });
}

/** What a node has in the destination; of a symlink the mode means nothing. */
function changedAttributes(node: TreeNode, changes: CopyChanges): Attributes {
  const { owner, mode } = changes;
  return {
    mode: mode?.change(node.mode, node.kind === "directory") ?? node.mode,
    uid: owner?.uid ?? node.uid,
    gid: owner?.gid ?? node.gid,
    ...datedAs(node, changes),
    ...(node.xattrs === undefined ? {} : { xattrs: node.xattrs }),
  };
}
