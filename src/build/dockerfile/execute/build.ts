/**
 * The build of a Dockerfile for one platform: from its text and a context to an image. Stages that a
 * target needs are built, each as soon as those are there that it takes files from; at the first failure
 * the others are stopped.
 */
import { availableParallelism } from "node:os";
import {
  BivyError,
  fileError,
  makeFolders,
  makeScratchFolder,
  removeScratchFolder,
  type EventSink,
  type Limits,
} from "../../../base/index.ts";
import { type Dockerfile } from "../../../dockerfile/index.ts";
import {
  formatPlatform,
  type Image,
  type ImageStore,
  type LayerCompression,
  type Platform,
} from "../../../oci/index.ts";
import { type BuildArguments } from "../arguments.ts";
import { type StepCache } from "../cache/step-cache.ts";
import { prepareCopy, type CopySurroundings } from "./copy-step.ts";
import { type BuildPlan, type PlanWarning, type StagePlan } from "../plan.ts";
import { type BaseImage, type BaseImages } from "../sources/base-images.ts";
import { type BuildContext } from "../sources/build-context.ts";
import { type Origin } from "../stages.ts";
import { hintsOf, type BuildHint } from "../hints.ts";
import { imageOfStage } from "./assemble.ts";
import { refuseForeign, sayWhatIdentitiesAllow } from "./feasibility.ts";
import { buildStage, labelOf, type DoneStep, type StageSurroundings } from "./build-stage.ts";
import { lockedSteps, type LockedBuild } from "./locked-step.ts";
import { comparePackages, type PackageChange } from "./package-change.ts";
import { planWithImages, withWholeHistory, type PlannedBuild } from "./plan-images.ts";
import { type RunSurroundings } from "./run-step.ts";
import { openSlots } from "./slots.ts";
import { filesOfLayers, type StageFiles, type Workshop } from "./stage-files.ts";
import { titleOf } from "./step-failure.ts";
import { stepWork } from "./step-work.ts";

/** What decides the plan of a build. */
export interface BuildPlanning {
  readonly dockerfile: Dockerfile;
  readonly target?: string;
  readonly buildArguments?: BuildArguments;
  readonly platform?: Platform;
  readonly contextNames: ReadonlySet<string>;
  readonly images: BaseImages;
}

export interface DockerfileBuildOptions {
  readonly dockerfile: Dockerfile;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the names of stages are told with the platform. */
  readonly namesPlatform: boolean;
  /** Opens the context with the paths that the steps name; undefined where there is none. */
  readonly openContext?: (wanted: readonly string[] | undefined) => BuildContext;
  /** Opens a named context that is a folder. */
  readonly openNamed: (name: string) => BuildContext;
  readonly store: ImageStore;
  readonly cache: StepCache;
  /** All stages, or those of these names, are built without what the cache has. */
  readonly ignoresCache: true | ReadonlySet<string>;
  /** Where the folders of a build are made; must be able to hold an overlay's upper folder. */
  readonly workFolder: string;
  readonly compression: LayerCompression;
  /** SOURCE_DATE_EPOCH. */
  readonly fixedTime: number | undefined;
  readonly run: Omit<
    RunSurroundings,
    keyof Workshop | "filesOf" | "report" | "fixedTime" | "proxies" | "locked" | "record"
  >;
  /** Build from a lock: without network, unless `run` says otherwise, and with its packages alone. */
  readonly locked?: LockedBuild;
  /** Takes down what commands did to packages, for a lock. */
  readonly record?: (plan: BuildPlan) => NonNullable<RunSurroundings["record"]>;
  readonly copy: Omit<CopySurroundings, keyof Workshop | "origins" | "compression">;
  readonly events: EventSink;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

export interface DockerfileBuild {
  readonly image: Image;
  readonly plan: BuildPlan;
  readonly steps: readonly DoneStep[];
  /** The base of the target, if it is an image. */
  readonly base: BaseImage | undefined;
  readonly images: readonly BaseImage[];
  readonly warnings: readonly PlanWarning[];
  readonly files: StageFiles;
  /** How many layers are the base's. */
  readonly baseLayers: number;
  /** The instructions that made the others, in their order. */
  readonly titles: readonly string[];
  /** Undefined where all was found in the cache, and nothing was looked at, or where no apk is. */
  readonly packages: readonly PackageChange[] | undefined;
  readonly hints: readonly BuildHint[];
}

/** Plans a build. Fails where it cannot succeed on this machine, before anything is built. */
export async function planBuild(options: BuildPlanning): Promise<PlannedBuild> {
  const { dockerfile, target, buildArguments, platform, contextNames, images } = options;
  const planned = await planWithImages(
    dockerfile,
    {
      ...(target === undefined ? {} : { target }),
      ...(buildArguments === undefined ? {} : { buildArguments }),
      ...(platform === undefined ? {} : { platform }),
      contexts: contextNames,
    },
    images,
  );
  refuseForeign(planned.plan, dockerfile.syntax.source);
  return planned;
}

/**
 * Builds what was planned of the same Dockerfile, and calls `use` with the result while its files are still at hand. Nothing of the build but
 * what is in the store is left afterwards.
 */
export async function buildDockerfile<T>(
  planned: PlannedBuild,
  options: DockerfileBuildOptions,
  use: (built: DockerfileBuild) => Promise<T>,
): Promise<T> {
  sayWhatIdentitiesAllow(planned.plan, options.dockerfile.syntax.source, options.events);
  await makeFolders(options.workFolder).catch((error: unknown) => {
    throw fileError(error, "making the folder of builds", options.workFolder);
  });
  const scratch = await makeScratchFolder("build", options.workFolder);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, options.signal]);
  const build = new Build(
    planned,
    { ...options, signal },
    { scratch, limits: options.limits, signal },
  );
  try {
    return await use(await build.run(() => stop.abort()));
  } finally {
    stop.abort();
    await build.close();
    await removeScratchFolder(scratch);
  }
}

