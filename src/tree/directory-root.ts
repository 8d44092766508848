/** DirectoryRoot: a root on disk. It never passes through a symlink, and files appear whole or not at all. */
import {
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import { spawnSync } from "node:child_process";
import {
  baseName,
  BivyError,
  compareNames,
  decodeName,
  encodeName,
  fileContent,
  fileError,
  joinPath,
  parentPath,
  pathPrefixes,
  type Content,
} from "../base/index.ts";
import { deviceNumbers } from "./device.ts";
import type { Attributes, DeviceNode, FifoNode } from "./node.ts";
import {
  isPlainPath,
  notDirectoryError,
  requirePlainPath,
  rootInTheWayError,
  symlinkParentError,
  type Root,
  type RootEntry,
} from "./root.ts";

export interface DirectoryRootOptions {
  /** Whether owners are set: needs root, of the machine or of a user namespace. */
  readonly owners: boolean;
}

const fileType = 0o170000;

export class DirectoryRoot implements Root {
  readonly directory: string;
  readonly #owners: boolean;
  #temporary = 0;

  constructor(directory: string, options: DirectoryRootOptions) {
    this.directory = directory;
    this.#owners = options.owners;
  }

  lookup(path: string): RootEntry | undefined {
    if (!this.#hasRealParents(path)) return undefined;
    const stats = this.#stat(path);
    return stats === undefined ? undefined : this.#entry(path, stats);
  }

  list(path: string): readonly string[] {
    if (!this.#hasRealParents(path) || this.#stat(path)?.isDirectory() !== true) return [];
    return this.#try("listing", path, () =>
      readdirSync(this.#host(path), { encoding: "buffer" }).map(decodeName).sort(compareNames),
    );
  }

  makeDirectory(path: string, attributes: Attributes): void {
    this.#requireParents(path);
    const stats = this.#stat(path);
    if (stats !== undefined && !stats.isDirectory())
      throw new BivyError("file-exists", `${path}: a file stands where a directory is to be made`);
    if (stats === undefined)
      this.#try("making the directory", path, () => mkdirSync(this.#host(path)));
    this.#apply(path, attributes);
  }

  async writeFile(path: string, attributes: Attributes, content: Content): Promise<void> {
    this.#requireParents(path);
    this.#refuseDirectory(path);
    const temporary = this.#temporaryFor(path);
    try {
      const descriptor = this.#try("creating", path, () =>
        openSync(this.#host(temporary), "wx", 0o600),
      );
      try {
        for await (const chunk of content.chunks())
          this.#try("writing", path, () => {
            for (let at = 0; at < chunk.byteLength;) at += writeSync(descriptor, chunk, at);
          });
      } finally {
        closeSync(descriptor);
      }
      this.#apply(temporary, attributes);
      this.#try("renaming", path, () => renameSync(this.#host(temporary), this.#host(path)));
    } catch (error) {
      this.#discard(temporary);
      throw error;
    }
  }

  makeSymlink(path: string, target: string, attributes: Attributes): void {
    this.#replace(path, (temporary) => {
      symlinkSync(Buffer.from(encodeName(target)), this.#host(temporary));
      this.#apply(temporary, attributes, true);
    });
  }

  makeLink(path: string, existing: string): void {
    if (this.lookup(existing)?.kind !== "file")
      throw new BivyError(
        "file-not-found",
        `${path}: cannot link to ${existing}: expected a file there`,
      );
    if (path === existing) return;
    this.#replace(path, (temporary) => linkSync(this.#host(existing), this.#host(temporary)));
  }

  makeSpecial(path: string, node: DeviceNode | FifoNode): void {
    const letter = { character: "c", block: "b", fifo: "p" }[node.kind];
    const numbers = node.kind === "fifo" ? [] : [String(node.major), String(node.minor)];
    this.#replace(path, (temporary) => {
      // Node has no mknod(2).
      const made = spawnSync(
        "mknod",
        ["--", this.#host(temporary).toString(), letter, ...numbers],
        { encoding: "utf8" },
      );
      if (made.error !== undefined) throw made.error;
      if (made.status !== 0) throw new BivyError("file-denied", `${path}: ${made.stderr.trim()}`);
      this.#apply(temporary, node);
    });
  }

  setAttributes(path: string, attributes: Attributes): void {
    this.#requireParents(path);
    this.#apply(path, attributes, this.#stat(path)?.isSymbolicLink() === true);
  }

  rename(from: string, to: string): void {
    this.#requireParents(from);
    const stats = this.#stat(from);
    if (stats === undefined || stats.isDirectory())
      throw new BivyError("file-not-found", `${from}: expected a file to rename`);
    this.#requireParents(to);
    this.#refuseDirectory(to);
    this.#try("renaming", from, () => renameSync(this.#host(from), this.#host(to)));
    // rename(2) leaves both names where they are already two of the same file.
    if (from !== to && stats.nlink > 1) this.#discard(from);
  }

  remove(path: string): boolean {
    if (!this.#hasRealParents(path)) return false;
    const stats = this.#stat(path);
    if (stats === undefined) return false;
    if (path === "") throw rootInTheWayError("be removed");
    if (!stats.isDirectory()) {
      this.#try("removing", path, () => unlinkSync(this.#host(path)));
    } else if (this.list(path).length > 0) {
      throw new BivyError("file-exists", `${path}: the directory is not empty`);
    } else {
      this.#try("removing", path, () => rmdirSync(this.#host(path)));
    }
    return true;
  }

  #host(path: string): Buffer {
    return Buffer.from(encodeName(path === "" ? this.directory : `${this.directory}/${path}`));
  }

  #stat(path: string): Stats | undefined {
    return this.#try("looking at", path, () =>
      lstatSync(this.#host(path), { throwIfNoEntry: false }),
    );
  }

  #entry(path: string, stats: Stats): RootEntry {
    const attributes: Attributes = {
      mode: stats.mode & 0o7777,
      uid: stats.uid,
      gid: stats.gid,
      mtime: Math.floor(stats.mtimeMs / 1000),
    };
    const device = deviceNumbers(stats.rdev);
    switch (stats.mode & fileType) {
      case 0o040000:
        return { ...attributes, kind: "directory" };
      case 0o120000:
        return {
          ...attributes,
          kind: "symlink",
          target: decodeName(readlinkSync(this.#host(path), "buffer")),
        };
      case 0o020000:
        return { ...attributes, kind: "character", ...device };
      case 0o060000:
        return { ...attributes, kind: "block", ...device };
      case 0o100000:
        return {
          ...attributes,
          kind: "file",
          content: fileContent(this.#host(path), stats.size),
        };
      default:
        return { ...attributes, kind: "fifo" };
    }
  }

  #hasRealParents(path: string): boolean {
    return (
      isPlainPath(path) &&
      pathPrefixes(parentPath(path)).every((above) => this.#stat(above)?.isDirectory() === true)
    );
  }

  #requireParents(path: string): void {
    requirePlainPath(path);
    for (const above of pathPrefixes(parentPath(path))) {
      const stats = this.#stat(above);
      if (stats === undefined)
        throw new BivyError("file-not-found", `${path}: its folder ${above} does not exist`);
      if (stats.isSymbolicLink())
        throw symlinkParentError(
          path,
          above,
          decodeName(readlinkSync(this.#host(above), "buffer")),
        );
      if (!stats.isDirectory()) throw notDirectoryError(path, above);
    }
  }

  #refuseDirectory(path: string): void {
    if (this.#stat(path)?.isDirectory() === true)
      throw new BivyError("file-exists", `${path}: a directory stands where a file is to be made`);
  }

  /**
   * The name stays below NAME_MAX whatever the file is called, and its folder is the file's own, so that
   * a rename never crosses a file system.
   */
  #temporaryFor(path: string): string {
    this.#temporary += 1;
    return joinPath(parentPath(path), `.bivy.${process.pid}.${this.#temporary}`);
  }

  /** What stands at `path` stays until `make` has done its work under a temporary name. */
  #replace(path: string, make: (temporary: string) => void): void {
    this.#requireParents(path);
    this.#refuseDirectory(path);
    const temporary = this.#temporaryFor(path);
    try {
      this.#try("creating", path, () => make(temporary));
      this.#try("renaming", path, () => renameSync(this.#host(temporary), this.#host(path)));
    } finally {
      // It is still there after a failure, and after a link took the place of one to the same file.
      this.#discard(temporary);
    }
  }

  /** Owner before mode, because chown clears set-user-id; extended attributes need a tool of the system. */
  #apply(path: string, attributes: Attributes, symlink = false): void {
    const host = this.#host(path);
    this.#try("setting the attributes of", path, () => {
      if (this.#owners) lchownSync(host, attributes.uid, attributes.gid);
      if (!symlink) chmodSync(host, attributes.mode);
      for (const [name, value] of attributes.xattrs ?? []) setExtendedAttribute(host, name, value);
      // Node takes a negative number for "now".
      const time = attributes.mtime < 0 ? new Date(attributes.mtime * 1000) : attributes.mtime;
      lutimesSync(host, time, time);
    });
  }

  #discard(path: string): void {
    try {
      unlinkSync(this.#host(path));
    } catch {
      // It was never made, or it has its final name already.
    }
  }

  #try<T>(doing: string, path: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw fileError(error, doing, `/${path} in ${this.directory}`);
    }
  }
}

/** Node has no setxattr(2); setfattr comes with the attr package. */
function setExtendedAttribute(path: Buffer, name: string, value: Uint8Array): void {
  const encoded = `0x${Buffer.from(value).toString("hex")}`;
  const made = spawnSync("setfattr", ["-h", "-n", name, "-v", encoded, "--", path.toString()], {
    encoding: "utf8",
  });
  if (made.error !== undefined)
    throw new BivyError(
      "io-failed",
      `${baseName(path.toString())}: cannot set ${name}: setfattr is not installed`,
      {
        cause: made.error,
        hint: "Install the attr package.",
      },
    );
  if (made.status !== 0)
    throw new BivyError("file-denied", `cannot set ${name}: ${made.stderr.trim()}`);
}
