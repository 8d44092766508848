/** Following a stage: the packages of its steps, one after the other. */
import { posix } from "node:path";
import { type InstalledPackage, type Key } from "../../../apk/index.ts";
import { archOfPlatform, type Platform } from "../../../oci/index.ts";
import { type LockedPackage } from "../../lock.ts";
import { type BuildPlan, type ExternalOrigin, type StagePlan } from "../plan.ts";
import { type Origin } from "../stages.ts";
import { type RunStep } from "../steps.ts";
import { type DockerfileLock, type LockedStep } from "./dockerfile-lock.ts";
import { type Finding } from "./finding.ts";
import { type ApkSurroundings } from "./follow-apk.ts";
import { followCopy, type CopySources } from "./follow-copy.ts";
import { followRun, type FollowedRun } from "./follow-run.ts";
import { filesOfRoot, withCopied, type KnownFiles } from "./known-files.ts";
import {
  emptyState,
  readPackageState,
  repositoryLines,
  type PackageState,
} from "./package-state.ts";
import { recordStep } from "./record-step.ts";
import { emptyRoot, type RootReader } from "./root-reader.ts";
import { identifySteps, variableOf } from "./step-identity.ts";
import { isProblem, repositoriesOf, type SupplyOptions } from "./supply.ts";

/** What an image is, to a lock. */
export interface LockableImage {
  /** What its reference stands for; undefined for a context of another kind. */
  readonly digest: string | undefined;
  readonly root: RootReader;
}

/** A step as a build really ran it. */
export interface StepRecording {
  readonly before: RootReader;
  readonly after: RootReader;
  /** Labels, such as `curl-8.5.0-r0`, of packages that were fetched meanwhile, where that was noted. */
  readonly fetched?: readonly string[];
}

export interface LockSources extends SupplyOptions {
  /** Gives each image that the plans need. */
  readonly image: (
    origin: ExternalOrigin,
    platform: Platform,
  ) => Promise<LockableImage | undefined>;
  /** The build context, without what is ignored. */
  readonly context?: RootReader;
  /** The recording of a step, by platform and identity. */
  readonly recording?: (platform: string, step: string) => StepRecording | undefined;
  /** The lock so far, and the packages to update in it: all others stay as they are. */
  readonly previous?: { readonly lock: DockerfileLock; readonly update: readonly string[] };
}

/** One step on its way into the lock. */
interface FollowedStep {
  readonly id: string;
  readonly followed: FollowedRun;
  readonly packages: readonly LockedPackage[];
  readonly removed: readonly string[];
  readonly findings: readonly Finding[];
  readonly recorded: boolean;
}

/** Follows the steps of one stage. */
export class StageFollower {
  readonly steps: LockedStep[] = [];
  readonly findings: Finding[] = [];
  /** Keys of the root, as long as they were there. */
  readonly keys: Key[] = [];
  readonly #plan: BuildPlan;
  readonly #stage: StagePlan;
  readonly #platform: string;
  readonly #sources: LockSources;
  readonly #around: ApkSurroundings;

  constructor(
    plan: BuildPlan,
    stage: StagePlan,
    platform: string,
    sources: LockSources,
    around: ApkSurroundings,
  ) {
    this.#plan = plan;
    this.#stage = stage;
    this.#platform = platform;
    this.#sources = sources;
    this.#around = around;
  }

  async follow(states: ReadonlyMap<number, PackageState>): Promise<PackageState> {
    const { base, platform, steps } = this.#stage;
    const ids = identifySteps(this.#stage);
    let state = await this.#begin(base, platform, states);
    this.keys.push(...state.keys);
    for (const step of steps) {
      if (step.kind === "copy") {
        const outcome = await followCopy(step, state, await this.#copySources(step.from, states));
        ({ state } = outcome);
        this.findings.push(...outcome.findings);
        this.keys.push(...state.keys);
      } else if (step.kind === "run") {
        const id = ids.get(step)!;
        const files = await this.#filesSeen(step, state, states);
        const { followed, ...rest } = await this.#followStep(step, id, state, files);
        this.#keep(step, { followed, ...rest });
        ({ state } = followed);
        this.keys.push(...state.keys);
      }
    }
    return state;
  }

  async #begin(
    base: Origin,
    platform: Platform,
    states: ReadonlyMap<number, PackageState>,
  ): Promise<PackageState> {
    const arch = archOfPlatform(platform) ?? platform.architecture;
    if (base.kind === "stage") return states.get(base.index)!;
    const image = base.kind === "scratch" ? undefined : await this.#sources.image(base, platform);
    if (image === undefined) return emptyState(arch, filesOfRoot(emptyRoot));
    return readPackageState(image.root, arch);
  }

  async #copySources(
    from: Origin | undefined,
    states: ReadonlyMap<number, PackageState>,
  ): Promise<CopySources> {
    if (from === undefined) return { reader: this.#sources.context, state: undefined };
    if (from.kind === "stage") return { reader: undefined, state: states.get(from.index) };
    if (from.kind === "scratch") return { reader: emptyRoot, state: undefined };
    const { platform } = this.#plan.target;
    const image = await this.#sources.image(from, platform);
    const arch = archOfPlatform(platform) ?? platform.architecture;
    return {
      reader: image?.root,
      state: image && (await readPackageState(image.root, arch)),
    };
  }

  /** Whether the config of the image below the stage is known. */
  #isEnvironmentKnown(): boolean {
    let { base } = this.#stage;
    while (base.kind === "stage") {
      const { index } = base;
      ({ base } = this.#plan.stages.find((stage) => stage.index === index)!);
    }
    if (base.kind === "scratch") return true;
    const name = JSON.stringify(base);
    return this.#plan.images.some(
      ({ origin, isKnown }) => isKnown && JSON.stringify(origin) === name,
    );
  }

