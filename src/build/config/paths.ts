/** Paths of an image configuration: in the image, in the build context, and what is done to them. */
import { plainPath } from "../../base/index.ts";
import {
  fields,
  line,
  flag,
  integer,
  note,
  oneOf,
  quote,
  requireFields,
  text,
  unexpected,
  type Reader,
} from "./reader.ts";

/** The largest id: 4294967295 means "leave as it is" to chown(2). */
export const largestId = 4_294_967_294;
export const id = integer(0, largestId);

/** A path in the image, as a plain path: `/run/nginx/` is `run/nginx`, and the root is empty. */
export const imagePath: Reader<string> = (node, at, reading) => {
  const found = line(node, at, reading);
  if (found === undefined) return undefined;
  if (!found.startsWith("/"))
    return unexpected(
      reading,
      node,
      at,
      "an absolute path",
      `Paths begin at the root of the image: ${quote(`/${found}`)}.`,
    );
  return (
    checkedPath(found) ??
    unexpected(reading, node, at, "a path without `..` parts and of at most 4095 bytes")
  );
};

/** The same with its leading slash, as the configuration of an image writes paths. */
export const absolutePath: Reader<string> = (node, at, reading) => {
  const path = imagePath(node, at, reading);
  return path === undefined ? undefined : `/${path}`;
};

function checkedPath(path: string): string | undefined {
  const parts = path.split("/");
  if (parts.includes("..") || Buffer.byteLength(path) > 4095) return undefined;
  return parts.some((part) => Buffer.byteLength(part) > 255) ? undefined : plainPath(path);
}

/** A path below the build context; a leading slash means the context too, as it does for COPY. */
const contextPath: Reader<string> = (node, at, reading) => {
  const found = line(node, at, reading);
  if (found === undefined) return undefined;
  return (
    checkedPath(found) ??
    unexpected(
      reading,
      node,
      at,
      "a path inside of the build context",
      "Files are taken from the build context only; move the file there, or choose a wider context.",
    )
  );
};

/**
 * Permission bits: `0o755`, or `0755` as apko and everyone else reads it, although YAML 1.2 would call
 * that 755. Without the leading zero the number is refused: apko would read it as decimal.
 */
export const permissions: Reader<number> = (node, at, reading) => {
  if (node.kind === "scalar" && /^(?:0o[0-7]{1,4}|0[0-7]{0,4})$/.test(node.text))
    return Number.parseInt(node.text.replace("0o", "0"), 8);
  const hint =
    node.kind === "scalar" && /^[0-7]{3,4}$/.test(node.text) ? `Write 0o${node.text}.` : undefined;
  return unexpected(reading, node, at, "permissions in octal, such as 0o755", hint);
};

const pathTypes = ["directory", "empty-file", "hardlink", "symlink", "permissions"] as const;

/** A change to one path of the image, made after the packages are installed. */
export type ConfigPath =
  | (PathOwnership & {
      readonly type: "directory" | "empty-file";
      readonly path: string;
      readonly permissions: number;
      readonly recursive: boolean;
    })
  /** `source` is a plain path in the image. */
  | (PathOwnership & {
      readonly type: "hardlink";
      readonly path: string;
      readonly source: string;
      readonly permissions: number | undefined;
    })
  /** `source` is what the link says: it may be relative, and need not exist. */
  | (PathOwnership & { readonly type: "symlink"; readonly path: string; readonly source: string })
  | (PathOwnership & {
      readonly type: "permissions";
      readonly path: string;
      readonly permissions: number | undefined;
      readonly recursive: boolean;
    });

