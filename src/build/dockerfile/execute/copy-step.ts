/**
 * COPY and ADD: files come from the context, a stage, an image, the Dockerfile itself or the network, and
 * become a layer. Contents are read once for the key, and once more, checked against it, for the layer.
 */
import { join } from "node:path";
import { type Access } from "../../../apk/index.ts";
import { startHash } from "../../../base/index.ts";
import {
  ContextContent,
  layerChecksum,
  layerDiff,
  spoolContents,
  TreeRoot,
  walkTree,
  type DirectoryNode,
  type FileNode,
  type LayerItem,
  type Spool,
} from "../../../tree/index.ts";
import { stepKey } from "../cache/step-key.ts";
import { applyCopy } from "../copy/apply.ts";
import { digestOfSources } from "../copy/digest.ts";
import { resolveRemotes } from "../copy/resolve-remotes.ts";
import { selectSources, type SelectedSource } from "../copy/selection.ts";
import { type BuildContext } from "../sources/build-context.ts";
import { type CopyStep } from "../steps.ts";
import { type PreparedStep } from "./build-stage.ts";
import { type StepResult } from "./run-step.ts";
import { makeFolder, type StageFiles, type Workshop } from "./stage-files.ts";
import { type StepOrigins } from "./step-work.ts";

export interface CopySurroundings extends Workshop {
  readonly origins: StepOrigins;
  /** How URLs are fetched. */
  readonly access: Access;
}

export interface Copying {
  prepare(step: CopyStep, before: StageFiles): Promise<PreparedStep>;
  /** The hash that a file of the context had when its step's key was made. */
  knownHash(content: ContextContent): string | undefined;
}

export function openCopying(around: CopySurroundings): Copying {
  const hashes = new Map<ContextContent, string>();
  return {
    knownHash: (content) => hashes.get(content),
    prepare: (step, before) => prepareCopy(step, before, hashes, around),
  };
}

async function prepareCopy(
  step: CopyStep,
  before: StageFiles,
  hashes: Map<ContextContent, string>,
  around: CopySurroundings,
): Promise<PreparedStep> {
  const { origins, access } = around;
  const from = step.from === undefined ? origins.context : await origins.open(step.from);
  const isContext = from === undefined || "folder" in from;
  const what = {
    instruction: step.instruction,
    destination: step.destination,
    chown: step.chown,
    chmod: step.chmod,
    link: step.link,
    parents: step.parents,
    excludes: step.excludes,
    unpack: step.unpack,
    isFromStage: step.from !== undefined,
  };
  let selected: Promise<readonly SelectedSource[]> | undefined;
  const select = async (): Promise<readonly SelectedSource[]> => {
    const scratch = await makeFolder(around);
    const remotes = await resolveRemotes(step, { access, scratch });
    const top = await treeOf(from);
    const isIgnored = isContext ? from?.isIgnored : undefined;
    return selectSources(step, top, {
      remotes,
      time: before.time,
      ...(isIgnored === undefined ? {} : { isIgnored }),
    });
  };
  const contentKey = async (): Promise<string> => {
    const sources = await (selected ??= select());
    return stepKey("copy", before, {
      ...what,
      content: await digestOfSources(step, sources, (file) => hashOf(file, from, hashes)),
    });
  };
  const quickKey = async (): Promise<string> => {
    const { identity } = from as StageFiles;
    return stepKey("copy-quick", before, { ...what, from: identity, sources: step.sources });
  };
  return {
    keys: isContext ? [contentKey] : [quickKey, contentKey],
    carryOut: async () => carryOut(step, await (selected ??= select()), before, around),
  };
}

async function treeOf(from: StageFiles | BuildContext | undefined): Promise<DirectoryNode> {
  return from === undefined ? new TreeRoot().snapshot() : from.tree();
}

async function hashOf(
  file: FileNode,
  from: StageFiles | BuildContext | undefined,
  hashes: Map<ContextContent, string>,
): Promise<string> {
  const { content } = file;
  if (content instanceof ContextContent && from !== undefined && "folder" in from) {
    const sha256 = await from.hash(file);
    hashes.set(content, sha256);
    return sha256;
  }
  const known = layerChecksum(file, "sha256");
  if (known !== undefined) return known;
  const running = startHash("sha256");
  for await (const chunk of content.chunks()) running.update(chunk);
  return running.hex();
}

async function carryOut(
  step: CopyStep,
  sources: readonly SelectedSource[],
  before: StageFiles,
  around: CopySurroundings,
): Promise<StepResult> {
  const { limits, signal } = around;
  const tree = await before.tree();
  const root = TreeRoot.of(tree);
  const scratch = await makeFolder(around);
  await applyCopy(root, step, sources, { time: before.time, limits, scratch, signal });
  const after = root.snapshot();
  const time = before.time;
  const items = (): Iterable<LayerItem> => layerDiff(tree, after, { newest: time });
  const spool = await spoolContents(filesIn(items(), after), join(scratch, "contents"), { signal });
  return { tree: after, items: () => spooled(items(), spool), time };
}

/** The files whose contents a layer carries. */
function filesIn(items: Iterable<LayerItem>, tree: DirectoryNode): Set<FileNode> {
  const contents = new Set([...items].map(({ content }) => content));
  const files = new Set<FileNode>();
  for (const { node } of walkTree(tree))
    if (node.kind === "file" && contents.has(node.content)) files.add(node);
  return files;
}

function* spooled(items: Iterable<LayerItem>, spool: Spool): Generator<LayerItem> {
  for (const item of items) {
    const content = item.content && spool.get(item.content);
    yield content === undefined ? item : { ...item, content };
  }
}
