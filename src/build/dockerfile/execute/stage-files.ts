/**
 * Stage files: what a stage has after a step. It is a value: its layers, and, once they are asked for,
 * its files as a tree in memory and as folders that an overlay file system lays over each other.
 *
 * A step that was found in the cache has nothing but its layer, and so has its stage, until a step comes
 * that was not: only then are layers read. A tree that a step made itself is never read back from them.
 * On disk, what a command changed is the folder that took its changes; what other steps changed is laid
 * out when a command needs it, and only as far as it differs from what lies there already.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, encodeText, type Digest, type Limits } from "../../../base/index.ts";
import { keepInventoryFiles } from "../../../inventory/index.ts";
import { type Layer } from "../../../oci/index.ts";
import { canSetOwners } from "../../../sandbox/index.ts";
import { emptyDirectory, layOut, readLayers, type DirectoryNode } from "../../../tree/index.ts";

export interface StageFiles {
  /** Lowest first. */
  readonly layers: readonly Layer[];
  /** No file of the stage is dated later, in seconds since 1970. */
  readonly time: number;
  /** The chain of layers: equal for stages that have the same files in the same layers. */
  readonly identity: Digest;
  tree(): Promise<DirectoryNode>;
  /** Folders that hold the files together, the topmost first. */
  lowers(): Promise<readonly string[]>;
  /** The nearest state below and including this one that is on disk already. */
  onDisk(): StageFiles | undefined;
}

/** Where stages are laid out, and how layers are read. */
export interface Workshop {
  /** A folder of the build's own. */
  readonly scratch: string;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/** A new folder of the workshop. */
export async function makeFolder(workshop: Workshop): Promise<string> {
  const count = (foldersMade.get(workshop.scratch) ?? 0) + 1;
  foldersMade.set(workshop.scratch, count);
  const folder = join(workshop.scratch, String(count));
  await mkdir(folder);
  // The umask has no say: commands see the mode of the folder that takes their changes as that of /.
  await chmod(folder, 0o755);
  return folder;
}

const foldersMade = new Map<string, number>();

/** What a stage begins with: the layers of its base. */
export function filesOfLayers(
  layers: readonly Layer[],
  time: number,
  workshop: Workshop,
): StageFiles {
  return stageFiles(layers, time, undefined, undefined, undefined, workshop);
}

/**
 * Files that are no layers of any image, such as a build context; `identity` stands for their content.
 * On disk all have the one time.
 */
export function filesOfTree(
  tree: DirectoryNode,
  identity: Digest,
  time: number,
  workshop: Workshop,
): StageFiles {
  let lowers: Promise<readonly string[]> | undefined;
  const files = stageFiles([], time, undefined, tree, undefined, workshop);
  return {
    ...files,
    identity,
    lowers: () => (lowers ??= layFiles(files, undefined, workshop, time)),
  };
}

/** A step's result where the step was carried out. */
export interface MadeFiles {
  readonly tree: DirectoryNode;
  /** The folder that took what a command changed, over these others. */
  readonly lowers?: readonly string[];
}

/** What a stage has once a layer was added. */
export function filesAfter(
  before: StageFiles,
  layer: Layer,
  time: number,
  made: MadeFiles | undefined,
  workshop: Workshop,
): StageFiles {
  const layers = [...before.layers, layer];
  return stageFiles(layers, time, before, made?.tree, made?.lowers, workshop);
}

function stageFiles(
  layers: readonly Layer[],
  time: number,
  before: StageFiles | undefined,
  madeTree: DirectoryNode | undefined,
  madeLowers: readonly string[] | undefined,
  workshop: Workshop,
): StageFiles {
  let tree = madeTree === undefined ? undefined : Promise.resolve(madeTree);
  let lowers = madeLowers === undefined ? undefined : Promise.resolve(madeLowers);
  const files: StageFiles = {
    layers,
    time,
    identity: chainOf(layers),
    tree: () => (tree ??= readTree(layers, workshop)),
    lowers: () => (lowers ??= layFiles(files, before?.onDisk(), workshop)),
    onDisk: () => (lowers === undefined ? before?.onDisk() : files),
  };
  return files;
}

function chainOf(layers: readonly Layer[]): Digest {
  return digestOf(encodeText(layers.map(({ diffId }) => diffId).join(" ")));
}

async function readTree(layers: readonly Layer[], workshop: Workshop): Promise<DirectoryNode> {
  const { limits, signal } = workshop;
  if (layers.length === 0) return emptyDirectory;
  const { top } = await readLayers(
    layers.map((layer) => ({
      subject: `layer ${layer.digest}`,
      tar: () => layer.uncompressed(),
    })),
    // What is installed is looked at when the build is done.
    { limits, signal, checksums: ["sha256"], keeps: keepInventoryFiles() },
  );
  return top;
}

async function layFiles(
  files: StageFiles,
  below: StageFiles | undefined,
  workshop: Workshop,
  time?: number,
): Promise<readonly string[]> {
  const folder = await makeFolder(workshop);
  const lower = (await below?.lowers()) ?? [];
  await layOut(await files.tree(), folder, {
    owners: canSetOwners(),
    signal: workshop.signal,
    ...(time === undefined ? {} : { time }),
    ...(below === undefined ? {} : { below: await below.tree() }),
  });
  return [folder, ...lower];
}
