/**
 * Locking with images and context at hand: plans for each platform, and the files of the bases that say
 * what is installed in them.
 */
import { type Access, type Key } from "../../../apk/index.ts";
import { type Dockerfile } from "../../../dockerfile/index.ts";
import { formatPlatform, hostPlatform, readImageTree, type Platform } from "../../../oci/index.ts";
import { type BuildArguments } from "../arguments.ts";
import { type LockResult } from "../packages/lock-dockerfile.ts";
import { type LockSources, type StepRecording } from "../packages/follow-stage.ts";
import { readerOfTree, type RootReader } from "../packages/root-reader.ts";
import { identifySteps } from "../packages/step-identity.ts";
import { type BuildPlan } from "../plan.ts";
import { type BaseImages } from "../sources/base-images.ts";
import { type BuildContext } from "../sources/build-context.ts";
import { type RunStep } from "../steps.ts";
import { type RunSurroundings } from "./run-step.ts";
import { planWithImages } from "./plan-images.ts";

export interface LockInputs {
  readonly dockerfile: Dockerfile;
  readonly target?: string;
  readonly buildArguments: BuildArguments;
  /** This machine's where there are none. */
  readonly platforms: readonly Platform[];
  readonly contextNames: ReadonlySet<string>;
  readonly images: BaseImages;
  readonly openContext?: (wanted: readonly string[] | undefined) => BuildContext;
  readonly access: Access;
  readonly allowUntrusted: boolean;
  /** Beside Alpine's own, and those that the roots have for their repositories. */
  readonly keys: readonly Key[];
  readonly recordings?: StepRecordings;
  readonly previous?: NonNullable<LockSources["previous"]>;
}

/** What builds did to packages, by platform and step. */
export interface StepRecordings {
  find(platform: string, step: string): StepRecording | undefined;
}

export async function lockInputs(inputs: LockInputs): Promise<LockResult> {
  // Reading shell scripts takes a parser that no build needs.
  const { lockDockerfile } = await import("../packages/lock-dockerfile.ts");
  const { access, images, platforms, recordings, previous } = inputs;
  const { limits, signal } = access;
  const plans: BuildPlan[] = [];
  for (const platform of platforms.length === 0 ? [hostPlatform()] : platforms) {
    const { dockerfile, target, buildArguments, contextNames: contexts } = inputs;
    const wanted = target === undefined ? {} : { target };
    const planned = await planWithImages(
      dockerfile,
      { ...wanted, buildArguments, platform, contexts },
      images,
    );
    plans.push(planned.plan);
  }
  const roots = new Map<string, Promise<RootReader>>();
  const context = inputs.openContext?.(undefined);
  const reader = context && readerOfTree(await context.tree(), limits);
  await context?.close();
  return lockDockerfile(plans, {
    access,
    keys: inputs.keys,
    allowUntrusted: inputs.allowUntrusted,
    async image(origin, platform) {
      const found = await images.open(origin, platform);
      if (found === undefined) return undefined;
      const key = `${found.image.digest} ${formatPlatform(platform)}`;
      const read = async (): Promise<RootReader> => {
        const stopping = signal === undefined ? {} : { signal };
        const { top } = await readImageTree(found.image, { limits, keeps, ...stopping });
        return readerOfTree(top, limits);
      };
      const root = roots.get(key) ?? read();
      roots.set(key, root);
      return { digest: found.digest, root: await root };
    },
    ...(reader === undefined ? {} : { context: reader }),
    ...(recordings === undefined
      ? {}
      : { recording: (platform, step) => recordings.find(platform, step) }),
    ...(previous === undefined ? {} : { previous }),
  });
}

/** Bytes of the largest database that anybody has. */
const largestSetting = 64 * 1024 * 1024;

function keeps(path: string, size: number): boolean {
  return isSetting(path) && size < largestSetting;
}

/** What is read of a base: kept as its layers stream by, so that they stream by once. */
function isSetting(path: string): boolean {
  return /^(?:etc\/apk\/|(?:usr\/)?lib\/apk\/db\/|etc\/(?:alpine-release|os-release)$)/.test(path);
}

/** Takes down what the commands of builds do to packages. */
export interface StepRecorder extends StepRecordings {
  /** Begins with a platform; gives what the build is to call. */
  begin(plan: BuildPlan): NonNullable<RunSurroundings["record"]>;
}

export function openRecorder(limits: Access["limits"]): StepRecorder {
  const found = new Map<string, StepRecording>();
  return {
    find: (platform, step) => found.get(`${platform} ${step}`),
    begin(plan) {
      const platform = formatPlatform(plan.target.platform);
      const ids = new Map<RunStep, string>(
        plan.stages.flatMap((stage) => [...identifySteps(stage)]),
      );
      return (step, before, after, output) => {
        const fetched = Array.from(
          output.matchAll(installing),
          ([, name, version]) => `${name}-${version}`,
        );
        found.set(`${platform} ${ids.get(step)}`, {
          before: readerOfTree(before, limits),
          after: readerOfTree(after, limits),
          fetched,
        });
      };
    },
  };
}

/** What apk says of each package that it installs. */
const installing =
  /^\(\d+\/\d+\) (?:Installing|Upgrading|Downgrading) (\S+) \((?:\S+ -> )?(\S+)\)/gm;
