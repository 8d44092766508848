/**
 * Locked steps: a RUN of a build from a lock finds the packages that the lock has for it, and no others,
 * in a repository that is mounted for its time (see ../packages/locked-repository.ts).
 */
import { posix } from "node:path";
import { generateSigningKey, type PackageSource } from "../../../apk/index.ts";
import { BivyError } from "../../../base/index.ts";
import { type SandboxMount } from "../../../sandbox/index.ts";
import { type DirectoryNode } from "../../../tree/index.ts";
import { type LockedPackage } from "../../lock.ts";
import { stepsOf, type DockerfileLock, type LockedStep } from "../packages/dockerfile-lock.ts";
import { requireCurrentDockerfileLock } from "../packages/lock-request.ts";
import { writeLockedRepository } from "../packages/locked-repository.ts";
import { identifySteps } from "../packages/step-identity.ts";
import { type BuildPlan } from "../plan.ts";
import { type RunStep } from "../steps.ts";
import { readInstalled } from "./installed-packages.ts";
import { makeFolder, type Workshop } from "./stage-files.ts";

/** What a build from a lock rests on. */
export interface LockedBuild {
  readonly lock: DockerfileLock;
  /** What messages call it. */
  readonly subject: string;
  /** Where the bytes of a package are. */
  readonly source: (locked: LockedPackage) => PackageSource | Promise<PackageSource>;
}

/** The steps of a plan that a lock has packages for. */
export interface LockedSteps {
  of(step: RunStep): LockedRun | undefined;
}

export interface LockedRun {
  /** What it is given, for the key of the step. */
  readonly identities: readonly string[];
  /** Makes the repository of the step, whose stage has these files. */
  open(tree: DirectoryNode, workshop: Workshop): Promise<OpenLockedRun>;
}

export interface OpenLockedRun {
  readonly mount: SandboxMount;
  /** The variables of the step, by which it finds the repository. */
  environment(variables: readonly string[]): readonly string[];
}

const mountedAt = "/dev/bivy-packages";
const keyName = "bivy-build.rsa.pub";

/**
 * Fails with `lock-outdated` where the plan asks for something else than the lock answers, or the lock
 * does not know all packages of a step.
 */
export function lockedSteps(
  plan: BuildPlan,
  platform: string,
  { lock, subject, source }: LockedBuild,
): LockedSteps {
  requireCurrentDockerfileLock(lock, plan, subject);
  const byId = new Map(stepsOf(lock, platform).map((step) => [step.id, step]));
  const found = new Map<RunStep, LockedStep>();
  for (const stage of plan.stages)
    for (const [step, id] of identifySteps(stage)) {
      const locked = byId.get(id);
      if (locked === undefined) continue;
      const gap = locked.unresolved.find(({ blocking }) => blocking);
      if (gap !== undefined) throw incomplete(subject, gap);
      found.set(step, locked);
    }
  let made: ReturnType<typeof generateSigningKey> | undefined;
  const key = () => (made ??= generateSigningKey(keyName, 2048));
  return {
    of(step) {
      const locked = found.get(step);
      if (locked === undefined) return undefined;
      const identities = locked.packages.map((each) => each.package.identity);
      return { identities, open: (tree, workshop) => open(locked, tree, workshop, source, key()) };
    },
  };
}

function incomplete(
  subject: string,
  { line, text, reason }: LockedStep["unresolved"][number],
): BivyError {
  return new BivyError(
    "lock-outdated",
    `${subject}: line ${line}: the packages of ${JSON.stringify(text)} are not known: ${reason}`,
    { hint: "Let a build tell them: bivy build --record." },
  );
}

async function open(
  locked: LockedStep,
  tree: DirectoryNode,
  workshop: Workshop,
  source: LockedBuild["source"],
  { key, publicPem }: ReturnType<typeof generateSigningKey>,
): Promise<OpenLockedRun> {
  const { limits } = workshop;
  const { folder, programs } = await writeLockedRepository(locked, {
    folder: await makeFolder(workshop),
    mountedAt,
    installed: (await readInstalled(tree, limits)) ?? [],
    key,
    publicPem,
    source,
    limits,
  });
  return {
    mount: { kind: "bind", source: folder, target: mountedAt, readOnly: true },
    environment: (variables) => variables.map((variable) => withProgram(variable, programs)),
  };
}

function withProgram(variable: string, programs: string): string {
  return variable.startsWith("PATH=")
    ? `PATH=${[programs, variable.slice("PATH=".length)].filter(Boolean).join(posix.delimiter)}`
    : variable;
}
