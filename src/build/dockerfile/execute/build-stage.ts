/**
 * Building a stage: its steps one after the other, each taken from the cache or carried out. A step that
 * two stages have at the same time is carried out once.
 */
import { performance } from "node:perf_hooks";
import { StringDecoder } from "node:string_decoder";
import { BivyError, throwIfAborted, type EventSink } from "../../../base/index.ts";
import { type Source } from "../../../dockerfile/index.ts";
import { type StepCache, type CachedStep } from "../cache/step-cache.ts";
import { stepKey } from "../cache/step-key.ts";
import { type StagePlan } from "../plan.ts";
import { type Step } from "../steps.ts";
import { findUser } from "./accounts.ts";
import { type Slots } from "./slots.ts";
import { filesAfter, type MadeFiles, type StageFiles, type Workshop } from "./stage-files.ts";
import { failureAt, titleOf } from "./step-failure.ts";
import { type StepResult } from "./run-step.ts";
import { withFolder } from "./workdir-step.ts";
import { writeStepLayer, type LayerWriting } from "./write-step.ts";
import { layerDiff } from "../../../tree/index.ts";

/** A step as it was done, for those who tell of the build. */
export interface DoneStep {
  readonly stage: StagePlan;
  readonly position: number;
  readonly step: Step;
  /** Such as `builder 2/5`. */
  readonly label: string;
  readonly title: string;
  readonly isCached: boolean;
  readonly milliseconds: number;
  readonly made: CachedStep;
}

/** How RUN, COPY and ADD are done: they need more than a stage knows. */
export interface StepWork {
  /** The key, and the work for when nothing is found under it; further keys are asked for in turn. */
  prepare(step: Step, before: StageFiles, report: StepReport): Promise<PreparedStep>;
}

export interface StepReport {
  output(stream: "stdout" | "stderr", chunk: Buffer): void;
}

export interface PreparedStep {
  /** Asked for in this order: a key that costs nothing comes first. */
  readonly keys: readonly (() => Promise<string>)[];
  carryOut(): Promise<StepResult>;
}

export interface StageSurroundings extends Workshop {
  readonly source: Source;
  readonly cache: StepCache;
  /** Whether steps of this stage are carried out anew. */
  readonly ignoresCache: boolean;
  readonly slots: Slots;
  readonly events: EventSink;
  /** Before the names of stages, where several platforms are built. */
  readonly label: string;
  readonly writing: LayerWriting;
  readonly work: StepWork;
  /** Steps that are being carried out, by their key. */
  readonly running: Map<string, Promise<Outcome>>;
  readonly done: (step: DoneStep) => void;
}

interface Outcome {
  readonly made: CachedStep;
  readonly files: MadeFiles | undefined;
}

export async function buildStage(
  stage: StagePlan,
  base: StageFiles,
  around: StageSurroundings,
): Promise<StageFiles> {
  let files = base;
  for (const [position, step] of stage.steps.entries())
    files = await buildStep(step, position, files, stage, around);
  return files;
}

/** What users call a stage: `builder 2/5`, the FROM being the first. */
export function labelOf(stage: StagePlan, position: number, label: string): string {
  const name = stage.name ?? `stage-${stage.index}`;
  return `${label}${name} ${position + 2}/${stage.steps.length + 1}`;
}

async function buildStep(
  step: Step,
  position: number,
  before: StageFiles,
  stage: StagePlan,
  around: StageSurroundings,
): Promise<StageFiles> {
  const { events, source, signal } = around;
  const id = `${around.label}${stage.index}.${position}`;
  const title = step.isTrigger
    ? `ONBUILD ${(step.history.created_by ?? "").split("\n", 1)[0]}`
    : titleOf(source, step.location);
  const shown = {
    type: "step",
    id,
    stage: labelOf(stage, position, around.label),
    text: title,
  } as const;
  let begin = performance.now();
  const milliseconds = (): number => performance.now() - begin;
  const finish = (isCached: boolean, made: CachedStep): void => {
    const { stage: label } = shown;
    const spent = milliseconds();
    around.done({ stage, position, step, label, title, isCached, milliseconds: spent, made });
  };
  try {
    throwIfAborted(signal);
    const report = reportOutput(id, events);
    const prepared = await around.work.prepare(step, before, report);
    // What was waited for until here is other stages.
    begin = performance.now();
    const found = await lookUp(prepared, around);
    if (found.cached !== undefined) {
      events({ ...shown, state: "cached", milliseconds: milliseconds() });
      finish(true, found.cached);
      return filesAfter(before, found.cached.layer, found.cached.time, undefined, around);
    }
    events({ ...shown, state: "started" });
    const outcome = await carryOut(found.keys, prepared, around);
    events({ ...shown, state: "done", milliseconds: milliseconds() });
    const { made } = outcome;
    finish(false, made);
    return filesAfter(before, made.layer, made.time, outcome.files, around);
  } catch (error) {
    const isAborted = signal.aborted || (error instanceof BivyError && error.code === "aborted");
    events({ ...shown, state: isAborted ? "canceled" : "failed", milliseconds: milliseconds() });
    throw failureAt(error, source, step.location);
  }
}

/** A character may be cut in two by the end of a chunk. */
function reportOutput(step: string, events: EventSink): StepReport {
  const decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  return {
    output(stream, chunk) {
      const text = decoders[stream].write(chunk);
      if (text !== "") events({ type: "output", step, stream, text });
    },
  };
}

interface LookUp {
  readonly keys: readonly string[];
  readonly cached: CachedStep | undefined;
}

/** A result that is found under a later key is known by the earlier ones from then on. */
async function lookUp(prepared: PreparedStep, around: StageSurroundings): Promise<LookUp> {
  const keys: string[] = [];
  for (const ask of prepared.keys) {
    const key = await ask();
    keys.push(key);
    const cached = around.ignoresCache ? undefined : await around.cache.tryGet(key);
    if (cached === undefined) continue;
    for (const other of keys.slice(0, -1)) await around.cache.put(other, cached);
    return { keys, cached };
  }
  return { keys, cached: undefined };
}

async function carryOut(
  keys: readonly string[],
  prepared: PreparedStep,
  around: StageSurroundings,
): Promise<Outcome> {
  const last = keys.at(-1)!;
  const running = around.running.get(last);
  if (running !== undefined) return running;
  const work = around.slots(async (): Promise<Outcome> => {
    const { items, time, ...files } = await prepared.carryOut();
    const layer = await writeStepLayer(items(), around.writing);
    const made = { layer, time };
    for (const key of keys) await around.cache.put(key, made);
    return { made, files };
  });
  around.running.set(last, work);
  return work;
}

/** WORKDIR needs nothing but the stage. */
export function prepareWorkdir(
  step: Extract<Step, { kind: "workdir" }>,
  before: StageFiles,
  around: Workshop,
): PreparedStep {
  return {
    keys: [async () => stepKey("workdir", before, { path: step.path, user: step.user })],
    async carryOut() {
      const tree = await before.tree();
      const user = await findUser(step.user, tree, around.limits);
      const owner = typeof user === "string" ? { uid: 0, gid: 0 } : user;
      const after = withFolder(tree, step.path, owner, before.time);
      return {
        tree: after,
        items: () => layerDiff(tree, after, { newest: before.time }),
        time: before.time,
      };
    },
  };
}