  /** The files of the stage, under those that are mounted for a step. */
  async #filesSeen(
    { mounts }: RunStep,
    { files }: PackageState,
    states: ReadonlyMap<number, PackageState>,
  ): Promise<KnownFiles> {
    let seen = files;
    for (const { type, from, source = "/", target } of mounts) {
      if (target === undefined) continue;
      const { reader } =
        type === "bind" ? await this.#copySources(from, states) : { reader: undefined };
      const plain = posix.resolve("/", source).slice(1);
      seen = withCopied(seen, { from: reader, source: plain, destination: target });
    }
    return seen;
  }

  async #followStep(
    step: RunStep,
    id: string,
    state: PackageState,
    files: KnownFiles,
  ): Promise<FollowedStep> {
    const view = { isEnvironmentKnown: this.#isEnvironmentKnown(), files };
    const followed = await followRun(step, state, view, this.#around);
    const { packages, removed, findings } = followed;
    const recording = this.#sources.recording?.(this.#platform, id);
    const isDoubted = followed.state.doubt !== undefined;
    if (recording === undefined || !isDoubted)
      return { id, followed, packages, removed, findings, recorded: false };
    return this.#takeRecording(step, id, state, followed, recording);
  }

  /** What the step really did, beside what could be read. */
  async #takeRecording(
    step: RunStep,
    id: string,
    state: PackageState,
    followed: FollowedRun,
    { before, after, fetched = [] }: StepRecording,
  ): Promise<FollowedStep> {
    const [old, now] = [
      await readPackageState(before, state.arch),
      await readPackageState(after, state.arch),
    ];
    const texts = [old, now, followed.state].map((each) => {
      const lines = repositoryLines(each);
      return "text" in lines ? lines.text : "";
    });
    const repositories = repositoriesOf(
      [...new Set([...texts, ...followed.moreRepositories].join("\n").split("\n"))].join("\n"),
      "etc/apk/repositories",
    );
    const indexes = [];
    for (const repository of isProblem(repositories) ? [] : repositories) {
      const index = await this.#around.supply.load(repository, now.arch, [
        ...old.keys,
        ...now.keys,
      ]);
      if (!isProblem(index)) indexes.push(index);
    }
    const recorded = recordStep(
      { before: installedIn(old), after: installedIn(now), fetched },
      indexes,
      now.arch,
    );
    const known = new Map(
      [...followed.packages, ...recorded.packages].map((each) => [each.package.identity, each]),
    );
    const notes = followed.findings.filter(({ blocking }) => !blocking);
    const strangers = recorded.unknown.map((label) => ({
      line: step.location.line,
      text: label,
      reason: "no repository that is known and trusted has it",
      blocking: true,
      hint: "Name the key of its repository with --key, or leave it to the step to bring the file.",
    }));
    return {
      id,
      // What earlier steps left in doubt is told by the root as it was after this one.
      followed: { ...followed, state: now },
      packages: Array.from(known.values()),
      removed: [...new Set([...followed.removed, ...recorded.removed])],
      findings: [...notes, ...strangers],
      recorded: true,
    };
  }

  #keep(
    step: RunStep,
    { id, followed, packages, removed, findings, recorded }: FollowedStep,
  ): void {
    const unresolved = findings.filter(({ blocking }) => blocking);
    if (!recorded) unresolved.push(...followed.consequences);
    this.findings.push(...findings);
    const isIdle =
      followed.commands.length === 0 && packages.length === 0 && unresolved.length === 0;
    if (isIdle && !recorded) return;
    const { commands, variables, tags, repositories } = followed;
    this.steps.push({
      id,
      arch: followed.state.arch,
      commands,
      variables: new Map(Array.from(variables, (name) => [name, variableOf(step, name)])),
      packages,
      removed,
      tags,
      ...(repositories === undefined ? {} : { repositories }),
      unresolved,
      recorded,
    });
  }
}

function installedIn({ installed }: PackageState): readonly InstalledPackage[] {
  return installed ?? [];
}
