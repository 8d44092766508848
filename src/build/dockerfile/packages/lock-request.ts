/** Lock requests: what the lock of a Dockerfile answers, so that it is known when it is outdated. */
import { BivyError, digestOf, encodeText } from "../../../base/index.ts";
import { formatPlatform, formatReference } from "../../../oci/index.ts";
import { type BuildPlan, type StagePlan } from "../plan.ts";
import { stepsOf, type DockerfileLock } from "./dockerfile-lock.ts";
import { identifySteps, mentionsApk, stageLabel, variableOf } from "./step-identity.ts";

/** Names of the variables that a step's commands depend on; undefined for a step that a lock does not have. */
export type UsedVariables = (platform: string, step: string) => Iterable<string> | undefined;

/**
 * The digest of what a lock answers for one platform: what each stage builds on, and the steps that speak
 * of apk or are known to run it, with the values of those variables that matter to them. Files of the base
 * and of the context do not count: a build from the lock notices what they change.
 */
export function dockerfileRequest(plan: BuildPlan, used: UsedVariables): string {
  const platform = formatPlatform(plan.target.platform);
  const request = {
    platform,
    images: referencesOf(plan),
    stages: plan.stages.map((stage) => describeStage(stage, platform, used)),
  };
  return digestOf(encodeText(JSON.stringify(request)));
}

/** The references of all images that a plan needs, sorted. */
export function referencesOf({ images }: BuildPlan): readonly string[] {
  const names = images.flatMap(({ origin }) =>
    origin.kind === "image" ? [formatReference(origin.reference)] : [],
  );
  return [...new Set(names)].sort();
}

function describeStage(stage: StagePlan, platform: string, used: UsedVariables): object {
  const { base } = stage;
  return {
    stage: stageLabel(stage),
    platform: formatPlatform(stage.platform),
    base: base.kind === "image" ? formatReference(base.reference) : base,
    steps: Array.from(identifySteps(stage)).flatMap(([step, id]) => {
      const names = used(platform, id);
      if (names === undefined && !mentionsApk(step)) return [];
      const variables = Array.from(names ?? [])
        .sort()
        .map((name) => [name, variableOf(step, name) ?? null]);
      return [[id, variables]];
    }),
  };
}

/** Fails with `lock-outdated` where the plan asks for something else than the lock answers. */
export function requireCurrentDockerfileLock(
  lock: DockerfileLock,
  plan: BuildPlan,
  subject: string,
): void {
  const platform = formatPlatform(plan.target.platform);
  const locked = lock.platforms.find((each) => each.platform === platform);
  if (locked?.request === dockerfileRequest(plan, variablesOfLock(lock))) return;
  const found = differencesOf(lock, plan);
  throw new BivyError(
    "lock-outdated",
    `${subject}: made for another Dockerfile: ${found.join("; ") || "its stages, or steps that run apk, changed"}`,
    { hint: "Make it anew with bivy lock." },
  );
}

function variablesOfLock(lock: DockerfileLock): UsedVariables {
  const names = new Map(
    lock.platforms.flatMap(({ platform, steps }) =>
      steps.map(({ id, variables }) => [
        JSON.stringify([platform, id]),
        Array.from(variables.keys()),
      ]),
    ),
  );
  return (platform, step) => names.get(JSON.stringify([platform, step]));
}

/** What differs, as far as that can be said in a few words. */
function differencesOf(lock: DockerfileLock, plan: BuildPlan): string[] {
  const platform = formatPlatform(plan.target.platform);
  if (!lock.platforms.some((each) => each.platform === platform))
    return [`the lock does not have the platform ${platform}`];
  const images = referencesOf(plan).filter((name) => !lock.images.has(name));
  const locked = new Map(stepsOf(lock, platform).map((step) => [step.id, step]));
  const changes = plan.stages.flatMap((stage) =>
    Array.from(identifySteps(stage)).flatMap(([step, id]) => {
      const { variables = new Map<string, string | undefined>() } = locked.get(id) ?? {};
      const changed = Array.from(variables).filter(
        ([name, value]) => variableOf(step, name) !== value,
      );
      return changed.map(([name]) => `line ${step.location.line}: ${name} has another value`);
    }),
  );
  return [...images.map((name) => `the lock does not have the image ${name}`), ...changes];
}