/** No file is older in what this makes: zip cannot hold an earlier year, and tools that use it fail. */
const earliestTime = Date.UTC(1980, 0, 2) / 1000;

class Build {
  readonly #planned: PlannedBuild;
  readonly #options: DockerfileBuildOptions;
  readonly #workshop: Workshop;
  readonly #stages = new Map<number, Promise<StageFiles>>();
  readonly #others = new Map<string, Promise<StageFiles | BuildContext>>();
  readonly #steps: DoneStep[] = [];
  readonly #context: BuildContext | undefined;
  readonly #opened: BuildContext[] = [];

  constructor(planned: PlannedBuild, options: DockerfileBuildOptions, workshop: Workshop) {
    this.#planned = planned;
    this.#options = options;
    this.#workshop = workshop;
    this.#context = options.openContext?.(wantedOf(planned.plan));
    if (this.#context !== undefined) this.#opened.push(this.#context);
  }

  async run(stop: () => void): Promise<DockerfileBuild> {
    const { plan } = this.#planned;
    const around = this.#surroundings();
    this.#tellBases();
    // A stage uses only stages before it, so all that it waits for has begun.
    for (const stage of plan.stages) {
      const files = this.#begin(stage).then((base) =>
        buildStage(stage, base, { ...around, ignoresCache: this.#ignoresCache(stage) }),
      );
      this.#stages.set(stage.index, files);
    }
    const outcomes = await Promise.allSettled(
      [...this.#stages.values()].map((files) =>
        files.catch((error: unknown) => {
          stop();
          throw error;
        }),
      ),
    );
    const failures = outcomes.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    if (failures.length > 0)
      throw (
        failures.find((error) => !(error instanceof BivyError) || error.code !== "aborted") ??
        failures[0]
      );
    return this.#result();
  }

  async close(): Promise<void> {
    for (const context of this.#opened) await context.close();
  }

  async #result(): Promise<DockerfileBuild> {
    const { plan } = this.#planned;
    const { target } = plan;
    const files = await this.#stages.get(target.index)!;
    const base = this.#baseOf(target);
    const image = imageOfStage(target, files, {
      ofBase: base === undefined ? 0 : (withWholeHistory(base.config).history?.length ?? 0),
      labels: this.#options.labels,
      limits: this.#options.limits,
    });
    const images = plan.images.flatMap(
      ({ origin, platform }) => this.#planned.image(origin, platform) ?? [],
    );
    const { warnings } = plan;
    const chain = this.#chainOf(target);
    const steps = this.#steps.toSorted((a, b) => a.position - b.position);
    const own = chain.flatMap((stage) => steps.filter((step) => step.stage === stage));
    const baseFiles = await this.#open(chain[0]!.base, chain[0]!.platform);
    const before = "folder" in baseFiles ? undefined : baseFiles;
    const wasLookedAt = own.some(({ isCached }) => !isCached);
    return {
      image,
      plan,
      steps: this.#steps,
      base,
      images,
      warnings,
      files,
      baseLayers: before?.layers.length ?? 0,
      hints: hintsOf(plan),
      titles: own.map(({ title }) => title),
      packages: wasLookedAt
        ? await comparePackages(await before?.tree(), await files.tree(), this.#options.limits)
        : undefined,
    };
  }

  /** The stages that a stage is built on and itself, the first of them first. */
  #chainOf(stage: StagePlan): readonly StagePlan[] {
    const { base } = stage;
    if (base.kind !== "stage") return [stage];
    const below = this.#planned.plan.stages.find(({ index }) => index === base.index)!;
    return [...this.#chainOf(below), stage];
  }

  #ignoresCache({ name, index }: StagePlan): boolean {
    const { ignoresCache } = this.#options;
    if (ignoresCache === true) return true;
    return ignoresCache.has(name ?? "") || ignoresCache.has(String(index));
  }

  /** The first step of a stage is its FROM, which was done when the build was planned. */
  #tellBases(): void {
    const { dockerfile, events } = this.#options;
    for (const stage of this.#planned.plan.stages) {
      const { from } = dockerfile.stages[stage.index]!;
      const text = titleOf(dockerfile.syntax.source, from.node);
      const id = `${this.#label()}${stage.index}.from`;
      events({ type: "step", id, stage: labelOf(stage, -1, this.#label()), text, state: "cached" });
    }
  }

  #label(): string {
    const { platform } = this.#planned.plan.target;
    return this.#options.namesPlatform ? `${formatPlatform(platform)} ` : "";
  }

  /** The image that the chain of stages under this one begins with. */
  #baseOf(stage: StagePlan): BaseImage | undefined {
    const { base, platform } = this.#chainOf(stage)[0]!;
    return base.kind === "image" || base.kind === "context"
      ? this.#planned.image(base, platform)
      : undefined;
  }

  async #begin({ base, platform }: StagePlan): Promise<StageFiles> {
    const found = await this.#open(base, platform);
    if (!("folder" in found)) return found;
    throw new BivyError("usage", `FROM: ${found.folder} is a folder, and no image`, {
      hint: "Take its files with COPY --from, or build on docker-image://NAME or oci-layout://DIR.",
    });
  }

  #open(origin: Origin, platform: Platform): Promise<StageFiles | BuildContext> {
    if (origin.kind === "stage") return this.#stages.get(origin.index)!;
    const name = JSON.stringify([origin, formatPlatform(platform)]);
    const known = this.#others.get(name) ?? this.#openOther(origin, platform);
    this.#others.set(name, known);
    return known;
  }

