/**
 * Landing: where a source comes to stand in the files of a stage.
 *
 * A destination that ends with a slash is a directory. Links in it, also its last part, lead where they
 * lead inside the root, and what is missing on the way is made. A file lands in a directory that is
 * there, under its own name; anything else takes the destination's place.
 */
import { posix } from "node:path";
import { BivyError, joinPath, parentPath, pathPrefixes } from "../../../base/index.ts";
import {
  resolveInRoot,
  type Attributes,
  type Root,
  type RootEntry,
  type TreeNode,
} from "../../../tree/index.ts";
import { type CopyMode } from "./mode.ts";
import { type CopyOwner } from "./owner.ts";
import { type SelectedFiles } from "./selection.ts";

/**
 * What of a copy is dated as the directories on the way: all but what an archive states itself, or what
 * is later than they are, as archives have it in any case. Unless given, all keeps its times.
 */
export type CopyDating = "all" | "late";

/** What a copy changes of what it brings. */
export interface CopyChanges {
  /** Undefined keeps the owners of the source. */
  readonly owner: CopyOwner | undefined;
  readonly mode: CopyMode | undefined;
  /** Of directories that are made on the way, in seconds since 1970. */
  readonly time: number;
  readonly dating: CopyDating | undefined;
}

/** The times of what is brought. The fraction is stated, since it takes the place of another. */
export function datedAs(
  { mtime, mtimeNanoseconds = 0 }: Pick<Attributes, "mtime" | "mtimeNanoseconds">,
  { time, dating }: Pick<CopyChanges, "time" | "dating">,
): Required<Pick<Attributes, "mtime" | "mtimeNanoseconds">> {
  const isDated = dating === "all" || (dating === "late" && mtime >= time);
  return isDated ? { mtime: time, mtimeNanoseconds: 0 } : { mtime, mtimeNanoseconds };
}

/** The destination of a step, as a plain path. */
export function plainDestination(destination: string): string {
  return posix.normalize(destination).replace(/^\/+|\/+$/g, "");
}

function saysDirectory(destination: string): boolean {
  return /\/\.?$/.test(destination);
}

export interface Landing {
  /** A plain path, whose parents are there. */
  readonly place: string;
  /** In the destination, under the source's name. */
  readonly isInside: boolean;
}

/** Finds where a source lands, and makes the directories above. `subject` names the source. */
export function prepareLanding(
  root: Root,
  destination: string,
  { name, merges, entries }: SelectedFiles,
  changes: CopyChanges,
  subject: string,
): Landing {
  const plain = plainDestination(destination);
  const ensured = saysDirectory(destination) ? plain : parentPath(plain);
  makeFolders(root, resolveInRoot(root, ensured), changes, subject);
  const resolved = resolveInRoot(root, plain);
  const found = root.lookup(resolved);
  const isDirectory = entries[0]!.node.kind === "directory";
  const isInside =
    name !== "" && (isDirectory ? !merges && found !== undefined : found?.kind === "directory");
  const place = isInside ? joinPath(resolved, name) : resolved;
  const isMade = merges && found === undefined;
  makeFolders(root, isMade ? place : parentPath(place), changes, subject);
  return { place, isInside };
}

/** Makes a directory and those above it; `path` leads through no link. */
export function makeFolders(
  root: Root,
  path: string,
  { owner, mode, time }: CopyChanges,
  subject: string,
): void {
  for (const folder of pathPrefixes(path)) {
    const found = root.lookup(folder);
    if (found === undefined)
      root.makeDirectory(folder, {
        mode: (mode?.octal ?? 0o755) & 0o777,
        uid: owner?.uid ?? 0,
        gid: owner?.gid ?? 0,
        mtime: time,
      });
    else if (found.kind !== "directory") throw inTheWay(subject, folder, found);
  }
}

function inTheWay(subject: string, path: string, found: RootEntry): BivyError {
  return new BivyError(
    "dockerfile-invalid",
    `${subject}: expected a directory at /${path}, found a ${kindName(found)}`,
    { hint: removalHint },
  );
}

/** The error for what cannot take the place of what stands there: one of both is a directory. */
export function cannotReplace(
  subject: string,
  path: string,
  found: RootEntry,
  node: TreeNode,
): BivyError {
  return new BivyError(
    "dockerfile-invalid",
    `${subject}: a ${kindName(node)} cannot take the place of the ${kindName(found)} /${path}`,
    { hint: removalHint },
  );
}

const removalHint = "Choose another destination, or remove what stands there first with RUN rm.";

export function kindName({ kind }: Pick<RootEntry, "kind">): string {
  return kind === "character" || kind === "block" ? `${kind} device` : kind;
}
