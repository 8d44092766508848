/**
 * Places: where images are together with what stands beside them: signatures, attestations and other
 * referrers, by their subject or by a tag that is made of its digest.
 */
import { defaultLimits, type Digest, type Limits } from "../base/index.ts";
import { type RepositoryName } from "./blobs.ts";
import { type Descriptor } from "./descriptor.ts";
import { openImage, type ImageOrIndex } from "./image.ts";
import { createLayout, isLayout, openLayout, type Layout } from "./layout/layout.ts";
import { type ImageLocator } from "./locator.ts";
import type { Registries } from "./registry/registries.ts";
import type { Repository } from "./registry/repository.ts";
import { type ImageStore } from "./store/store.ts";

/** A repository of a registry, a layout, or the names of one repository in the store. */
export interface ImagePlace {
  /** What messages call it. */
  readonly subject: string;
  /** The image of a tag; undefined where there is none. */
  tryOpenTag(tag: string): Promise<ImageOrIndex | undefined>;
  /** The manifests that name `digest` as their subject (OCI distribution-spec, listing referrers). */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
  open(descriptor: Descriptor): Promise<ImageOrIndex>;
  /** Without a tag it is found by its digest, and as a referrer. */
  put(image: ImageOrIndex, options?: { readonly tag?: string }): Promise<void>;
}

export interface PlaceOptions {
  readonly store: ImageStore;
  readonly registries: () => Promise<Registries>;
  readonly limits?: Limits;
}

/**
 * The place of a locator: where the store has the image of a reference, the store, else its registry.
 * Undefined for archives and plain folders, beside whose images nothing can be found or put.
 */
export async function placeOf(
  locator: ImageLocator,
  { store, registries, limits = defaultLimits }: PlaceOptions,
): Promise<ImagePlace | undefined> {
  switch (locator.kind) {
    case "registry":
      return registryPlace((await registries()).repository(locator.reference));
    case "store":
      return storePlace(store, locator.reference);
    case "reference":
      return (await store.tryGet(locator.reference)) === undefined
        ? registryPlace((await registries()).repository(locator.reference))
        : storePlace(store, locator.reference);
    case "oci":
      return layoutPlace(await createLayout(locator.path, { limits }), limits);
    case "path":
      return (await isLayout(locator.path))
        ? layoutPlace(await openLayout(locator.path, { limits }), limits)
        : undefined;
    default:
      return undefined;
  }
}

/** A repository of a registry. */
export function registryPlace(repository: Repository): ImagePlace {
  const { registry, repository: path } = repository.name;
  return {
    subject: `${registry}/${path}`,
    async tryOpenTag(tag) {
      const found = await repository.resolve({ tag });
      return found === undefined ? undefined : repository.open({ digest: found.digest });
    },
    referrers: (digest, artifactType) => repository.referrers(digest, artifactType),
    open: ({ digest }) => repository.open({ digest }),
    async put(image, { tag } = {}) {
      await repository.put(image, tag === undefined ? { digest: image.digest } : { tag });
    },
  };
}

/** An OCI layout, whose images have bare tags. */
export function layoutPlace(layout: Layout, limits: Limits = defaultLimits): ImagePlace {
  return {
    subject: layout.path,
    async tryOpenTag(tag) {
      const entry = (await layout.entries()).find(({ name }) => name === tag);
      return entry === undefined
        ? undefined
        : openImage(entry.descriptor, layout.blobs, { limits });
    },
    referrers: (digest, artifactType) => layout.referrers(digest, artifactType),
    open: (descriptor) => openImage(descriptor, layout.blobs, { limits }),
    put: (image, { tag } = {}) => layout.put(image, tag === undefined ? {} : { name: tag }),
  };
}

/** The local store, under the names of one repository. */
export function storePlace(
  store: ImageStore,
  { registry, repository }: RepositoryName,
): ImagePlace {
  return {
    subject: `${store.path}: ${registry}/${repository}`,
    tryOpenTag: (tag) => store.tryGet({ registry, repository, tag }),
    referrers: (digest, artifactType) => store.referrers(digest, artifactType),
    open: (descriptor) => store.open(descriptor),
    // What has no tag is named by its digest.
    put: (image, { tag } = {}) =>
      store.put(image, {
        registry,
        repository,
        ...(tag === undefined ? { digest: image.digest } : { tag }),
      }),
  };
}