  async #openOther(
    origin: Exclude<Origin, { kind: "stage" }>,
    platform: Platform,
  ): Promise<StageFiles | BuildContext> {
    const { fixedTime } = this.#options;
    if (origin.kind === "scratch")
      return filesOfLayers([], fixedTime ?? earliestTime, this.#workshop);
    const image = this.#planned.image(origin, platform);
    if (image === undefined) {
      const context = this.#options.openNamed(origin.kind === "context" ? origin.name : "");
      this.#opened.push(context);
      return context;
    }
    const created = Date.parse(image.config.created ?? "") / 1000;
    const time =
      fixedTime ?? Math.max(earliestTime, Number.isFinite(created) ? Math.floor(created) : 0);
    return filesOfLayers(await image.image.layers(), time, this.#workshop);
  }

  #surroundings(): Omit<StageSurroundings, "ignoresCache"> {
    const { dockerfile, cache, events, store, compression, limits, run, copy } = this.#options;
    const { fixedTime, locked, record } = this.#options;
    const { plan } = this.#planned;
    const platform = plan.target.platform;
    const origins = {
      open: (origin: Origin) => this.#open(origin, platform),
      context: this.#context,
    };
    const copying = { ...this.#workshop, ...copy, origins };
    return {
      ...this.#workshop,
      source: dockerfile.syntax.source,
      cache,
      slots: openSlots(Math.max(2, availableParallelism())),
      events,
      label: this.#label(),
      writing: { blobs: store.blobs, compression, limits },
      work: stepWork({
        ...this.#workshop,
        origins,
        prepareCopy: (step, before) => prepareCopy(step, before, copying),
        run: {
          ...run,
          fixedTime,
          proxies: plan.proxies,
          ...(locked === undefined
            ? {}
            : { locked: lockedSteps(plan, formatPlatform(platform), locked) }),
          ...(record === undefined ? {} : { record: record(plan) }),
        },
      }),
      running: new Map(),
      done: (step) => void this.#steps.push(step),
    };
  }
}

/** The paths of the context that steps name; undefined where they name all of it. */
function wantedOf({ stages }: BuildPlan): readonly string[] | undefined {
  const wanted: string[] = [];
  for (const { steps } of stages)
    for (const step of steps) {
      if (step.kind === "copy" && step.from === undefined)
        wanted.push(...step.sources.flatMap((each) => (each.kind === "path" ? each.path : [])));
      if (step.kind === "run")
        for (const mount of step.mounts)
          if (mount.type === "bind" && mount.from === undefined) wanted.push(mount.source ?? "");
    }
  return wanted;
}
