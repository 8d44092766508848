/** Step identities: how a lock names the steps that it has packages for. */
import { digestOf, encodeText } from "../../../base/index.ts";
import { type StagePlan } from "../plan.ts";
import { type RunStep } from "../steps.ts";

/** What a lock calls a stage: its name, or its number. */
export function stageLabel({ name, index }: Pick<StagePlan, "name" | "index">): string {
  return name ?? String(index);
}

/** The stage's part of a step's identity. */
export function stageOfIdentity(identity: string): string {
  return identity.slice(0, identity.indexOf("/"));
}

/**
 * The identities of a stage's RUN steps, such as `builder/0f3c9a51e2d4`: the stage, and the digest of what
 * the step runs. They stay when other steps come or go. Steps that run the same are numbered: `…/2`.
 */
export function identifySteps(stage: StagePlan): ReadonlyMap<RunStep, string> {
  const identities = new Map<RunStep, string>();
  const counts = new Map<string, number>();
  for (const step of stage.steps) {
    if (step.kind !== "run") continue;
    const content = JSON.stringify([step.words, step.file?.content ?? null]);
    const digest = digestOf(encodeText(content)).slice("sha256:".length, "sha256:".length + 12);
    const count = (counts.get(digest) ?? 0) + 1;
    counts.set(digest, count);
    const ending = count === 1 ? "" : `/${count}`;
    identities.set(step, `${stageLabel(stage)}/${digest}${ending}`);
  }
  return identities;
}

/** Whether a step speaks of apk, so that a lock has to be made anew when it changes. */
export function mentionsApk({ words, file }: RunStep): boolean {
  return [...words, file?.content ?? ""].some((text) => /\bapk\b/.test(text));
}

/** The value of a variable as a step sees it; undefined where it is not set. */
export function variableOf({ environment }: RunStep, name: string): string | undefined {
  return environment
    .findLast((variable) => variable.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}
