/**
 * The cache of steps: from the key of a step to the layer that it made. It stands in the local store,
 * whose blobs the layers are; caches from elsewhere (a registry, a folder) are asked after it, and what
 * they have is taken into the store.
 */
import { tryParseDigest, type Digest, type Limits } from "../../../base/index.ts";
import { layerFrom, putBlob, type ImageStore, type Layer } from "../../../oci/index.ts";

/** What a step made. */
export interface CachedStep {
  readonly layer: Layer;
  /** No file of the stage is dated later from then on, in seconds since 1970. */
  readonly time: number;
}

/** A step as it is written down. */
export interface StepRecord {
  readonly key: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly time: number;
}

/** A cache that can be read from. */
export interface ImportedSteps {
  tryGet(key: string): CachedStep | undefined;
}

export interface StepCache {
  tryGet(key: string): Promise<CachedStep | undefined>;
  put(key: string, made: CachedStep): Promise<void>;
  /** All that was found or made through this value, in that order: what another build can begin with. */
  used(): readonly (CachedStep & { readonly key: string })[];
}

export interface StepCacheOptions {
  readonly imports: readonly ImportedSteps[];
  readonly limits: Limits;
}

export function openStepCache(store: ImageStore, options: StepCacheOptions): StepCache {
  const { imports, limits } = options;
  const used = new Map<string, CachedStep>();

  const fromStore = async (key: string): Promise<CachedStep | undefined> => {
    const record = readStepRecord(key, (await store.records.tryGet(key))?.value);
    if (record === undefined || !(await store.blobs.holds(record))) return undefined;
    return { layer: layerFrom(record, store.blobs, limits), time: record.time };
  };
  const fromElsewhere = async (key: string): Promise<CachedStep | undefined> => {
    for (const each of imports) {
      const found = each.tryGet(key);
      if (found === undefined) continue;
      const { layer, time } = found;
      await putBlob(store.blobs, layer, () => layer.compressed());
      const kept = {
        layer: layerFrom({ ...layer, mediaType: layer.mediaType }, store.blobs, limits),
        time,
      };
      await put(key, kept);
      return kept;
    }
    return undefined;
  };
  const put = async (key: string, { layer, time }: CachedStep): Promise<void> => {
    const { digest, size, mediaType, diffId } = layer;
    const value: StepRecord = { key, mediaType, digest, size, diffId, time };
    await store.records.put({ key, blobs: [digest], value });
  };

  return {
    async tryGet(key) {
      const found = (await fromStore(key)) ?? (await fromElsewhere(key));
      if (found !== undefined) used.set(key, found);
      return found;
    },
    async put(key, made) {
      used.set(key, made);
      await put(key, made);
    },
    used: () => Array.from(used, ([key, step]) => ({ ...step, key })),
  };
}

/** Reads a record, which another release or somebody else may have written. */
export function readStepRecord(key: string, value: unknown): StepRecord | undefined {
  const { mediaType, digest, size, diffId, time } = (value ?? {}) as Partial<StepRecord>;
  const digests = [digest, diffId].map((each) => tryParseDigest(String(each)));
  if (digests.includes(undefined) || typeof mediaType !== "string") return undefined;
  if (!Number.isSafeInteger(size) || size! < 0 || !Number.isSafeInteger(time)) return undefined;
  return { key, mediaType, digest: digests[0]!, size: size!, diffId: digests[1]!, time: time! };
}
