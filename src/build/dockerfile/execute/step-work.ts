/** What each kind of step needs besides its stage: keys, sources, and the work itself. */
import {
  emptyDirectory,
  findNode,
  type DirectoryNode,
  type TreeNode,
} from "../../../tree/index.ts";
import { stepKey } from "../cache/step-key.ts";
import { type BuildContext } from "../sources/build-context.ts";
import { type CopyStep, type PlannedMount, type RunStep } from "../steps.ts";
import { type Origin } from "../stages.ts";
import {
  type PreparedStep,
  type StepReport,
  type StepWork,
  prepareWorkdir,
} from "./build-stage.ts";
import { keyOfMount, resolveTarget } from "./run-mounts.ts";
import { runStep, type RunSurroundings } from "./run-step.ts";
import { filesOfTree, type StageFiles, type Workshop } from "./stage-files.ts";
import { digestOfTree } from "./tree-digest.ts";

/** What steps take files from, besides their own stage. */
export interface StepOrigins {
  /** The files of a stage, an image or a named context that is an image; the context of a folder. */
  open(origin: Origin): Promise<StageFiles | BuildContext>;
  readonly context: BuildContext | undefined;
}

export interface StepWorkOptions extends Workshop {
  readonly origins: StepOrigins;
  readonly prepareCopy: (step: CopyStep, before: StageFiles) => Promise<PreparedStep>;
  readonly run: Omit<RunSurroundings, keyof Workshop | "filesOf" | "report">;
}

export function stepWork(options: StepWorkOptions): StepWork {
  return {
    async prepare(step, before, report) {
      if (step.kind === "workdir") return prepareWorkdir(step, before, options);
      if (step.kind === "copy") return options.prepareCopy(step, before);
      return prepareRun(step, before, report, options);
    },
  };
}

async function prepareRun(
  step: RunStep,
  before: StageFiles,
  report: StepReport,
  options: StepWorkOptions,
): Promise<PreparedStep> {
  const filesOf = (mount: PlannedMount): Promise<StageFiles> =>
    filesOfMount(mount, before.time, options);
  const key = async (): Promise<string> => {
    const mounts = await Promise.all(
      step.mounts.map(async (mount) =>
        keyOfMount(mount, takesFiles(mount) ? (await filesOf(mount)).identity : undefined),
      ),
    );
    const { words, file, network, security, environment, directory, user } = step;
    return stepKey("run", before, {
      words,
      file,
      network,
      security,
      environment,
      directory,
      user,
      mounts,
      locked: options.run.locked?.of(step)?.identities,
    });
  };
  const around: RunSurroundings = {
    ...options,
    ...options.run,
    filesOf,
    report: (stream, chunk) => report.output(stream, chunk),
  };
  return { keys: [key], carryOut: () => runStep(step, before, around) };
}

function takesFiles({ type, from }: PlannedMount): boolean {
  return type === "bind" || (type === "cache" && from !== undefined);
}

/** Of a folder of the user's, only what the mount shows is looked at. */
async function filesOfMount(
  mount: PlannedMount,
  time: number,
  options: StepWorkOptions,
): Promise<StageFiles> {
  const { origins } = options;
  const found = mount.from === undefined ? origins.context : await origins.open(mount.from);
  if (found === undefined || "folder" in found) return filesOfContext(found, mount, time, options);
  return found;
}

async function filesOfContext(
  context: BuildContext | undefined,
  mount: PlannedMount,
  time: number,
  workshop: Workshop,
): Promise<StageFiles> {
  const whole = (await context?.tree()) ?? emptyDirectory;
  const shown = onlyBelow(whole, resolveTarget(whole, `/${mount.source ?? ""}`).slice(1));
  const identity = await digestOfTree(shown, async (file) => context!.hash(file));
  return filesOfTree(shown, identity, time, workshop);
}

/** The tree without all that is neither at the path, nor below, nor above it. */
function onlyBelow(tree: DirectoryNode, path: string): DirectoryNode {
  if (path === "") return tree;
  const node = findNode(tree, path);
  if (node === undefined) return { ...tree, children: new Map() };
  let kept: TreeNode = node;
  const parts = path.split("/");
  for (let index = parts.length - 1; index >= 0; index -= 1) {
    const folder = findNode(tree, parts.slice(0, index).join("/")) as DirectoryNode;
    kept = { ...folder, children: new Map([[parts[index]!, kept]]) };
  }
  return kept as DirectoryNode;
}
