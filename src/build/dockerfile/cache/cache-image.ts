/**
 * Caches that are shared: the steps of a build as an image, so that every registry and every layout can
 * hold them. Its layers are those of the steps; its config has a field of bivy's that says which key
 * stands for which layer (docs/formats/build-cache.md).
 */
import { BivyError, type Limits } from "../../../base/index.ts";
import {
  hostPlatform,
  imageFromConfig,
  type Image,
  type ImageConfig,
  type ImageOrIndex,
} from "../../../oci/index.ts";
import { type CachedStep, type ImportedSteps } from "./step-cache.ts";

const cacheField = "dev.bivy.build-cache";
const cacheVersion = 1;

interface CacheDocument {
  readonly version: number;
  readonly steps: readonly CacheEntry[];
}

interface CacheEntry {
  readonly key: string;
  /** Which of the layers, from 0. */
  readonly layer: number;
  readonly time: number;
}

/** The image of these steps; a layer that several steps made is in it once. */
export function cacheImage(
  steps: readonly (CachedStep & { readonly key: string })[],
  limits: Limits,
): Image {
  const layers = new Map(steps.map(({ layer }) => [layer.digest, layer]));
  const positions = new Map([...layers.keys()].map((digest, index) => [digest, index]));
  const document: CacheDocument = {
    version: cacheVersion,
    steps: steps.map(({ key, layer, time }) => ({
      key,
      layer: positions.get(layer.digest)!,
      time,
    })),
  };
  const config = {
    ...hostPlatform(),
    rootfs: { type: "layers" as const, diff_ids: [] },
    [cacheField]: document,
  } as ImageConfig;
  return imageFromConfig(config, [...layers.values()], undefined, limits);
}

/** The steps that an image of a cache holds. Fails with `image-invalid` where it is none. */
export async function importSteps(from: ImageOrIndex): Promise<ImportedSteps> {
  if (from.kind === "index") throw notACache(from.subject);
  const config = (await from.config()) as ImageConfig & { readonly [cacheField]?: unknown };
  const { version, steps } = (config[cacheField] ?? {}) as Partial<CacheDocument>;
  if (version !== cacheVersion || !Array.isArray(steps)) throw notACache(from.subject);
  const layers = await from.layers();
  const known = new Map<string, CachedStep>();
  for (const { key, layer, time } of steps as Partial<CacheEntry>[]) {
    const found = layers[layer ?? -1];
    if (typeof key === "string" && found !== undefined && Number.isSafeInteger(time))
      known.set(key, { layer: found, time: time! });
  }
  return { tryGet: (key) => known.get(key) };
}

function notACache(subject: string): BivyError {
  return new BivyError(
    "image-invalid",
    `${subject}: expected a build cache of bivy, found an image`,
    {
      hint: "Name what --cache-to wrote.",
    },
  );
}
