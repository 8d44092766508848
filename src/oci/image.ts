/**
 * Images and image indexes as values: immutable, lazy, and bound to the raw bytes that their digest
 * names. Whatever is read through them is verified.
 */
import { BivyError, defaultLimits, type Digest, type Limits } from "../base/index.ts";
import { addressOf, readBlob, verifyBlob, type BlobContent, type BlobSource } from "./blobs.ts";
import { parseConfig, type ImageConfig } from "./config.ts";
import { type Descriptor } from "./descriptor.ts";
import { layerOf, type Layer } from "./layer.ts";
import { mediaTypeOf, parseManifest, type IndexManifest, type Manifest } from "./manifest.ts";

interface Manifested {
  /** Where it was found, for messages. */
  readonly subject: string;
  /** The digest of the raw manifest. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the raw manifest. */
  readonly size: number;
  /** The manifest as it is stored: what the digest names, whatever bivy understands of it. */
  rawManifest(): Promise<Uint8Array>;
}

export interface Image extends Manifested {
  readonly kind: "image";
  manifest(): Promise<Manifest>;
  rawConfig(): Promise<Uint8Array>;
  config(): Promise<ImageConfig>;
  /** Lowest first. */
  layers(): Promise<readonly Layer[]>;
  /** The bytes of the config or of a layer as they are stored, verified on every pass. */
  blob(descriptor: Descriptor): BlobContent;
}

export interface ImageIndex extends Manifested {
  readonly kind: "index";
  manifest(): Promise<IndexManifest>;
  /** The images and nested indexes in order, attestations among them. */
  children(): Promise<readonly IndexChild[]>;
}

export interface IndexChild {
  /** As the index has it, with the platform and annotations. */
  readonly descriptor: Descriptor;
  open(): Promise<ImageOrIndex>;
}

export type ImageOrIndex = Image | ImageIndex;

export interface OpenImageOptions {
  readonly limits?: Limits;
}

/** Opens the image or index that a descriptor names: its manifest is read and verified at once. */
export async function openImage(
  descriptor: Descriptor,
  source: BlobSource,
  options: OpenImageOptions = {},
): Promise<ImageOrIndex> {
  const limits = options.limits ?? defaultLimits;
  const raw = await readBlob(source, descriptor, limits);
  return imageOf(raw, source, { ...options, mediaType: descriptor.mediaType });
}

/** The image or index whose manifest is `raw` and whose blobs are in `source`. */
export function imageOf(
  raw: Uint8Array,
  source: BlobSource,
  options: OpenImageOptions & { readonly mediaType?: string } = {},
): ImageOrIndex {
  const { digest, size } = addressOf(raw);
  const subject = `${source.subject}: manifest ${digest}`;
  const document = parseManifest(raw, subject, options.mediaType);
  const limits = options.limits ?? defaultLimits;
  const shared = {
    subject: source.subject,
    digest,
    size,
    mediaType: options.mediaType ?? mediaTypeOf(document),
    rawManifest: async () => raw,
  };
  if (document.kind === "index") {
    const children = document.manifest.manifests.map((descriptor) => ({
      descriptor,
      open: () => openImage(descriptor, source, options.limits === undefined ? {} : { limits }),
    }));
    return {
      ...shared,
      kind: "index",
      manifest: async () => document.manifest,
      children: async () => children,
    };
  }

  const { manifest } = document;
  const rawConfig = once(() => readBlob(source, manifest.config, limits));
  /** A config that was read already is not fetched again. */
  const configChunks = async function* () {
    yield await rawConfig();
  };
  const config = once(async () =>
    parseConfig(await rawConfig(), `${source.subject}: config ${manifest.config.digest}`),
  );
  return {
    ...shared,
    kind: "image",
    manifest: async () => manifest,
    rawConfig,
    config,
    layers: once(async () => pairLayers(manifest, await config(), source, limits)),
    blob: (descriptor) => ({
      size: descriptor.size,
      ...(source.repository === undefined ? {} : { repository: source.repository }),
      chunks: () =>
        descriptor.digest === manifest.config.digest && descriptor.size <= limits["document-size"]
          ? configChunks()
          : verifyBlob(source.read(descriptor), descriptor, source.subject),
    }),
  };
}

/** Each layer of the manifest with its diff id of the config: they must be as many. */
function pairLayers(
  manifest: Manifest,
  config: ImageConfig,
  source: BlobSource,
  limits: Limits,
): readonly Layer[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw new BivyError(
      "image-invalid",
      `${source.subject}: config ${manifest.config.digest}: expected ${manifest.layers.length} diff ids, one per layer, found ${diffIds.length}`,
      { hint: "The manifest and the config do not belong together, or it is no image to run." },
    );
  return manifest.layers.map((descriptor, index) =>
    layerOf({ descriptor, diffId: diffIds[index]! }, source, limits),
  );
}

/** How deep indexes may nest; honest ones have one level, rarely two. */
const deepestNesting = 8;

/** Fails when an index stands deeper inside others than any honest one does. */
export function checkNesting(index: ImageIndex, depth: number): void {
  if (depth < deepestNesting) return;
  throw new BivyError(
    "limit-exceeded",
    `${index.subject}: image index ${index.digest}: more than ${deepestNesting} indexes inside each other`,
    { hint: "The image is damaged or hostile." },
  );
}

/** A value that is computed when it is first asked for; a failure is not kept. */
function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= compute().catch((error: unknown) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
