/**
 * Assembling: images from layers and settings, and indexes from images. The same parts give the same
 * bytes; there is no clock and no host name in them.
 */
import { BivyError, type Limits } from "../base/index.ts";
import { addressOf, missingBlob, type BlobAddress, type BlobSource } from "./blobs.ts";
import {
  encodeConfig,
  formatCreated,
  type ContainerConfig,
  type HistoryEntry,
  type ImageConfig,
} from "./config.ts";
import { type Descriptor } from "./descriptor.ts";
import { type TextMap } from "./document.ts";
import { imageOf, type Image, type ImageIndex, type ImageOrIndex } from "./image.ts";
import { type Layer } from "./layer.ts";
import { encodeIndex, encodeManifest } from "./manifest.ts";
import { isConfigType, mediaTypes, toOciMediaType } from "./media-type.ts";
import { type Platform } from "./platform.ts";

export interface ImageParts {
  readonly platform: Platform;
  readonly config?: ContainerConfig;
  /** Lowest first; the same layer may stand twice. */
  readonly layers: readonly Layer[];
  /** Entries that are not `empty_layer` must be as many as the layers. */
  readonly history?: readonly HistoryEntry[];
  /** Of the manifest. */
  readonly annotations?: TextMap;
  /** Seconds since 1970. */
  readonly created?: number;
  readonly author?: string;
}

/** An OCI image of these parts. */
export function makeImage(parts: ImageParts, limits?: Limits): Image {
  const { platform, config, layers, history, annotations, created, author } = parts;
  return imageFromConfig(
    {
      ...(created === undefined ? {} : { created: formatCreated(created) }),
      ...(author === undefined ? {} : { author }),
      ...platform,
      ...(config === undefined ? {} : { config }),
      rootfs: { type: "layers", diff_ids: [] },
      ...(history === undefined ? {} : { history }),
    },
    layers,
    annotations,
    limits,
  );
}

/** An OCI image of a config, whose diff ids are set to those of the layers. */
export function imageFromConfig(
  config: ImageConfig,
  layers: readonly Layer[],
  annotations?: TextMap,
  limits?: Limits,
): Image {
  checkHistory(config.history, layers.length);
  const rawConfig = encodeConfig({
    ...config,
    rootfs: { ...config.rootfs, diff_ids: layers.map((layer) => layer.diffId) },
  });
  return imageFromRawConfig(rawConfig, layers, annotations, limits);
}

/**
 * An OCI image of a config as it stands, byte for byte, so that the image id stays the same; its diff
 * ids must be those of the layers.
 */
export function imageFromRawConfig(
  rawConfig: Uint8Array,
  layers: readonly Layer[],
  annotations?: TextMap,
  limits?: Limits,
): Image {
  const ociLayers = layers.map(toOciLayer);
  const rawManifest = encodeManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...addressOf(rawConfig) },
    layers: ociLayers.map((layer) => layer.descriptor),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
  const options = limits === undefined ? {} : { limits };
  const config: BlobSource = { subject: "image", read: () => [rawConfig] };
  const image = imageOf(rawManifest, config, options);
  if (image.kind === "index") throw new TypeError("expected the manifest of an image");
  const byDigest = new Map(ociLayers.map((layer) => [layer.digest, layer]));
  return {
    ...image,
    // The layers as they were given: they know where their bytes are, and verify them.
    layers: async () => ociLayers,
    blob(descriptor) {
      const layer = byDigest.get(descriptor.digest);
      if (layer === undefined) return image.blob(descriptor);
      return {
        size: layer.size,
        ...(layer.repository === undefined ? {} : { repository: layer.repository }),
        chunks: () => layer.compressed(),
      };
    },
  };
}

/** Docker's media types and OCI's are never mixed in one image. */
function toOciLayer(layer: Layer): Layer {
  const mediaType = toOciMediaType(layer.mediaType);
  if (mediaType === layer.mediaType) return layer;
  return { ...layer, mediaType, descriptor: { ...layer.descriptor, mediaType } };
}

function checkHistory(history: readonly HistoryEntry[] | undefined, layers: number): void {
  if (history === undefined || history.length === 0) return;
  const filled = history.filter((entry) => entry.empty_layer !== true).length;
  if (filled === layers) return;
  throw new BivyError(
    "image-invalid",
    `image history: expected ${layers} entries with a layer, found ${filled}`,
  );
}

export interface IndexPart {
  readonly image: ImageOrIndex;
  /** Default: that of the image's config; a nested index has none. */
  readonly platform?: Platform;
  readonly annotations?: TextMap;
}

/** An OCI image index of these images, in this order. */
export async function makeIndex(
  parts: readonly IndexPart[],
  annotations?: TextMap,
): Promise<ImageIndex> {
  const manifests = await Promise.all(parts.map(describePart));
  const raw = encodeIndex({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests,
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
  const index = imageOf(raw, { subject: "image index", read: noBlobs });
  if (index.kind === "image") throw new TypeError("expected the manifest of an index");
  const children = parts.map(({ image }, position) => ({
    descriptor: manifests[position]!,
    open: async () => image,
  }));
  return { ...index, children: async () => children };
}

function noBlobs({ digest }: BlobAddress): never {
  throw missingBlob("image index", digest);
}

async function describePart(part: IndexPart): Promise<Descriptor> {
  const { image, annotations } = part;
  const platform = part.platform ?? (await platformToDescribe(image));
  return {
    ...describe(image),
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** None where there is no config of an image, as in artifacts and nested indexes. */
async function platformToDescribe(image: ImageOrIndex): Promise<Platform | undefined> {
  if (image.kind === "index" || !isConfigType((await image.manifest()).config.mediaType))
    return undefined;
  return platformOf(image);
}

/** The platform that an image's config says it is for. */
export async function platformOf(image: Image): Promise<Platform> {
  const config = await image.config();
  const { architecture, os, variant } = config;
  return {
    architecture,
    os,
    ...(config["os.version"] === undefined ? {} : { "os.version": config["os.version"] }),
    ...(config["os.features"] === undefined ? {} : { "os.features": config["os.features"] }),
    ...(variant === undefined ? {} : { variant }),
  };
}

/** The descriptor of an image or index. */
export function describe({ mediaType, digest, size }: ImageOrIndex): Descriptor {
  return { mediaType, digest, size };
}