/** Undefined leaves the owner as it is: root, when the path is new. */
interface PathOwnership {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

const pathFields = fields({
  path: imagePath,
  type: oneOf(pathTypes),
  uid: id,
  gid: id,
  permissions,
  source: line,
  recursive: flag,
});

export const pathChange: Reader<ConfigPath> = (node, at, reading) => {
  const found = pathFields(node, at, reading);
  if (found === undefined || !requireFields(reading, node, at, found, ["path", "type"]))
    return undefined;
  const path = found.path!;
  const type = found.type!;
  const ownership = { path, uid: found.uid, gid: found.gid };
  const recursive = found.recursive ?? false;
  if (path === "" && type !== "directory" && type !== "permissions")
    return note(reading, node, `${at}: expected a path below the root for ${type}, found the root`);
  if (type === "hardlink" || type === "symlink") {
    if (!requireFields(reading, node, at, found, ["source"])) return undefined;
    if (type === "symlink") return { ...ownership, type, source: found.source! };
    const source = found.source!.startsWith("/") ? checkedPath(found.source!) : undefined;
    if (source === undefined || source === "")
      return note(
        reading,
        node,
        `${at}.source: expected the absolute path of a file, without \`..\` parts, found ${quote(found.source!)}`,
      );
    return { ...ownership, type, source, permissions: found.permissions };
  }
  if (found.source !== undefined)
    return note(
      reading,
      node,
      `${at}: expected no source for ${type}, found ${quote(found.source)}`,
      "To bring a file into the image, use files.",
    );
  if (type !== "permissions")
    return {
      ...ownership,
      type,
      permissions: found.permissions ?? (type === "directory" ? 0o755 : 0o644),
      recursive,
    };
  if (found.permissions === undefined && found.uid === undefined && found.gid === undefined)
    return note(reading, node, `${at}: expected permissions, uid or gid, found none`);
  return { ...ownership, type, permissions: found.permissions, recursive };
};

/** A file or a folder that is put into the image. */
export type ConfigFile = {
  /** A plain path in the image. */
  readonly path: string;
  /** A number, or a name to be looked up in the image's etc/passwd or etc/group. */
  readonly uid: number | string;
  readonly gid: number | string;
} & (
  | { readonly kind: "content"; readonly content: string; readonly permissions: number }
  | {
      readonly kind: "source";
      /** A plain path below the build context, to a file or a folder; empty for the context itself. */
      readonly source: string;
      /** Of the file, or of every file below the folder. Undefined: 0o755 for what its owner may execute, else 0o644. */
      readonly permissions: number | undefined;
      /** The path was written with a slash at its end: a file keeps its name and goes below the path. */
      readonly below: boolean;
    }
);

const accountName = /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/;

/** A user or group: an id or a name. */
const owner: Reader<number | string> = (node, at, reading) => {
  if (node.kind === "scalar" && accountName.test(node.text)) return node.text;
  if (node.kind === "scalar" && /^\d/.test(node.text)) return id(node, at, reading);
  return unexpected(reading, node, at, "an id or a name");
};

const writtenPath: Reader<{ readonly path: string; readonly slash: boolean }> = (
  node,
  at,
  reading,
) => {
  const path = imagePath(node, at, reading);
  return path === undefined || node.kind !== "scalar"
    ? undefined
    : { path, slash: node.text.endsWith("/") };
};

const fileFields = fields(
  { source: contextPath, content: text, path: writtenPath, uid: owner, gid: owner, permissions },
  {
    mode: 'the field "permissions"',
    user: 'the field "uid", which takes names too',
    group: 'the field "gid", which takes names too',
  },
);

export const file: Reader<ConfigFile> = (node, at, reading) => {
  const found = fileFields(node, at, reading);
  if (found === undefined || !requireFields(reading, node, at, found, ["path"])) return undefined;
  const { path, slash } = found.path!;
  const common = { path, uid: found.uid ?? 0, gid: found.gid ?? 0 };
  if (found.source !== undefined && found.content !== undefined)
    return note(reading, node, `${at}: expected source or content, found both`);
  if (found.source !== undefined)
    return {
      ...common,
      kind: "source",
      source: found.source,
      permissions: found.permissions,
      below: slash,
    };
  if (found.content === undefined)
    return note(reading, node, `${at}: expected source or content, found none`);
  if (slash)
    return note(
      reading,
      node,
      `${at}.path: expected the name of a file, found a slash at the end of ${quote(`/${path}/`)}`,
    );
  return {
    ...common,
    kind: "content",
    content: found.content,
    permissions: found.permissions ?? 0o644,
  };
};
