/**
 * Mount points: what a mount lies on. One that the root lacks is made, with all that is above it. No
 * part of a path may be a symbolic link: it would lead out of the root.
 */
import { chmodSync, lstatSync, mkdirSync, writeFileSync, type Stats } from "node:fs";
import { BivyError, fileError, pathPrefixes } from "../base/index.ts";

export type MountPointKind = "folder" | "file";

/**
 * Makes what is missing of the plain path `path` below `folder`, folders with mode 0755, and gives the
 * plain paths of what was made. `shown` is what the user calls the path.
 */
export function makeMountPoint(
  folder: string,
  path: string,
  kind: MountPointKind,
  shown: string,
): readonly string[] {
  const made: string[] = [];
  for (const prefix of pathPrefixes(path)) {
    const place = `${folder}/${prefix}`;
    const expected = prefix === path ? kind : "folder";
    const found = statusOf(place, shown);
    if (found === undefined) {
      make(place, expected, shown);
      made.push(prefix);
    } else if (found.isSymbolicLink()) {
      throw new BivyError("path-unsafe", `${shown}: ${prefix} is a symbolic link`, {
        hint: "Name the target by a path without symbolic links.",
      });
    } else if (found.isDirectory() !== (expected === "folder")) {
      throw new BivyError("config-invalid", `${shown}: ${wrongKind(prefix, expected)}`, {
        hint: "Choose another target for the mount.",
      });
    }
  }
  return made;
}

/** What stands at the plain path `path` below `folder`, which no symbolic link may lead to. */
export function mountedKind(folder: string, path: string, shown: string): MountPointKind {
  let kind: MountPointKind = "folder";
  for (const prefix of pathPrefixes(path)) {
    const found = statusOf(`${folder}/${prefix}`, shown);
    if (found === undefined)
      throw new BivyError("file-not-found", `${shown}: there is no ${prefix} to mount`, {
        hint: "Check the source of the mount.",
      });
    if (found.isSymbolicLink())
      throw new BivyError("path-unsafe", `${shown}: ${prefix} is a symbolic link`, {
        hint: "Name the source by a path without symbolic links.",
      });
    kind = found.isDirectory() ? "folder" : "file";
  }
  return kind;
}

function wrongKind(path: string, expected: MountPointKind): string {
  return expected === "folder"
    ? `${path} is not a folder; expected one to mount on`
    : `${path} is a folder; expected a file to mount a file on`;
}

function statusOf(place: string, shown: string): Stats | undefined {
  try {
    return lstatSync(place, { throwIfNoEntry: false });
  } catch (error) {
    throw fileError(error, "looking for the mount point", shown);
  }
}

/** The modes are given whatever the umask is. */
function make(place: string, kind: MountPointKind, shown: string): void {
  try {
    if (kind === "folder") mkdirSync(place);
    else writeFileSync(place, "", { flag: "wx" });
    chmodSync(place, kind === "folder" ? 0o755 : 0o644);
  } catch (error) {
    throw fileError(error, "making the mount point", shown);
  }
}
