/**
 * Safe paths: names from archives and packages, made into plain paths below a root. A plain path has
 * no leading or trailing slash, no empty, `.` or `..` part; the root itself is the empty string.
 */
import { BivyError } from "./error.ts";

/** The longest path that Linux accepts in a system call (PATH_MAX). */
const longestPath = 4096;
/** The longest single name that common file systems accept (NAME_MAX). */
const longestName = 255;

/**
 * Makes a plain path of a name that an archive carries, such as `./usr/bin/`. An absolute path, a
 * `..` part, a NUL byte or an over-long name is refused: no honest archive has one.
 */
export function parseEntryPath(name: string, container: string): string {
  const reason = unsafeReason(name);
  if (reason === undefined) return plainPath(name);
  throw new BivyError(
    "path-unsafe",
    `${container}: entry ${JSON.stringify(shortened(name))} ${reason}`,
    {
      hint: "The archive is damaged or hostile; nothing of it was used.",
    },
  );
}

function shortened(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}

function unsafeReason(name: string): string | undefined {
  if (name.startsWith("/")) return "is an absolute path; expected one below the root";
  if (name.includes("\0")) return "has a NUL byte in its name";
  if (Buffer.byteLength(name) >= longestPath) return `is longer than ${longestPath - 1} bytes`;
  for (const part of name.split("/")) {
    if (part === "..") return "climbs out of the root with `..`";
    if (part.length > longestName / 4 && Buffer.byteLength(part) > longestName)
      return `has a part longer than ${longestName} bytes`;
  }
  return undefined;
}

/** Drops empty and `.` parts. The caller vouches that there is no `..`. */
export function plainPath(name: string): string {
  if (
    !name.includes("//") &&
    !name.includes("./") &&
    !name.startsWith("/") &&
    !name.endsWith("/") &&
    !name.endsWith(".")
  )
    return name;
  return name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

/** The parts of a plain path; none for the root. */
export function pathParts(path: string): string[] {
  return path === "" ? [] : path.split("/");
}

/** The folder that holds `path`; the root holds top-level names and itself. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** `path` and all folders above it, outermost first, without the root. */
export function pathPrefixes(path: string): string[] {
  const prefixes: string[] = [];
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1))
    prefixes.push(path.slice(0, slash));
  if (path !== "") prefixes.push(path);
  return prefixes;
}
