/**
 * Places: where in the root a path that the user names really is.
 *
 * Such a path is one of the running image, so it means what the kernel would make of it there: where
 * a folder of it is a symlink that leads to a directory, as `/var/run` does to `/run`, it leads there,
 * and never out of the root. Every other link on the way is refused, because a file written there would
 * be where nobody looks for it. The last part is followed where a directory or something that exists is
 * meant; a file that is written takes the place of a link and never goes through it, or a new `/bin/ls`
 * would overwrite all of BusyBox.
 */
import { makeParents, readRootText } from "../../apk/index.ts";
import {
  BivyError,
  bytesContent,
  encodeName,
  joinPath,
  pathParts,
  type Limits,
} from "../../base/index.ts";
import { resolveInRoot, type Attributes, type Root, type RootEntry } from "../../tree/index.ts";

/** The place of a file or link to be; its last part is not followed. */
export function placeOf(root: Root, path: string): string {
  const parts = pathParts(path);
  const last = parts.pop();
  let folder = "";
  for (const part of parts) folder = enterFolder(root, joinPath(folder, part), path);
  return last === undefined ? "" : joinPath(folder, last);
}

/** The place of a directory, which may be yet to be made. */
export function directoryPlace(root: Root, path: string): string {
  return path === "" ? "" : enterFolder(root, placeOf(root, path), path);
}

function enterFolder(root: Root, folder: string, path: string): string {
  const entry = root.lookup(folder);
  if (entry === undefined || entry.kind === "directory") return folder;
  if (entry.kind !== "symlink")
    throw new BivyError(
      "file-conflict",
      `/${path}: /${folder} is a ${kindName(entry)}; expected a directory`,
      {
        hint: "Choose another path, or leave out the package that brings it.",
      },
    );
  const target = resolveInRoot(root, folder);
  const found = root.lookup(target);
  if (found?.kind === "directory") return target;
  throw new BivyError(
    "symlink-parent",
    `/${path}: /${folder} is a symlink to ${entry.target}; expected it to lead to a directory of the image, found ${found === undefined ? "nothing" : `a ${kindName(found)}`} at /${target}`,
    { hint: "Make the directory that the link leads to first, or name another path." },
  );
}

/** What an entry is called in a message. */
export function kindName({ kind }: RootEntry): string {
  return kind === "character" || kind === "block" ? `${kind} device` : kind;
}

/** Makes the directories above a place that are not there yet, and refuses one that stands in its way. */
export function prepareFile(root: Root, place: string, time: number): void {
  if (root.lookup(place)?.kind === "directory")
    throw new BivyError("file-exists", `/${place}: expected no directory there, found one`, {
      hint: "Name a path below the directory, or another one.",
    });
  makeParents(root, place, time);
}

/** What bivy writes of its own accord belongs to root. */
export function rootOwned(mode: number, time: number): Attributes {
  return { mode, uid: 0, gid: 0, mtime: time };
}

/**
 * Changes a text file that bivy keeps up itself, such as etc/passwd. Links are followed inside the root,
 * and an existing file keeps its owner, its permissions and its extended attributes. A text that is as
 * it was is not written.
 */
export async function changeText(
  root: Root,
  path: string,
  change: (text: string) => string,
  { limits, time }: { readonly limits: Limits; readonly time: number },
): Promise<void> {
  const place = resolveInRoot(root, path);
  const before = root.lookup(place);
  const text = await readRootText(root, place, limits);
  const changed = change(text);
  if (before !== undefined && changed === text) return;
  prepareFile(root, place, time);
  const attributes = before?.kind === "file" ? { ...before, mtime: time } : rootOwned(0o644, time);
  const { mtimeNanoseconds: _earlier, ...kept } = attributes as Attributes;
  await root.writeFile(place, kept, bytesContent(encodeName(changed)));
}

/** Makes a directory with these attributes, and its parents; one that stands there already stays as it is. */
export function ensureDirectory(root: Root, path: string, attributes: Attributes): string {
  const place = directoryPlace(root, path);
  if (root.lookup(place) !== undefined) return place;
  makeParents(root, place, attributes.mtime);
  root.makeDirectory(place, attributes);
  return place;
}
