/** Paths of an image: directories, empty files and links that a configuration asks for, and changed permissions. */
import { makeParents } from "../../apk/index.ts";
import { BivyError, bytesContent, emptyBytes, joinPath } from "../../base/index.ts";
import { resolveInRoot, type Root, type RootEntry } from "../../tree/index.ts";
import type { ApplyOptions } from "./apply.ts";
import type { ConfigPath } from "../config/paths.ts";
import type { ImageConfig } from "../config/image-config.ts";
import { fieldName, inField } from "./field.ts";
import { directoryPlace, kindName, placeOf, prepareFile } from "./place.ts";

type PathOf<Type> = Extract<ConfigPath, { readonly type: Type }>;

/** Attributes that are to be set; undefined leaves them as they are. */
interface AttributeChange {
  readonly permissions: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Makes the changes in the order of the configuration: a later one may rest on an earlier one. */
export async function applyPaths(
  root: Root,
  config: ImageConfig,
  { time }: ApplyOptions,
): Promise<void> {
  for (const [index, change] of config.paths.entries())
    await inField(
      fieldName(config, `paths[${index}] (${change.type})`),
      "Choose another path, or leave out the package that brings what stands there.",
      () => changePath(root, change, time),
    );
}

function changePath(root: Root, change: ConfigPath, time: number): void | Promise<void> {
  switch (change.type) {
    case "directory":
      return changeDirectory(root, change, time);
    case "empty-file":
      return writeEmptyFile(root, change, time);
    case "hardlink":
      return makeHardLink(root, change, time);
    case "symlink":
      return makeSymlink(root, change, time);
    case "permissions":
      return changePermissions(root, change);
  }
}

function changeDirectory(
  root: Root,
  change: PathOf<"directory" | "empty-file">,
  time: number,
): void {
  const place = directoryPlace(root, change.path);
  if (root.lookup(place) === undefined) {
    makeParents(root, place, time);
    root.makeDirectory(place, { mode: change.permissions, uid: 0, gid: 0, mtime: time });
  }
  setAttributes(root, place, change);
  if (change.recursive) setBelow(root, place, change);
}

async function writeEmptyFile(
  root: Root,
  change: PathOf<"directory" | "empty-file">,
  time: number,
): Promise<void> {
  const place = placeOf(root, change.path);
  prepareFile(root, place, time);
  const before = root.lookup(place);
  const owner = before?.kind === "file" ? before : { uid: 0, gid: 0 };
  await root.writeFile(
    place,
    {
      mode: change.permissions,
      uid: change.uid ?? owner.uid,
      gid: change.gid ?? owner.gid,
      mtime: time,
    },
    bytesContent(emptyBytes),
  );
}

function makeSymlink(root: Root, change: PathOf<"symlink">, time: number): void {
  const place = placeOf(root, change.path);
  prepareFile(root, place, time);
  root.makeSymlink(place, change.source, {
    mode: 0o777,
    uid: change.uid ?? 0,
    gid: change.gid ?? 0,
    mtime: time,
  });
}

/** The attributes are those of the one file that then has two names. */
function makeHardLink(root: Root, change: PathOf<"hardlink">, time: number): void {
  const place = placeOf(root, change.path);
  const source = resolveInRoot(root, change.source);
  const found = root.lookup(source);
  if (found?.kind !== "file")
    throw new BivyError(
      "file-not-found",
      `source: expected a file at /${source}, found ${found === undefined ? "nothing" : `a ${kindName(found)}`}`,
      { hint: "A hard link is one more name of a file; use a symlink for anything else." },
    );
  prepareFile(root, place, time);
  if (place !== source) root.makeLink(place, source);
  setAttributes(root, place, change);
}

/** Follows links, as chmod(1) does for a path that it is given. */
function changePermissions(root: Root, change: PathOf<"permissions">): void {
  const place = resolveInRoot(root, change.path);
  if (root.lookup(place) === undefined)
    throw new BivyError("file-not-found", `/${change.path}: ${nothingThere(change.path, place)}`, {
      hint: "Check the path; a directory or file that is to be made has the type directory or empty-file.",
    });
  setAttributes(root, place, change);
  if (change.recursive) setBelow(root, place, change);
}

function nothingThere(path: string, place: string): string {
  return place === path
    ? "expected a file or directory, found nothing"
    : `expected its symlink to lead to a file or directory, found nothing at /${place}`;
}

function setAttributes(root: Root, place: string, change: AttributeChange): void {
  const entry = root.lookup(place)!;
  const changed = changedAttributes(entry, change);
  if (changed !== entry) root.setAttributes(place, changed);
}

/** Links below are not followed, as by `chmod -R`: they have an owner, but no permissions of their own. */
function setBelow(root: Root, folder: string, change: AttributeChange): void {
  for (const name of root.list(folder)) {
    const place = joinPath(folder, name);
    setAttributes(root, place, change);
    if (root.lookup(place)?.kind === "directory") setBelow(root, place, change);
  }
}

function changedAttributes(
  entry: RootEntry,
  { permissions, uid, gid }: AttributeChange,
): RootEntry {
  const mode = entry.kind === "symlink" ? entry.mode : (permissions ?? entry.mode);
  const owner = { uid: uid ?? entry.uid, gid: gid ?? entry.gid };
  if (mode === entry.mode && owner.uid === entry.uid && owner.gid === entry.gid) return entry;
  return { ...entry, mode, ...owner };
}
