/**
 * Planning with the images that a build needs: a plan is made anew as long as it asks for the config of
 * a base that it did not know, since what that one keeps for ONBUILD can need more.
 */
import { BivyError, isBivyError, nearestName } from "../../../base/index.ts";
import { type Dockerfile } from "../../../dockerfile/index.ts";
import {
  formatPlatform,
  formatReference,
  shortReference,
  type ImageConfig,
  type Platform,
} from "../../../oci/index.ts";
import {
  planDockerfile,
  type BuildPlan,
  type ExternalOrigin,
  type PlanOptions,
  type RequiredImage,
} from "../plan.ts";
import { type BaseImage, type BaseImages } from "../sources/base-images.ts";
import { failureAt } from "./step-failure.ts";

/** The plan, and what was found for each image that it needs. */
export interface PlannedBuild {
  readonly plan: BuildPlan;
  /** Undefined for a named context that is a folder. */
  image(origin: ExternalOrigin, platform: Platform): BaseImage | undefined;
}

export async function planWithImages(
  dockerfile: Dockerfile,
  options: Omit<PlanOptions, "base">,
  images: BaseImages,
): Promise<PlannedBuild> {
  const found = new Map<string, BaseImage | undefined>();
  const open = async ({ origin, platform, locations }: RequiredImage): Promise<void> => {
    try {
      found.set(keyOf(origin, platform), await images.open(origin, platform));
    } catch (error) {
      const told = withStageHint(error, origin, dockerfile);
      throw failureAt(told, dockerfile.syntax.source, locations[0]!);
    }
  };
  for (;;) {
    const plan = planDockerfile(dockerfile, {
      ...options,
      base: (origin, platform) => {
        const image = found.get(keyOf(origin, platform));
        return image === undefined ? undefined : withWholeHistory(image.config);
      },
    });
    const missing = plan.images.filter(
      ({ origin, platform }) => !found.has(keyOf(origin, platform)),
    );
    if (missing.length === 0)
      return { plan, image: (origin, platform) => found.get(keyOf(origin, platform)) };
    await Promise.all(missing.map(open));
  }
}

/** The name of an image that is not to be had may be meant for that of a stage. */
function withStageHint(error: unknown, origin: ExternalOrigin, { stages }: Dockerfile): unknown {
  if (!isBivyError(error) || origin.kind !== "image") return error;
  const written = shortReference(origin.reference).replace(/:latest$/, "");
  const near = nearestName(
    written,
    stages.flatMap(({ name }) => name ?? []),
  );
  if (near === undefined) return error;
  const hint = [`Did you mean the stage ${near}?`, error.hint].join(" ").trim();
  return new BivyError(error.code, error.message, { cause: error, hint });
}

function keyOf(origin: ExternalOrigin, platform: Platform): string {
  const name = origin.kind === "image" ? formatReference(origin.reference) : origin.name;
  return JSON.stringify([origin.kind, name, formatPlatform(platform)]);
}

/** The config with an entry of the history for each layer: a base may tell of fewer, or of more than it has. */
export function withWholeHistory(config: ImageConfig): ImageConfig {
  const { history = [], rootfs } = config;
  const layers = rootfs.diff_ids.length;
  const filled = history.filter((entry) => entry.empty_layer !== true).length;
  if (filled === layers) return config;
  const whole = filled > layers ? [] : history;
  const missing = layers - (filled > layers ? 0 : filled);
  const entry = { created_by: "a layer of the base image, of which its history does not tell" };
  return { ...config, history: [...whole, ...Array.from({ length: missing }, () => entry)] };
}
