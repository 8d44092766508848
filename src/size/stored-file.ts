/**
 * Stored files: every file content that the layers of an image store, each once, and what became of
 * it: it stands in the final tree, or a layer made it waste.
 *
 * A layer cannot take bytes away from the layers below it: a file that it replaces or removes is still
 * downloaded and still lies on the disk. So the final tree says which contents are of use, the changes
 * of the layers name all others, and both together are the contents of all layers. Contents are told
 * apart by their node, so that hard links count once, however many paths they have.
 */
import {
  walkTree,
  type FileNode,
  type LayerChange,
  type LayeredTree,
  type TreeNode,
} from "../tree/index.ts";

/**
 * How a content became waste. `metadata`: the same content was stored again, because its mode, owner or
 * extended attributes changed; `unchanged`: it was stored again though nothing of that changed;
 * `moved`: the layer that removed it has the same content at another path.
 */
export type Fate = "removed" | "changed" | "metadata" | "unchanged" | "moved";

/** Bytes by fate, of which there are none yet. */
export function noWaste(): Record<Fate, number> {
  return { removed: 0, changed: 0, metadata: 0, unchanged: 0, moved: 0 };
}

export interface StoredFile {
  readonly node: FileNode;
  /** The layer whose tar has the content; lowest 0. */
  readonly layer: number;
  /** The first of its paths: in the final tree if it stands there, else where it stood. */
  readonly path: string;
  /** Its other paths in the final tree, in byte order. */
  readonly links: readonly string[];
  /** Absent for what stands in the final tree. */
  readonly loss?: Loss;
}

export interface Loss {
  readonly fate: Fate;
  /** The layer that replaced or removed it. */
  readonly by: number;
  /** Where the same content went, if it was moved. */
  readonly to?: string;
}

/** A change with what stood at the path when its layer was done; absent where nothing did. */
export interface ResolvedChange extends LayerChange {
  readonly layer: number;
  readonly after?: TreeNode;
}

export interface StoredFiles {
  /** Those of the final tree in byte order of their paths, then those that were lost. */
  readonly files: readonly StoredFile[];
  /** For each layer what it did to layers below it, in the order of its tar. */
  readonly changes: readonly (readonly ResolvedChange[])[];
}

interface OpenFile {
  readonly node: FileNode;
  layer: number;
  path: string;
  readonly links: string[];
  readonly isLive: boolean;
  /** The change that took its last path. */
  last?: ResolvedChange;
}

export function findStoredFiles(tree: LayeredTree): StoredFiles {
  const open = new Map<FileNode, OpenFile>();
  const note = (node: FileNode, path: string, layer: number, isLive: boolean): OpenFile => {
    const known = open.get(node);
    if (known !== undefined) {
      // A link to a file of a lower layer stores nothing: the lowest layer has the content.
      known.layer = Math.min(known.layer, layer);
      return known;
    }
    const file: OpenFile = { node, layer, path, links: [], isLive };
    open.set(node, file);
    return file;
  };
  const standing = new Map<string, TreeNode>();
  for (const { path, node } of walkTree(tree.top)) {
    standing.set(path, node);
    if (node.kind !== "file") continue;
    const file = note(node, path, tree.layerOf(path) ?? 0, true);
    if (file.path !== path) file.links.push(path);
  }
  const all = resolveChanges(tree, standing);
  for (const change of all)
    if (change.before.kind === "file") {
      const file = note(change.before, change.path, change.beforeLayer, false);
      if (!file.isLive) file.last = change;
    }
  const files = [...open.values()];
  const pathOf = contentPaths(tree, files);
  const changes: ResolvedChange[][] = tree.layers.map(() => []);
  for (const change of all)
    if (change.beforeLayer < change.layer) changes[change.layer]!.push(change);
  return {
    files: files.map(({ node, layer, path, links, last }) => ({
      node,
      layer,
      path,
      links,
      ...(last === undefined ? {} : { loss: lossOf(last, tree, pathOf) }),
    })),
    changes,
  };
}

/**
 * The changes of all layers in order, each with what it left behind: what the next change at its path
 * found there, or else what stands there in the end.
 */
function resolveChanges(
  tree: LayeredTree,
  standing: ReadonlyMap<string, TreeNode>,
): ResolvedChange[] {
  const resolved: ResolvedChange[] = [];
  const next = new Map(standing);
  for (let layer = tree.layers.length - 1; layer >= 0; layer -= 1) {
    for (const change of tree.layers[layer]!.changes.toReversed()) {
      const { path, kind, before, beforeLayer } = change;
      const after = kind === "removed" ? undefined : next.get(path);
      resolved.push({ ...change, layer, ...(after === undefined ? {} : { after }) });
      // What a layer put down and replaced by itself was never there for another.
      if (beforeLayer < layer) next.set(path, before);
    }
  }
  return resolved.reverse();
}

/** Where a layer stores the content of a checksum; looked up only where something was removed. */
type ContentPaths = (layer: number, checksum: string) => string | undefined;

function contentPaths(tree: LayeredTree, files: readonly OpenFile[]): ContentPaths {
  let paths: Map<string, string>[] | undefined;
  return (wanted, checksum) => {
    if (paths === undefined) {
      paths = tree.layers.map(() => new Map());
      for (const { node, layer, path } of files) {
        const own = tree.checksumOf(node, "sha256");
        if (own !== undefined) paths[layer]!.set(own, path);
      }
    }
    return paths[wanted]!.get(checksum);
  };
}

function lossOf(change: ResolvedChange, tree: LayeredTree, pathOf: ContentPaths): Loss {
  const { before, after, layer, kind } = change;
  const checksum = before.kind === "file" ? tree.checksumOf(before, "sha256") : undefined;
  if (checksum === undefined) return { fate: kind, by: layer };
  if (after?.kind === "file" && tree.checksumOf(after, "sha256") === checksum)
    return { fate: haveSameAttributes(before, after) ? "unchanged" : "metadata", by: layer };
  const to = kind === "removed" ? pathOf(layer, checksum) : undefined;
  return to === undefined ? { fate: kind, by: layer } : { fate: "moved", by: layer, to };
}

/** Whether two nodes agree in mode, owner and extended attributes; times do not count. */
function haveSameAttributes(a: TreeNode, b: TreeNode): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
  if ((a.xattrs?.size ?? 0) !== (b.xattrs?.size ?? 0)) return false;
  for (const [name, value] of a.xattrs ?? []) {
    const other = b.xattrs?.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}
