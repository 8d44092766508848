/**
 * LayerStack: layers laid upon each other in memory (OCI image-spec, layer.md, "Applying Changesets").
 *
 * Entries are applied in the order of the layer's tar:
 *   - A folder where a folder stands gives it its attributes; anything else takes the place of what
 *     stands there, with all that is below.
 *   - The folders above an entry are found as the kernel would find them after a chroot, through
 *     symlinks, but never out of the root. Those that are missing are made, root's and with mode 0755;
 *     a file in the way is an error, as with umoci and containerd.
 *   - A hard link adds a name to a file that stands already, in this layer or a lower one. What its
 *     header says about owner and mode is not applied, as with umoci: the file has them.
 *
 * A whiteout removes what lower layers brought, and nothing of its own layer, wherever in the tar it
 * stands. Therefore each node knows which layer brought it, and each folder the last layer that had
 * anything to do with it or with what is below (`touched`). A folder that was touched by this layer
 * stays; if the layer has no entry for it, it stays as if it had been missing, with implied attributes.
 * Where a whiteout has been, nothing of lower layers can be left (`cleared`): no folder is searched
 * twice for one layer, however many whiteouts a hostile one has. Implied folders count as entries, since
 * one entry can imply two thousand.
 */
import type { TarHeader } from "../archive/index.ts";
import {
  baseName,
  BivyError,
  joinPath,
  limitExceeded,
  parentPath,
  parseEntryPath,
  type Content,
  type Limits,
} from "../base/index.ts";
import {
  impliedAttributes,
  layDirectory,
  layerOfChild,
  layFile,
  layOther,
  noLayer,
  ownName,
  setAttributes,
  type LaidDirectory,
  type LaidNode,
} from "./laid-node.ts";
import type { LayerChange } from "./layered-tree.ts";
import type { Attributes, FileNode } from "./node.ts";
import { sameAttributes } from "./same-node.ts";

/** Where an entry goes: the folder that it is in, once links are followed. */
interface Place {
  readonly directory: LaidDirectory;
  readonly name: string;
  /** Plain, without links on the way. */
  readonly path: string;
}

interface FoundFolder {
  readonly directory: LaidDirectory;
  readonly path: string;
}

/** The most symlinks that one path may lead through (Linux: ELOOP beyond 40). */
const mostLinks = 40;
/** Paths are shorter (Linux: PATH_MAX); a target that is not cannot be stored in a symlink. */
const pathMax = 4096;

