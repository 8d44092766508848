/**
 * COPY and ADD: files come from the context, a stage, an image, the Dockerfile itself or the network, and
 * become a layer. Contents are read once for the key, and once more, checked against it, for the layer.
 * The key knows nothing of times, so files of a folder have none of their own: they are dated as the stage.
 */
import { join } from "node:path";
import { type Access } from "../../../apk/index.ts";
import { BivyError, hashContent, isBivyError, type Content } from "../../../base/index.ts";
import {
  emptyDirectory,
  layerChecksum,
  layerDiff,
  spoolContents,
  TreeRoot,
  type DirectoryNode,
  type FileNode,
  type LayerItem,
  type Spool,
} from "../../../tree/index.ts";
import { stepKey } from "../cache/step-key.ts";
import { applyCopy } from "../copy/apply.ts";
import { digestOfSources } from "../copy/digest.ts";
import { resolveRemotes } from "../copy/resolve-remotes.ts";
import { type CopyDating } from "../copy/landing.ts";
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

/** What to do for a COPY or ADD. Its sources are looked at when the first key is asked for that needs them. */
export async function prepareCopy(
  step: CopyStep,
  before: StageFiles,
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
    const isIgnored = isContext ? from?.isIgnored : undefined;
    const selectFrom = (top: DirectoryNode): readonly SelectedSource[] =>
      selectSources(step, top, {
        remotes,
        time: before.time,
        ...(isIgnored === undefined ? {} : { isIgnored }),
      });
    try {
      return selectFrom(await treeOf(from));
    } catch (error) {
      const isMissing = isBivyError(error, "file-not-found");
      if (isMissing && from === undefined) throw noContext(step);
      if (!isMissing || from === undefined || !("folder" in from)) throw error;
      return selectFrom(await from.whole());
    }
  };
  const contentKey = async (): Promise<string> => {
    const sources = await (selected ??= select());
    return stepKey("copy", before, {
      ...what,
      content: await digestOfSources(step, sources, (file) => hashOf(file, from)),
    });
  };
  const quickKey = async (): Promise<string> => {
    const { identity } = from as StageFiles;
    return stepKey("copy-quick", before, { ...what, from: identity, sources: step.sources });
  };
  return {
    keys: isContext ? [contentKey] : [quickKey, contentKey],
    carryOut: async () =>
      carryOut(step, await (selected ??= select()), before, isContext ? "all" : "late", around),
  };
}

function noContext({ instruction, sources }: CopyStep): BivyError {
  const wanted = sources.flatMap((each) => (each.kind === "path" ? each.path : [])).join(" ");
  const problem = "there is no build context, since the Dockerfile came alone";
  return new BivyError("file-not-found", `${instruction} ${wanted}: ${problem}`, {
    hint: "Name the folder of the context: bivy build -f - FOLDER.",
  });
}

async function treeOf(from: StageFiles | BuildContext | undefined): Promise<DirectoryNode> {
  return from === undefined ? emptyDirectory : from.tree();
}

function hashOf(
  file: FileNode,
  from: StageFiles | BuildContext | undefined,
): string | Promise<string> {
  if (from !== undefined && "folder" in from) return from.hash(file);
  return layerChecksum(file, "sha256") ?? hashContent(file.content);
}

async function carryOut(
  step: CopyStep,
  sources: readonly SelectedSource[],
  before: StageFiles,
  dating: CopyDating,
  around: CopySurroundings,
): Promise<StepResult> {
  const { limits, signal } = around;
  const tree = await before.tree();
  const root = TreeRoot.of(tree);
  const scratch = await makeFolder(around);
  const { time } = before;
  await applyCopy(root, step, sources, { time, dating, limits, scratch, signal });
  const after = root.snapshot();
  const items = (): Iterable<LayerItem> => layerDiff(tree, after, { newest: time });
  // What does not come from a stage or image lies on disk already.
  const inLayers = step.from === undefined ? [] : contentsIn(items());
  const spool = await spoolContents(inLayers, join(scratch, "contents"), { signal });
  return { tree: after, items: () => spooled(items(), spool), time };
}

function* contentsIn(items: Iterable<LayerItem>): Generator<Content> {
  for (const { content } of items) if (content !== undefined) yield content;
}

function* spooled(items: Iterable<LayerItem>, spool: Spool): Generator<LayerItem> {
  for (const item of items) {
    const content = item.content && spool.get(item.content);
    yield content === undefined ? item : { ...item, content };
  }
}
