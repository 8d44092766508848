/**
 * The plan of a build: from a Dockerfile to the steps of the stages that a target needs, every value
 * expanded, and to the config and history of their images. Nothing is read and nothing runs.
 *
 * The configs of base images come from outside. A plan made before they are known says in `images` what
 * to look up; it has to be made again then, because what a base keeps for ONBUILD can need more.
 */
import { nearestName } from "../../base/index.ts";
import { type Dockerfile, type Location } from "../../dockerfile/index.ts";
import {
  formatPlatform,
  formatReference,
  hostPlatform,
  type ContainerConfig,
  type HistoryEntry,
  type ImageConfig,
  type Platform,
} from "../../oci/index.ts";
import {
  globalArguments,
  platformArguments,
  proxyVariables,
  unusedArguments,
  type BuildArguments,
} from "./arguments.ts";
import { neededStages, readTriggers, usesOf, type PlacedInstruction } from "./graph.ts";
import {
  applySetting,
  stateOfImage,
  stateOfStage,
  type SettingInstruction,
  type StageState,
  type Surroundings,
} from "./settings.ts";
import {
  findTarget,
  resolveFrom,
  resolveStages,
  type Origin,
  type ResolvedStage,
} from "./stages.ts";
import { isStepInstruction, planCopy, planRun, planWorkdir, type Step } from "./steps.ts";

/** What comes from outside the Dockerfile. */
export type ExternalOrigin = Extract<Origin, { kind: "image" | "context" }>;

export interface PlanOptions {
  /** A stage's name or number; the last stage where it is absent. */
  readonly target?: string;
  readonly buildArguments?: BuildArguments;
  /** What the image is for; the platform of the build where it is absent. */
  readonly platform?: Platform;
  /** What the build runs on; this machine where it is absent. */
  readonly buildPlatform?: Platform;
  /** The names given with `--build-context`. */
  readonly contexts?: ReadonlySet<string>;
  /** The config of a base; undefined where it is not known, or where a context is no image. */
  readonly base: (origin: ExternalOrigin, platform: Platform) => Partial<ImageConfig> | undefined;
}

export interface BuildPlan {
  /** Each after those that it needs; the target is the last. */
  readonly stages: readonly StagePlan[];
  readonly target: StagePlan;
  /** What has to be there, whether its config is needed or its files alone. */
  readonly images: readonly RequiredImage[];
  /** `NAME=VALUE` for every command; no part of history and keys. */
  readonly proxies: readonly string[];
  readonly warnings: readonly PlanWarning[];
}

export interface StagePlan {
  /** In lower case. */
  readonly name: string | undefined;
  readonly index: number;
  readonly base: Origin;
  readonly platform: Platform;
  readonly steps: readonly Step[];
  /** Of the image that the stage makes, as its last instruction leaves it. */
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  /** That of the base and that of the stage; each entry without `empty_layer` has a layer. */
  readonly history: readonly HistoryEntry[];
}

export interface RequiredImage {
  readonly origin: ExternalOrigin;
  readonly platform: Platform;
  /** Where the Dockerfile asks for it. */
  readonly locations: readonly Location[];
  /** A stage builds on it, so that its config counts. */
  readonly isBase: boolean;
  /** Whether `base` gave its config. */
  readonly isKnown: boolean;
}

export interface PlanWarning {
  readonly rule: "build-argument-unused";
  readonly message: string;
  readonly hint: string;
}

/** Throws `dockerfile-invalid` with line, column and an excerpt, and `usage` for an unknown target. */
export function planDockerfile(dockerfile: Dockerfile, options: PlanOptions): BuildPlan {
  return new Planner(dockerfile, options).plan();
}

class Planner {
  readonly #dockerfile: Dockerfile;
  readonly #options: PlanOptions;
  readonly #contexts: ReadonlySet<string>;
  readonly #target: number;
  readonly #platform: Platform;
  readonly #stages: readonly ResolvedStage[];
  readonly #around: Surroundings;
  readonly #instructions = new Map<number, readonly PlacedInstruction[]>();
  readonly #images = new Map<string, RequiredImage & { locations: Location[] }>();
  readonly #configs = new Map<string, Partial<ImageConfig> | undefined>();

  constructor(dockerfile: Dockerfile, options: PlanOptions) {
    const { buildArguments: given = {}, buildPlatform = hostPlatform(), contexts } = options;
    this.#dockerfile = dockerfile;
    this.#options = options;
    this.#contexts = contexts ?? new Set();
    this.#target = findTarget(dockerfile, options.target).index;
    this.#platform = options.platform ?? buildPlatform;
    const targetName = options.target || (dockerfile.stages.at(-1)?.name ?? "");
    const predefined = platformArguments(buildPlatform, this.#platform, targetName);
    const globals = globalArguments(dockerfile, predefined, given);
    this.#stages = resolveStages(dockerfile, globals, this.#contexts);
    this.#around = { escape: dockerfile.syntax.escape, globals, given };
  }

  plan(): BuildPlan {
    const needed = neededStages(this.#target, (index) => this.#dependenciesOf(index));
    const states = new Map<number, StageState>();
    const stages = needed.map((index) => this.#planStage(index, states));
    return {
      stages,
      target: stages.at(-1)!,
      images: Array.from(this.#images.values()).toSorted(
        (a, b) => a.locations[0]!.offset - b.locations[0]!.offset,
      ),
      proxies: proxyVariables(this.#around.given),
      warnings: this.#warnings(),
    };
  }

  /** A stage takes its platform from the stage that it builds on; one from scratch has the target's. */
  #platformOf(index: number): Platform {
    const { base, platform } = this.#stages[index]!;
    if (base.kind === "stage") return this.#platformOf(base.index);
    return base.kind === "scratch" ? this.#platform : (platform ?? this.#platform);
  }

  #baseConfig(index: number): Partial<ImageConfig> | undefined {
    const { base, stage } = this.#stages[index]!;
    if (base.kind !== "image" && base.kind !== "context") return undefined;
    const platform = this.#platformOf(index);
    const key = keyOf(base, platform);
    if (!this.#configs.has(key)) this.#configs.set(key, this.#options.base(base, platform));
    this.#require(base, platform, stage.from.image, true);
    return this.#configs.get(key);
  }

  #require(origin: ExternalOrigin, platform: Platform, location: Location, isBase: boolean): void {
    const key = keyOf(origin, platform);
    const before = this.#images.get(key);
    const { offset, end, line, column } = location;
    const locations = before?.locations ?? [];
    if (!locations.some((other) => other.offset === offset))
      locations.push({ offset, end, line, column });
    const isKnown = this.#configs.get(key) !== undefined;
    this.#images.set(key, {
      origin,
      platform,
      locations,
      isBase: isBase || before?.isBase === true,
      isKnown,
    });
  }