export class LayerStack {
  readonly top: LaidDirectory = layDirectory(impliedAttributes, 0);
  readonly #limits: Limits;
  #layer = noLayer;
  #subject = "";
  /** Entries of all layers, and folders that were implied by them. */
  #entries = 0;
  #changes: Omit<LayerChange, "kind">[] = [];
  /** The folder of the last entry: the next one is in the same, as a rule. */
  #last: (FoundFolder & { readonly asked: string }) | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  beginLayer(subject: string): void {
    this.#layer += 1;
    this.#subject = subject;
    this.#changes = [];
    this.#last = undefined;
  }

  /** What the layer replaced or removed. */
  endLayer(): readonly LayerChange[] {
    return this.#changes.map((change) => ({
      ...change,
      // A whiteout may stand before the entry that takes the place of what it removed.
      kind: this.find(change.path) === undefined ? "removed" : "changed",
    }));
  }

  /** Counts an entry against the limit. */
  countEntry(): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries)
      throw limitExceeded("entries", this.#limits, this.#subject);
  }

  /** What stands at a plain path, not followed. */
  find(path: string): LaidNode | undefined {
    return path === "" ? this.top : this.#childAt(path)?.child;
  }

  /** The layer that brought what stands at a plain path. */
  layerOf(path: string): number | undefined {
    if (path === "") return this.top.entered === noLayer ? undefined : this.top.layer;
    const found = this.#childAt(path);
    if (found === undefined) return undefined;
    const { directory, child } = found;
    if (child.kind === "directory" && child.entered === noLayer) return undefined;
    return layerOfChild(directory, baseName(path), child);
  }

  /** Makes way for what the layer has at `path`, and gives the place for it. */
  clearPlace(path: string): Place {
    const place = this.#place(path);
    const existing = place.directory.children.get(place.name);
    if (existing !== undefined) this.#unlink(place, existing);
    return place;
  }

  putFile({ directory, name }: Place, header: TarHeader, content: Content): FileNode {
    const file = layFile(header, content, this.#layer);
    this.#set(directory, name, file);
    return file;
  }

  putDirectory(path: string, header: TarHeader): void {
    if (path === "") return this.#enterDirectory(this.top, "", header);
    const place = this.#place(path);
    const existing = place.directory.children.get(place.name);
    if (existing?.kind === "directory") return this.#enterDirectory(existing, place.path, header);
    if (existing !== undefined) this.#unlink(place, existing);
    const made = layDirectory(header, this.#layer);
    made.entered = this.#layer;
    this.#set(place.directory, place.name, made);
  }

  /** A symlink, device or pipe. */
  putOther(path: string, header: TarHeader): void {
    if (header.type === "symlink" && Buffer.byteLength(header.linkPath) >= pathMax)
      throw this.#invalid(path, `links to a path longer than ${pathMax - 1} bytes`);
    const place = this.clearPlace(path);
    this.#set(place.directory, place.name, layOther(header, this.#layer));
  }

  putLink(path: string, linkPath: string): void {
    // Before the target is looked for: a name cannot be a link to what it replaces.
    const place = this.clearPlace(path);
    const target = parseEntryPath(linkPath.replace(/^\/+/, ""), this.#subject);
    const folder = this.#findFolder(parentPath(target));
    const found = folder?.directory.children.get(baseName(target));
    if (found === undefined)
      throw this.#invalid(path, `is a hard link to ${JSON.stringify(target)}, which is not there`);
    if (found.kind === "directory")
      throw this.#invalid(path, `is a hard link to ${JSON.stringify(target)}, which is a folder`);
    this.#set(place.directory, place.name, found);
  }

  /** Removes what lower layers brought at `name` in `folder`. */
  removeLower(folder: string, name: string): void {
    const found = this.#findFolder(folder);
    const child = found?.directory.children.get(name);
    if (child !== undefined)
      this.#removeLower({ ...found!, name, path: joinPath(found!.path, name) }, child);
  }

  /** Removes all that lower layers brought in `folder`, which stays. */
  removeLowerIn(folder: string): void {
    const found = this.#findFolder(folder);
    if (found !== undefined) this.#clear(found.directory, found.path);
  }

  #clear(directory: LaidDirectory, path: string): void {
    if (directory.cleared === this.#layer) return;
    directory.cleared = this.#layer;
    // What is deleted meanwhile is behind the iterator.
    for (const [name, child] of directory.children)
      this.#removeLower({ directory, name, path: joinPath(path, name) }, child);
  }

  #removeLower(place: Place, child: LaidNode): void {
    const layer = this.#layer;
    if (child.kind !== "directory") {
      if (layerOfChild(place.directory, place.name, child) < layer) this.#unlink(place, child);
    } else if (child.touched < layer) this.#unlink(place, child);
    else {
      this.#clear(child, place.path);
      if (child.layer === layer) return;
      this.#note(place.path, withoutChildren(child), child.layer);
      child.layer = layer;
      if (child.entered === layer) return;
      child.entered = noLayer;
      setAttributes(child, impliedAttributes);
    }
  }

  #enterDirectory(directory: LaidDirectory, path: string, attributes: Required<Attributes>): void {
    const layer = this.#layer;
    const isImplied = directory.entered === noLayer;
    if (isImplied || !sameAttributes(directory, attributes)) {
      if (!isImplied || directory.layer < layer)
        this.#note(path, withoutChildren(directory), directory.layer);
      setAttributes(directory, attributes);
      directory.layer = layer;
    }
    directory.entered = layer;
    directory.touched = layer;
  }

  #set(directory: LaidDirectory, name: string, node: LaidNode): void {
    directory.children.set(ownName(name), node);
    if (node.layer !== this.#layer) {
      directory.linkLayers ??= new Map();
      directory.linkLayers.set(name, this.#layer);
    } else directory.linkLayers?.delete(name);
  }

  /** Removes what stands at a place, and notes it with all that was below. */
  #unlink({ directory, name, path }: Place, node: LaidNode): void {
    this.#note(path, node, layerOfChild(directory, name, node));
    directory.children.delete(name);
    directory.linkLayers?.delete(name);
    if (node.kind === "file") return;
    // It may have led to the folder of the last entry.
    this.#last = undefined;
    if (node.kind !== "directory") return;
    for (const [below, child] of node.children)
      this.#unlink({ directory: node, name: below, path: joinPath(path, below) }, child);
  }

  #note(path: string, before: LaidNode, beforeLayer: number): void {
    this.#changes.push({ path, before, beforeLayer });
  }

  #place(path: string): Place {
    if (path === "") throw this.#invalid("/", "takes the place of the root folder");
    const folder = this.#makeFolder(parentPath(path), path);
    const name = baseName(path);
    const found = joinPath(folder.path, name);
    if (found.length !== path.length) this.#checkLength(found);
    return { directory: folder.directory, name, path: found };
  }

  /** The folder at a path, links followed; made where it is missing. `entry` is what it is to hold. */
  #makeFolder(path: string, entry: string): FoundFolder {
    if (this.#last?.asked === path) return this.#last;
    const names = this.#resolve(path);
    let directory = this.top;
    directory.touched = this.#layer;
    let resolved = "";
    for (const name of names) {
      resolved = joinPath(resolved, name);
      let child = directory.children.get(name);
      if (child === undefined) {
        this.countEntry();
        this.#checkLength(resolved);
        child = layDirectory(impliedAttributes, this.#layer);
        directory.children.set(ownName(name), child);
      }
      if (child.kind !== "directory")
        throw this.#invalid(entry, `stands below /${resolved}, which is a ${child.kind}`);
      directory = child;
      directory.touched = this.#layer;
    }
    this.#last = { directory, path: resolved, asked: path };
    return this.#last;
  }

  #findFolder(path: string): FoundFolder | undefined {
    if (this.#last?.asked === path) return this.#last;
    const resolved = this.#resolve(path).join("/");
    const directory = this.find(resolved);
    return directory?.kind === "directory" ? { directory, path: resolved } : undefined;
  }

  /** The parts of a path once links are followed; the last ones need not exist. */
  #resolve(path: string): string[] {
    const names: string[] = [];
    /** What stands at each of them; undefined where nothing does. */
    const nodes: (LaidNode | undefined)[] = [];
    const pending = path.split("/").reverse();
    let links = 0;
    while (pending.length > 0) {
      const part = pending.pop()!;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        names.pop();
        nodes.pop();
        continue;
      }
      const folder = nodes.length === 0 ? this.top : nodes.at(-1);
      const child = folder?.kind === "directory" ? folder.children.get(part) : undefined;
      if (child?.kind !== "symlink") {
        names.push(part);
        nodes.push(child);
        continue;
      }
      links += 1;
      if (links > mostLinks)
        throw this.#invalid(path, `leads through more than ${mostLinks} symlinks`);
      if (child.target.startsWith("/")) names.length = nodes.length = 0;
      pending.push(...child.target.split("/").reverse());
    }
    return names;
  }

  #childAt(path: string): { directory: LaidDirectory; child: LaidNode } | undefined {
    let directory = this.top;
    for (let start = 0; ;) {
      const slash = path.indexOf("/", start);
      const child = directory.children.get(path.slice(start, slash === -1 ? path.length : slash));
      if (child === undefined) return undefined;
      if (slash === -1) return { directory, child };
      if (child.kind !== "directory") return undefined;
      directory = child;
      start = slash + 1;
    }
  }

  /** Through links an entry could come to stand deeper than any system can reach. */
  #checkLength(path: string): void {
    if (path.length < pathMax / 3 || Buffer.byteLength(path) < pathMax) return;
    throw this.#invalid(path, `stands at a path longer than ${pathMax - 1} bytes`);
  }

  #invalid(path: string, reason: string): BivyError {
    const named = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
    return new BivyError("image-invalid", `${this.#subject}: entry ${named} ${reason}`, {
      hint: "The layer is damaged, hostile, or does not belong on top of those below it.",
    });
  }
}

const noChildren = new Map<string, LaidNode>();

/** What a folder was, without what it holds: that is told of each on its own. */
function withoutChildren(directory: LaidDirectory): LaidDirectory {
  return { ...directory, children: noChildren };
}
