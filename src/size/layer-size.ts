/** Layer sizes: what each layer of an image costs, and what it added, changed, removed and wasted. */
import type { Digest } from "../base/index.ts";
import type { InventoryLayer } from "../inventory/index.ts";
import { formatInstruction } from "../oci/index.ts";
import { walkTree, type LayeredTree, type TreeNode } from "../tree/index.ts";
import { noWaste, type Fate, type ResolvedChange, type StoredFiles } from "./stored-file.ts";

/** Files (all that is no folder), and the bytes of their contents. */
export interface Tally {
  readonly files: number;
  readonly bytes: number;
}

export interface LayerSize {
  readonly digest?: Digest;
  readonly diffId?: Digest;
  readonly mediaType?: string;
  /** The instruction that made it, as a Dockerfile has it; from outside, as it is in the image. */
  readonly instruction?: string;
  readonly comment?: string;
  /** Bytes of the blob, which is what a download costs, or of a root archive; absent for a root folder. */
  readonly compressed?: number;
  /** Whether the blob is compressed at all; absent where there is none. */
  readonly isCompressed?: boolean;
  /** The lowest layer with the same blob, where this one stands a second time: it is downloaded once. */
  readonly repeats?: number;
  /** Bytes of the contents of its files, hard links once. */
  readonly unpacked: number;
  /** Bytes of its tar: contents, headers and padding. */
  readonly tar: number;
  /** Entries of its tar, folders and whiteouts among them. */
  readonly entries: number;
  readonly added: Tally;
  /** Replaced files of lower layers; the bytes are those of the new contents. */
  readonly changed: Tally;
  /** The bytes are those of what was removed. */
  readonly removed: Tally;
  /** Bytes that layers, as a rule lower ones, store for nothing because of it. */
  readonly wasted: number;
  /** The same by what it did. */
  readonly wastedByFate: Readonly<Record<Fate, number>>;
  /** Bytes of its own contents that it or higher layers made waste. */
  readonly lost: number;
  /** What it did to files of lower layers, in the order of its tar. */
  readonly changes: readonly FileReplacement[];
}

export interface FileReplacement {
  readonly path: string;
  readonly kind: "changed" | "removed";
  /** The layer that the file came from. */
  readonly from: number;
  /** Bytes of content; 0 for what is no file. */
  readonly before: number;
  readonly after: number;
}

export function measureLayers(
  layers: readonly InventoryLayer[],
  tree: LayeredTree,
  stored: StoredFiles,
): LayerSize[] {
  const replacements = stored.changes.map((changes) => changes.filter(isOfFile));
  const brought = countBrought(tree, replacements);
  const sums = layers.map(() => ({
    unpacked: 0,
    added: 0,
    changed: 0,
    lost: 0,
    wastedByFate: noWaste(),
  }));
  const successors = replacements.map(
    (changes) => new Set(changes.filter(isChanged).map(({ after }) => after)),
  );
  for (const { node, layer, loss } of stored.files) {
    const { size } = node.content;
    const sum = sums[layer]!;
    sum.unpacked += size;
    if (loss === undefined || loss.by > layer)
      sum[successors[layer]!.has(node) ? "changed" : "added"] += size;
    if (loss === undefined) continue;
    sum.lost += size;
    sums[loss.by]!.wastedByFate[loss.fate] += size;
  }
  const first = new Map<Digest, number>();
  return layers.map((layer, index) => {
    const { digest } = layer;
    const repeats = digest === undefined ? undefined : first.get(digest);
    if (digest !== undefined && repeats === undefined) first.set(digest, index);
    const changes = replacements[index]!;
    const changed = changes.filter(isChanged);
    const removed = changes.filter((change) => !isChanged(change));
    const { unpacked, lost, wastedByFate, ...bytes } = sums[index]!;
    return {
      ...identify(layer),
      ...(repeats === undefined ? {} : { repeats }),
      unpacked,
      tar: tree.layers[index]!.size,
      entries: tree.layers[index]!.entries,
      added: { files: brought[index]! - changed.length, bytes: bytes.added },
      changed: { files: changed.length, bytes: bytes.changed },
      removed: { files: removed.length, bytes: contentBytes(removed) },
      wasted: Object.values(wastedByFate).reduce((sum, each) => sum + each, 0),
      wastedByFate,
      lost,
      changes: changes.map(describeChange),
    };
  });
}

/** Folders have no content; when one goes, the files in it are changes of their own. */
function isOfFile({ before }: ResolvedChange): boolean {
  return before.kind !== "directory";
}

/** Whether there is a file again; one that made way for a folder is gone. */
function isChanged({ after }: ResolvedChange): boolean {
  return after !== undefined && after.kind !== "directory";
}

/** For each layer the paths at which a file of it stood when it was done. */
function countBrought(
  tree: LayeredTree,
  replacements: readonly (readonly ResolvedChange[])[],
): number[] {
  const counts = tree.layers.map(() => 0);
  for (const { path, node } of walkTree(tree.top))
    if (node.kind !== "directory") counts[tree.layerOf(path) ?? 0]! += 1;
  for (const { beforeLayer } of replacements.flat()) counts[beforeLayer]! += 1;
  return counts;
}

/** Bytes of what was there before, hard links once. */
function contentBytes(changes: readonly ResolvedChange[]): number {
  let bytes = 0;
  for (const node of new Set(changes.map(({ before }) => before))) bytes += sizeOf(node);
  return bytes;
}

function sizeOf(node: TreeNode | undefined): number {
  return node?.kind === "file" ? node.content.size : 0;
}

function describeChange(change: ResolvedChange): FileReplacement {
  return {
    path: change.path,
    kind: isChanged(change) ? "changed" : "removed",
    from: change.beforeLayer,
    before: sizeOf(change.before),
    after: sizeOf(change.after),
  };
}

function identify(layer: InventoryLayer): Partial<LayerSize> {
  const { digest, diffId, mediaType, size, createdBy, comment } = layer;
  return {
    ...(digest === undefined ? {} : { digest }),
    ...(diffId === undefined ? {} : { diffId }),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(createdBy === undefined ? {} : { instruction: formatInstruction(createdBy) }),
    ...(comment === undefined ? {} : { comment }),
    ...(size === undefined ? {} : { compressed: size }),
    ...(digest === undefined || diffId === undefined ? {} : { isCompressed: digest !== diffId }),
  };
}