  /** The instructions of a stage behind those that its base keeps for it. */
  #instructionsOf(index: number): readonly PlacedInstruction[] {
    const known = this.#instructions.get(index);
    if (known !== undefined) return known;
    const resolved = this.#stages[index]!;
    const { source } = this.#dockerfile.syntax;
    const own = resolved.stage.instructions.map((instruction) => ({
      instruction,
      source,
      isTrigger: false,
    }));
    const all = resolved.replaced
      ? []
      : [...readTriggers(this.#dockerfile, resolved, this.#triggersFor(resolved)), ...own];
    this.#instructions.set(index, all);
    return all;
  }

  #triggersFor({ base, stage }: ResolvedStage): readonly string[] {
    const parent = base.kind === "stage" ? this.#stages[base.index]! : undefined;
    if (parent === undefined) return this.#baseConfig(stage.index)?.config?.OnBuild ?? [];
    if (parent.replaced) return this.#baseConfig(parent.stage.index)?.config?.OnBuild ?? [];
    return parent.stage.instructions.flatMap((instruction) =>
      instruction.name === "ONBUILD" ? instruction.expression : [],
    );
  }

  #originsOf(placed: PlacedInstruction, index: number): readonly (Origin | undefined)[] {
    return usesOf(placed).map(
      (use) =>
        use && resolveFrom(placed.source, use.word, use.name, index, this.#stages, this.#contexts),
    );
  }

  #dependenciesOf(index: number): readonly number[] {
    const { base, stage } = this.#stages[index]!;
    const found = base.kind === "stage" ? [base.index] : [];
    for (const placed of this.#instructionsOf(index))
      for (const origin of this.#originsOf(placed, index))
        if (origin?.kind === "stage") found.push(origin.index);
        else if (origin?.kind === "image" || origin?.kind === "context") {
          const location = placed.isTrigger ? stage.from.image : placed.instruction.node;
          this.#require(origin, this.#platform, location, false);
        }
    return found;
  }

  #planStage(index: number, states: Map<number, StageState>): StagePlan {
    const { base, stage } = this.#stages[index]!;
    const state =
      base.kind === "stage"
        ? stateOfStage(states.get(base.index)!)
        : stateOfImage(this.#baseConfig(index));
    const steps = this.#instructionsOf(index).flatMap((placed) =>
      this.#planStep(placed, index, state),
    );
    states.set(index, state);
    const { config, author, history } = state;
    const platform = this.#platformOf(index);
    return { name: stage.name, index, base, platform, steps, config, author, history };
  }

  #planStep(placed: PlacedInstruction, index: number, state: StageState): Step | readonly Step[] {
    const { instruction, source, isTrigger } = placed;
    const location = isTrigger ? this.#stages[index]!.stage.from.node : instruction.node;
    const origins = this.#originsOf(placed, index);
    const context = { state, around: this.#around, source, location, isTrigger, origins };
    if (isStepInstruction(instruction))
      return instruction.name === "RUN"
        ? planRun(instruction, context)
        : planCopy(instruction, context);
    applySetting(state, instruction as SettingInstruction, source, this.#around);
    return (instruction.name === "WORKDIR" ? planWorkdir(context) : undefined) ?? [];
  }

  #warnings(): readonly PlanWarning[] {
    const declared = new Set<string>();
    const instructions = [
      ...this.#dockerfile.instructions,
      ...Array.from(this.#instructions.values()).flatMap((all) =>
        all.map(({ instruction }) => instruction),
      ),
    ];
    for (const instruction of instructions)
      if (instruction.name === "ARG")
        for (const { name } of instruction.declarations) declared.add(name.text);
    return unusedArguments(this.#around.given, declared).map((name) => {
      const near = nearestName(name, declared);
      const message = `build argument ${JSON.stringify(name)}: no ARG declares it`;
      const hint =
        near === undefined
          ? `Declare ARG ${name} in the stage that uses it.`
          : `Did you mean ${near}?`;
      return { rule: "build-argument-unused", message, hint };
    });
  }
}

function keyOf(origin: ExternalOrigin, platform: Platform): string {
  const name = origin.kind === "image" ? formatReference(origin.reference) : origin.name;
  return JSON.stringify([origin.kind, name, formatPlatform(platform)]);
}
