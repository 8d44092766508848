/**
 * Root: something that packages, copies and scripts write to. It is either a tree in memory
 * (TreeRoot) or a directory on disk (DirectoryRoot); who writes does not know which.
 *
 * All paths are plain (see base/path.ts). No operation passes through a symlink on its way: a parent
 * that is a symlink is an error (`symlink-parent`), so that a package cannot place files through
 * another package's link. Who wants to follow links asks `resolve` first.
 */
import { BivyError, pathParts, type Content } from "../base/index.ts";
import type {
  Attributes,
  DeviceNode,
  DirectoryNode,
  FifoNode,
  FileNode,
  SymlinkNode,
} from "./node.ts";

/** What stands at a path; a directory without its children. */
export type RootEntry =
  | Omit<DirectoryNode, "children">
  | FileNode
  | SymlinkNode
  | DeviceNode
  | FifoNode;

export interface Root {
  /** What stands at `path`, the last part not followed; undefined where nothing does. */
  lookup(path: string): RootEntry | undefined;
  /** The names in a directory, in byte order; none where there is no directory. */
  list(path: string): readonly string[];
  /** Adds a directory; one that exists gets the attributes. */
  makeDirectory(path: string, attributes: Attributes): void;
  /**
   * Adds a file or replaces what is there (unless a directory). The content is read to its end
   * before the promise resolves, so its checksum has been verified by then; on failure nothing
   * stands at `path` that was not there before.
   */
  writeFile(path: string, attributes: Attributes, content: Content): Promise<void>;
  makeSymlink(path: string, target: string, attributes: Attributes): void;
  /** Makes `path` a hard link of the file at `existing`. */
  makeLink(path: string, existing: string): void;
  makeSpecial(path: string, node: DeviceNode | FifoNode): void;
  setAttributes(path: string, attributes: Attributes): void;
  /** Moves a file or link over whatever stands at `to`, in one step. */
  rename(from: string, to: string): void;
  /** Removes a file, a link, or an empty directory; false where nothing stands. */
  remove(path: string): boolean;
}

/** The most symlinks that one path may lead through (Linux: ELOOP beyond 40). */
export const mostLinks = 40;

/**
 * Follows the symlinks of `path` inside the root, as the kernel would after a chroot: an absolute
 * target starts at the root, and `..` at the root stays there. The result is a plain path, whose last
 * part may not exist.
 */
export function resolveInRoot(root: Pick<Root, "lookup">, path: string): string {
  const pending = pathParts(path).reverse();
  let resolved: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      resolved.pop();
      continue;
    }
    resolved.push(part);
    const entry = root.lookup(resolved.join("/"));
    if (entry?.kind !== "symlink") continue;
    links += 1;
    if (links > mostLinks) throw tooManyLinks(path);
    if (entry.target.startsWith("/")) resolved = [];
    else resolved.pop();
    pending.push(...entry.target.split("/").reverse());
  }
  return resolved.join("/");
}

export function tooManyLinks(path: string): BivyError {
  return new BivyError("path-unsafe", `${path}: leads through more than ${mostLinks} symlinks`, {
    hint: "The links form a loop; remove one of them.",
  });
}

const unplain = /(?:^|\/)(?:\.{0,2}(?:\/|$))|\0/;

export function isPlainPath(path: string): boolean {
  return path === "" || !unplain.test(path);
}

/** Whoever calls a root makes paths plain; one that is not could leave the root, so it is refused once more. */
export function requirePlainPath(path: string): void {
  if (isPlainPath(path)) return;
  throw new BivyError(
    "path-unsafe",
    `${JSON.stringify(path)}: expected a plain path below the root`,
    {
      hint: "This is a fault of bivy; please report it.",
    },
  );
}

export function rootInTheWayError(change: string): BivyError {
  return new BivyError("file-exists", `the root is a directory and cannot ${change}`);
}

export function symlinkParentError(path: string, link: string, target: string): BivyError {
  return new BivyError(
    "symlink-parent",
    `${path}: its folder ${link} is a symlink to ${target}; expected a directory`,
    {
      hint: "Writing through a link could place the file elsewhere. Install the package that owns the link last, or leave it out.",
    },
  );
}

export function notDirectoryError(path: string, parent: string): BivyError {
  return new BivyError(
    "file-conflict",
    `${path}: ${parent === "" ? "/" : parent} is not a directory`,
    {
      hint: "A file stands where a folder is needed; two packages do not fit together.",
    },
  );
}
