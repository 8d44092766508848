/**
 * Stages: what each FROM builds on once its variables are known, and what the names mean that FROM,
 * `--from` and `--target` use.
 */
import { BivyError, nearestName } from "../../base/index.ts";
import {
  expandWord,
  type Dockerfile,
  type Source,
  type Stage,
  type Word,
} from "../../dockerfile/index.ts";
import {
  parseReference,
  tryParsePlatform,
  withDefaultTag,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import { variablesOf } from "./arguments.ts";
import { findContext } from "./context-names.ts";
import { faultAt, located } from "./fault.ts";

/** Where files come from: what a stage builds on, or what COPY and mounts take from. */
export type Origin =
  | { readonly kind: "scratch" }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly reference: Reference }
  /** A context given with `--build-context`, by the name that it was given under. */
  | { readonly kind: "context"; readonly name: string };

/** A stage whose FROM is understood. */
export interface ResolvedStage {
  readonly stage: Stage;
  readonly base: Origin;
  /** What `--platform` says; undefined where it says nothing. */
  readonly platform: Platform | undefined;
  /** A named context stands for the stage as a whole; its instructions do not count. */
  readonly replaced: boolean;
}

/** Nobody writes so many; each looks at those before it. */
const mostStages = 500;

/** Understands every FROM. `globals` are the arguments that FROM sees. */
export function resolveStages(
  dockerfile: Dockerfile,
  globals: ReadonlyMap<string, string>,
  contexts: ReadonlySet<string>,
): readonly ResolvedStage[] {
  const resolved: ResolvedStage[] = [];
  const excess = dockerfile.stages[mostStages];
  if (excess !== undefined)
    throw faultAt(
      dockerfile.syntax.source,
      excess.from.node,
      `expected at most ${mostStages} stages`,
    );
  for (const stage of dockerfile.stages)
    resolved.push(resolveStage(dockerfile, stage, resolved, globals, contexts));
  return resolved;
}

function resolveStage(
  { syntax: { source, escape } }: Dockerfile,
  stage: Stage,
  before: readonly ResolvedStage[],
  globals: ReadonlyMap<string, string>,
  contexts: ReadonlySet<string>,
): ResolvedStage {
  const { image, platform: platformWord } = stage.from;
  const expand = (word: Word) =>
    located(source, word, () => expandWord(word.text, variablesOf(globals), { escape }));
  const platform =
    platformWord && readPlatform(source, platformWord, expand(platformWord), globals);
  const replacement = stage.name === undefined ? undefined : findContext(contexts, stage.name);
  if (replacement !== undefined)
    return { stage, base: { kind: "context", name: replacement }, platform, replaced: true };
  const { text, unset } = expand(image);
  if (text === "") throw blank(source, image, "image", unset, globals);
  const known = findStage(before, text);
  const base: Origin =
    known === undefined
      ? originNamed(source, image, text, contexts, before)
      : { kind: "stage", index: known };
  return { stage, base, platform, replaced: false };
}

function blank(
  source: Source,
  word: Word,
  what: string,
  unset: ReadonlySet<string>,
  globals: ReadonlyMap<string, string>,
): BivyError {
  const [name] = unset;
  const near = name === undefined ? undefined : nearestName(name, globals.keys());
  const meant = near === undefined ? "" : ` Did you mean ${near}?`;
  return faultAt(
    source,
    word,
    `FROM expects ${what === "image" ? "an image" : "a platform"}, but the expression gives nothing`,
    name === undefined
      ? undefined
      : `Declare ARG ${name} with a default above the first FROM, or give --build-arg ${name}=….${meant}`,
  );
}

function readPlatform(
  source: Source,
  word: Word,
  { text, unset }: { readonly text: string; readonly unset: ReadonlySet<string> },
  globals: ReadonlyMap<string, string>,
): Platform {
  if (text === "") throw blank(source, word, "platform", unset, globals);
  const platform = tryParsePlatform(text);
  if (platform !== undefined) return platform;
  throw faultAt(
    source,
    word,
    `expected a platform, found ${JSON.stringify(text)}`,
    "Write it as linux/amd64 or linux/arm/v7, or as $BUILDPLATFORM.",
  );
}

