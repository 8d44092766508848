/**
 * Unpacking: the entries of an archive, laid into a directory of a stage, which is their root: a link in
 * it leads nowhere else, and `..` of a link does not leave it. The archive is hostile: a name that climbs
 * out is refused, and nothing is written but below the directory.
 *
 * As with tar -x, an entry takes the place of what is there, directories merge, and of a directory's entry
 * the link that stands there is followed. Owners are those of the archive.
 */
import { posix } from "node:path";
import { type TarEntry, type TarHeader } from "../../../archive/index.ts";
import {
  baseName,
  BivyError,
  joinPath,
  parentPath,
  parseEntryPath,
  pathPrefixes,
  throwIfAborted,
  type Limits,
} from "../../../base/index.ts";
import { ownXattrs, resolveInRoot, type Attributes, type TreeRoot } from "../../../tree/index.ts";
import { removeTree } from "./lay-over.ts";
import { datedAs, kindName, type CopyDating } from "./landing.ts";
import { type CopyOwner } from "./owner.ts";
import { Spool } from "./spool.ts";

export interface UnpackOptions {
  /** How messages name the archive. */
  readonly subject: string;
  /** Undefined: as the archive says. */
  readonly owner: CopyOwner | undefined;
  /** Of directories that the archive does not state, in seconds since 1970. */
  readonly time: number;
  /** Whether what the archive dates later is dated so, too. */
  readonly dating?: CopyDating | undefined;
  readonly limits: Limits;
  /** A folder that stays as long as the root is used. */
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
}

/** `place` is a directory of the root. Throws `path-unsafe`, `tar-invalid`, and what reading throws. */
export async function unpackArchive(
  root: TreeRoot,
  place: string,
  entries: AsyncIterable<TarEntry>,
  options: UnpackOptions,
): Promise<void> {
  const spool = await Spool.create(options.scratch);
  const unpacking = new Unpacking(root, place, options);
  try {
    for await (const entry of entries) {
      throwIfAborted(options.signal);
      await unpacking.add(entry, spool);
    }
  } finally {
    await spool.close();
  }
}

class Unpacking {
  readonly #root: TreeRoot;
  readonly #place: string;
  readonly #options: UnpackOptions;

  constructor(root: TreeRoot, place: string, options: UnpackOptions) {
    this.#root = root;
    this.#place = place;
    this.#options = options;
  }

  async add(entry: TarEntry, spool: Spool): Promise<void> {
    const { header } = entry;
    const path = this.#find(header.path, header.type === "directory");
    // The directory itself is the destination, whose attributes are not the archive's.
    if (path === "") return;
    const at = this.#below(path);
    this.#makeParents(path, header);
    const found = this.#root.lookup(at);
    const attributes = this.#attributes(header);
    if (header.type === "directory") {
      if (found !== undefined && found.kind !== "directory") this.#root.remove(at);
      const kept = found?.kind === "directory" ? (found.xattrs ?? []) : [];
      const xattrs = new Map([...kept, ...header.xattrs]);
      return this.#root.makeDirectory(at, { ...attributes, xattrs });
    }
    if (header.type === "hardlink") return this.#link(at, header, attributes);
    if (found !== undefined) removeTree(this.#root, at);
    switch (header.type) {
      case "file":
        return this.#root.putFile(at, attributes, await spool.add(entry.chunks()));
      case "symlink":
        return this.#root.makeSymlink(at, header.linkPath, attributes);
      case "fifo":
        return this.#root.makeSpecial(at, { ...attributes, kind: "fifo" });
      default:
        return this.#root.makeSpecial(at, {
          ...attributes,
          kind: header.type,
          major: header.deviceMajor,
          minor: header.deviceMinor,
        });
    }
  }

  /** Where an entry belongs, links on the way followed; plain, and relative to the place. */
  #find(name: string, followsLast: boolean): string {
    const path = plainName(name, this.#options.subject);
    const view = { lookup: (at: string) => this.#root.lookup(this.#below(at)) };
    if (followsLast) return resolveInRoot(view, path);
    const parent = resolveInRoot(view, parentPath(path));
    return path === "" ? "" : joinPath(parent, baseName(path));
  }

  #below(path: string): string {
    return path === "" ? this.#place : joinPath(this.#place, path);
  }

  #makeParents(path: string, header: TarHeader): void {
    for (const folder of pathPrefixes(parentPath(path))) {
      const at = this.#below(folder);
      const found = this.#root.lookup(at);
      if (found?.kind === "directory") continue;
      if (found !== undefined)
        throw this.#invalid(header, `lies in /${at}, which is a ${kindName(found)}`);
      this.#root.makeDirectory(at, { mode: 0o755, uid: 0, gid: 0, mtime: this.#options.time });
    }
  }

  /** A link shares all with what it links to, which so gets the attributes of the link. */
  #link(at: string, header: TarHeader, { xattrs: _none, ...attributes }: Attributes): void {
    const root = this.#root;
    const target = this.#below(this.#find(header.linkPath, false));
    const existing = root.lookup(target);
    if (existing === undefined || existing.kind === "directory" || target === at)
      throw this.#invalid(
        header,
        `is a link to ${quoted(header.linkPath)}, which is no file of it`,
      );
    if (root.lookup(at) !== undefined) removeTree(root, at);
    if (existing.kind === "symlink") return root.makeSymlink(at, existing.target, existing);
    if (existing.kind !== "file") return root.makeSpecial(at, existing);
    root.makeLink(at, target);
    const { xattrs } = existing;
    root.setAttributes(at, { ...attributes, ...(xattrs === undefined ? {} : { xattrs }) });
  }

  #attributes(header: TarHeader): Attributes {
    const { mode, mtime, mtimeNanoseconds, xattrs } = header;
    const { uid, gid } = this.#options.owner ?? header;
    // A time before 1970 is one that nobody meant.
    const stated = mtime < 0 ? { mtime: 0, mtimeNanoseconds: 0 } : { mtime, mtimeNanoseconds };
    const { time, dating } = this.#options;
    const times = datedAs(stated, { time, dating: dating && "late" });
    return { mode, uid, gid, ...times, xattrs: ownXattrs(xattrs) };
  }

  #invalid(header: TarHeader, reason: string): BivyError {
    return new BivyError(
      "tar-invalid",
      `${this.#options.subject}: entry ${quoted(header.path)} ${reason}`,
      { hint: "The archive is damaged, or does not fit the files of the stage." },
    );
  }
}

/** Slashes at the beginning mean nothing, and neither does a `..` that stays below the top. */
function plainName(name: string, subject: string): string {
  const clean = posix.normalize(name.replace(/^\/+/, "")).replace(/\/$/, "");
  return parseEntryPath(clean === "." ? "" : clean, subject);
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
