/**
 * Base images: what FROM, `--from` and named contexts mean outside of the Dockerfile, found once per
 * reference and platform. A reference means what the local store has under it, else what its registry
 * has, which is kept in the store; `pull` asks the registry first.
 */
import {
  BivyError,
  isBivyError,
  type Digest,
  type EventSink,
  type Limits,
} from "../../../base/index.ts";
import {
  childrenOf,
  formatPlatform,
  interruptible,
  locateImage,
  selectPlatform,
  shortReference,
  type Image,
  type ImageConfig,
  type ImageLocator,
  type ImageOrIndex,
  type ImageStore,
  type Platform,
  type Reference,
  type Registries,
} from "../../../oci/index.ts";
import { type ExternalOrigin } from "../plan.ts";

/** An image that a stage builds on or takes files from. */
export interface BaseImage {
  readonly image: Image;
  readonly config: ImageConfig;
  /** What the reference names: that of the index, where there is one. */
  readonly digest: Digest;
  /** As it is written in the Dockerfile. */
  readonly name: string;
  /** Undefined where it has none, as that of a folder. */
  readonly reference: Reference | undefined;
  readonly platform: Platform;
}

/** What a named context stands for. */
export type NamedContext =
  | { readonly kind: "image"; readonly locator: ImageLocator }
  | { readonly kind: "folder"; readonly path: string };

export interface BaseImagesOptions {
  readonly store: ImageStore;
  readonly registries: () => Promise<Registries>;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly offline: boolean;
  readonly pull: boolean;
  /** The digest that a lock has for a reference; undefined where it has none. */
  readonly pinned?: (reference: Reference, platform: Platform) => Digest | undefined;
  /** Makes an image of a release from its packages, where no registry has it. */
  readonly bootstrap?: (reference: Reference, platform: Platform) => Promise<Image | undefined>;
  readonly events: EventSink;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

export interface BaseImages {
  /** Undefined for a named context that is a folder. */
  open(origin: ExternalOrigin, platform: Platform): Promise<BaseImage | undefined>;
}

export function openBaseImages(options: BaseImagesOptions): BaseImages {
  const known = new Map<string, Promise<BaseImage | undefined>>();
  return {
    open(origin, platform) {
      const name = origin.kind === "image" ? shortReference(origin.reference) : origin.name;
      const key = `${origin.kind} ${name} ${formatPlatform(platform)}`;
      const found = known.get(key) ?? open(origin, name, platform, options);
      known.set(key, found);
      return found;
    },
  };
}

async function open(
  origin: ExternalOrigin,
  name: string,
  platform: Platform,
  options: BaseImagesOptions,
): Promise<BaseImage | undefined> {
  if (origin.kind === "context") {
    const context = options.contexts.get(origin.name);
    if (context?.kind !== "image") return undefined;
    const { locator } = context;
    const named = "reference" in locator ? locator.reference : undefined;
    return chosen(await openContext(locator, platform, options), named, name, platform, options);
  }
  const digest = options.pinned?.(origin.reference, platform);
  const reference = digest === undefined ? origin.reference : { ...origin.reference, digest };
  const found = await openReference(reference, platform, options);
  return chosen(found, origin.reference, name, platform, options);
}

async function chosen(
  found: ImageOrIndex,
  reference: Reference | undefined,
  name: string,
  platform: Platform,
  { signal }: BaseImagesOptions,
): Promise<BaseImage> {
  const image = interruptible(await selectPlatform({ ...found, subject: name }, platform), signal);
  return { image, config: await image.config(), digest: found.digest, name, reference, platform };
}

async function openContext(
  locator: ImageLocator,
  platform: Platform,
  options: BaseImagesOptions,
): Promise<ImageOrIndex> {
  const { store, limits } = options;
  if (locator.kind === "reference" || locator.kind === "registry")
    return openReference(locator.reference, platform, options);
  const located = await locateImage(locator, { store, limits });
  if (located?.kind === "image") return located.image;
  throw new BivyError("usage", `--build-context: expected an image, found a root file system`, {
    hint: "Name an OCI layout (oci-layout://DIR), an archive, or docker-image://NAME.",
  });
}

async function openReference(
  reference: Reference,
  platform: Platform,
  options: BaseImagesOptions,
): Promise<ImageOrIndex> {
  const stored =
    options.pull && !options.offline ? undefined : await inStore(reference, platform, options);
  if (stored !== undefined) return stored;
  try {
    return await pull(reference, platform, options);
  } catch (error) {
    const made = await bootstrapped(reference, platform, options, error);
    if (made !== undefined) return made;
    throw error;
  }
}

/** What the store has, if it has it for this platform. */
async function inStore(
  reference: Reference,
  platform: Platform,
  { store }: BaseImagesOptions,
): Promise<ImageOrIndex | undefined> {
  const found = await store.tryGet(reference);
  if (found === undefined) return undefined;
  try {
    await selectPlatform(found, platform);
    return found;
  } catch (error) {
    if (isBivyError(error, "platform-not-found", "image-invalid")) return undefined;
    throw error;
  }
}

async function pull(
  reference: Reference,
  platform: Platform,
  { store, registries, offline, events, signal }: BaseImagesOptions,
): Promise<ImageOrIndex> {
  const name = shortReference(reference);
  if (offline)
    throw new BivyError(
      "offline",
      `${name}: the local store has no such image for ${formatPlatform(platform)}, and bivy is offline`,
      { hint: `Pull it once without --offline: bivy image pull ${name}.` },
    );
  const repository = (await registries()).repository(reference);
  const found = interruptible(await repository.open(reference), signal);
  const includes =
    found.kind === "index"
      ? { includes: await childrenOf({ ...found, subject: name }, [platform]) }
      : {};
  await store.put(found, reference, { events, ...includes });
  return (await store.tryGet(reference)) ?? found;
}

async function bootstrapped(
  reference: Reference,
  platform: Platform,
  { bootstrap, store, events }: BaseImagesOptions,
  error: unknown,
): Promise<ImageOrIndex | undefined> {
  const codes = ["image-not-found", "http-unreachable", "offline", "registry-denied"] as const;
  if (bootstrap === undefined || !isBivyError(error, ...codes)) return undefined;
  const made = await bootstrap(reference, platform);
  if (made === undefined) return undefined;
  events({
    type: "warning",
    text: `${shortReference(reference)}: made from the packages of its release, because its registry did not give it`,
  });
  await store.put(made, reference);
  return made;
}