/** The last of the stages that has a name, which is in lower case. */
function findStage(stages: readonly ResolvedStage[], name: string): number | undefined {
  return stages.findLast(({ stage }) => stage.name === name)?.stage.index;
}

/** A name that is no stage's. */
function originNamed(
  source: Source,
  word: Word,
  name: string,
  contexts: ReadonlySet<string>,
  stages: readonly ResolvedStage[],
): Origin {
  const context = findContext(contexts, name);
  if (context !== undefined) return { kind: "context", name: context };
  if (name === "scratch") return { kind: "scratch" };
  try {
    return { kind: "image", reference: withDefaultTag(parseReference(name)) };
  } catch (error) {
    if (!(error instanceof BivyError)) throw error;
    const near = nearestName(name, namesOf(stages));
    const hint = near === undefined ? error.hint : `Did you mean the stage ${near}?`;
    throw faultAt(source, word, error.message, hint);
  }
}

function namesOf(stages: readonly ResolvedStage[]): readonly string[] {
  return stages.flatMap(({ stage }) => stage.name ?? []);
}

/** What `--from` or a mount's `from` means in the stage `index`. */
export function resolveFrom(
  source: Source,
  word: Word,
  name: string,
  index: number,
  stages: readonly ResolvedStage[],
  contexts: ReadonlySet<string>,
): Origin {
  const found = /^\d{1,9}$/.test(name)
    ? stageOfNumber(source, word, Number(name), stages)
    : (findStage(stages.slice(0, index), name.toLowerCase()) ??
      findStage(stages.slice(index), name.toLowerCase()));
  if (found === undefined) return originNamed(source, word, name, contexts, stages);
  if (found < index) return { kind: "stage", index: found };
  const { line } = stages[found]!.stage.from.node;
  throw faultAt(
    source,
    word,
    found === index
      ? `the stage ${JSON.stringify(name)} cannot take files from itself`
      : `the stage ${JSON.stringify(name)} begins in line ${line}, below this one`,
    found === index
      ? "Name an earlier stage or an image."
      : "Move it above this stage; a stage can only use stages before it.",
  );
}

function stageOfNumber(
  source: Source,
  word: Word,
  number: number,
  stages: readonly ResolvedStage[],
): number {
  if (number < stages.length) return number;
  throw faultAt(
    source,
    word,
    `there is no stage ${number}: the file has ${stages.length}, from 0 to ${stages.length - 1}`,
    "Stages are counted from 0; a name, FROM … AS NAME, is safer.",
  );
}

/** The stage that `--target` names, by name or number; the last one where it is undefined or empty. */
export function findTarget(dockerfile: Dockerfile, target: string | undefined): Stage {
  const { stages } = dockerfile;
  const last = stages.at(-1);
  if (last === undefined)
    throw new BivyError(
      "dockerfile-invalid",
      `${dockerfile.syntax.source.subject}: expected a stage, found none`,
      { hint: "Begin with FROM and the image to build on, such as FROM alpine:3.22." },
    );
  if (target === undefined || target === "") return last;
  const name = target.toLowerCase();
  const found =
    stages.findLast((stage) => stage.name === name) ??
    (/^\d{1,9}$/.test(target) ? stages[Number(target)] : undefined);
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  const near = nearestName(target, names);
  const numbers = stages.length === 1 ? "0" : `0 to ${stages.length - 1}`;
  throw new BivyError(
    "usage",
    `target ${JSON.stringify(target)}: expected a stage of ${dockerfile.syntax.source.subject}`,
    {
      hint:
        near === undefined
          ? `The stages are ${[...names, numbers].join(", ")}.`
          : `Did you mean ${near}?`,
    },
  );
}
