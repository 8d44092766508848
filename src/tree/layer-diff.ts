/**
 * The layer diff: what one step changed, as the entries of a layer that makes `after` of `before`.
 *
 * Both trees are walked together, in byte order. In each folder that both have, what is gone comes
 * first, as whiteouts: one for a whole folder. Then comes what is there, in order: an entry where
 * something is new or is not the same, and nothing where it is. What is of another kind needs no
 * whiteout, since an entry takes the place of whatever stands there, except a folder of a folder.
 *
 * Hard links need care, because a layer may be unpacked where those below it are not at hand: a link
 * must have its target in the same layer. So the names of one file stay together. A file is left out
 * only if all its names were names of one and the same file before, and that file still is what it was;
 * otherwise all its names are in the layer, the first with the content. Where one file became two, the
 * first of them counts as the old one.
 */
import { BivyError, compareNames, joinPath } from "../base/index.ts";
import { tarHeader } from "../archive/index.ts";
import { linkHeader, nodeHeader, type LayerItem } from "./file-tree.ts";
import { whiteoutPath, whiteoutPrefix } from "./layer-name.ts";
import type { DirectoryNode, FileNode, TreeNode } from "./node.ts";
import { sameAttributes, sameNode } from "./same-node.ts";

export interface LayerDiffOptions {
  /**
   * Whether two files have the same bytes, asked when all else about them is the same; unless given,
   * they do only if their contents are one object.
   */
  readonly sameContent?: (before: FileNode, after: FileNode) => boolean;
  /** As in `LayerOptions`; times stay as they are, unless given. */
  readonly newest?: number;
}

/** The entries of the layer that makes `after` of `before`, sorted; none where nothing changed. */
export function layerDiff(
  before: DirectoryNode,
  after: DirectoryNode,
  options: LayerDiffOptions = {},
): Generator<LayerItem> {
  return new LayerDiff(before, after, options).items(before, after);
}

class LayerDiff {
  readonly #newest: number | undefined;
  readonly #unchanged: ReadonlySet<FileNode>;
  /** Of each file that is in the layer, the name that carries its content. */
  readonly #firstPaths = new Map<FileNode, string>();

  constructor(before: DirectoryNode, after: DirectoryNode, options: LayerDiffOptions) {
    this.#newest = options.newest;
    this.#unchanged = unchangedFiles(before, after, options.sameContent ?? haveOneContent);
  }

  *items(before: DirectoryNode, after: DirectoryNode): Generator<LayerItem> {
    if (!sameAttributes(before, after)) yield this.#item(".", after);
    yield* this.#below("", before, after);
  }

  *#below(
    path: string,
    before: DirectoryNode | undefined,
    after: DirectoryNode,
  ): Generator<LayerItem> {
    for (const name of sortedNames(before))
      if (!after.children.has(name))
        yield { header: tarHeader({ path: whiteoutPath(path, name), type: "file" }) };
    for (const name of sortedNames(after)) {
      const childPath = joinPath(path, name);
      refuseWhiteoutName(childPath, name);
      const node = after.children.get(name)!;
      const old = before?.children.get(name);
      if (node.kind === "file") {
        if (!this.#unchanged.has(node)) yield this.#fileItem(childPath, node);
        continue;
      }
      if (old === undefined || !sameNode(old, node)) yield this.#item(childPath, node);
      if (node.kind === "directory")
        yield* this.#below(childPath, old?.kind === "directory" ? old : undefined, node);
    }
  }

  #fileItem(path: string, node: FileNode): LayerItem {
    const first = this.#firstPaths.get(node);
    if (first !== undefined) return { header: linkHeader(path, node, first, this.#newest) };
    this.#firstPaths.set(node, path);
    return { ...this.#item(path, node), content: node.content };
  }

  #item(path: string, node: TreeNode): LayerItem {
    return { header: nodeHeader(path, node, this.#newest) };
  }
}

/** The files of `after` that need not be in the layer (see above). */
function unchangedFiles(
  before: DirectoryNode,
  after: DirectoryNode,
  sameContent: NonNullable<LayerDiffOptions["sameContent"]>,
): ReadonlySet<FileNode> {
  /** For each file, in the order of its first name, what all its names were names of. */
  const origins = new Map<FileNode, FileNode | undefined>();
  for (const [node, old] of pairedFiles(before, after)) {
    if (!origins.has(node)) {
      const isSame = old !== undefined && sameAttributes(old, node) && sameContent(old, node);
      origins.set(node, isSame ? old : undefined);
    } else if (origins.get(node) !== old) origins.set(node, undefined);
  }
  const unchanged = new Set<FileNode>();
  const taken = new Set<FileNode>();
  for (const [node, origin] of origins) {
    if (origin === undefined || taken.has(origin)) continue;
    taken.add(origin);
    unchanged.add(node);
  }
  return unchanged;
}

/** The files of a folder and of those below it, each with the file that had its name before. */
function* pairedFiles(
  before: DirectoryNode | undefined,
  after: DirectoryNode,
): Generator<readonly [node: FileNode, old: FileNode | undefined]> {
  for (const name of sortedNames(after)) {
    const node = after.children.get(name)!;
    const old = before?.children.get(name);
    if (node.kind === "file") yield [node, old?.kind === "file" ? old : undefined];
    else if (node.kind === "directory")
      yield* pairedFiles(old?.kind === "directory" ? old : undefined, node);
  }
}

function sortedNames(directory: DirectoryNode | undefined): readonly string[] {
  return directory === undefined ? [] : [...directory.children.keys()].sort(compareNames);
}

function haveOneContent(before: FileNode, after: FileNode): boolean {
  return before.content === after.content;
}

/** In a layer, a file of such a name would remove another. */
function refuseWhiteoutName(path: string, name: string): void {
  if (!name.startsWith(whiteoutPrefix)) return;
  throw new BivyError(
    "path-unsafe",
    `/${path}: expected a name that a layer can hold, found one that begins with ${whiteoutPrefix}`,
    { hint: "In a layer it removes another file. Leave out what makes it, or rename it." },
  );
}
