/**
 * Reading image archives: `oci-archive` (a tarred OCI layout) and `docker-archive` (what docker save
 * writes). A modern docker save is both, so that the layout is looked for first.
 */
import { detectCompression } from "../../archive/index.ts";
import {
  BivyError,
  hashContent,
  defaultLimits,
  tryParseDigest,
  type Digest,
  type Limits,
} from "../../base/index.ts";
import { imageFromRawConfig } from "../assemble.ts";
import { addressOf, missingBlob, type BlobAddress, type BlobSource } from "../blobs.ts";
import { parseConfig } from "../config.ts";
import { checkList, checkObject, checkText, fieldError, parseJson, showName } from "../document.ts";
import { openImage, type Image, type ImageOrIndex } from "../image.ts";
import { layerOf, type Layer } from "../layer.ts";
import {
  checkLayoutMarker,
  findEntry,
  indexFileName,
  layoutFileName,
  nameOf,
  parseLayoutIndex,
  referenceOf,
} from "../layout/layout-index.ts";
import { layerMediaType } from "../media-type.ts";
import { type IndexManifest } from "../manifest.ts";
import {
  formatReference,
  tryParseReference,
  withDefaultTag,
  type Reference,
} from "../reference.ts";
import { indexTar, readIndexed, type TarFile, type TarIndex } from "./tar-index.ts";

export type ArchiveKind = "oci-archive" | "docker-archive";

export interface ImageArchive {
  readonly kind: ArchiveKind;
  readonly path: string;
  /** The names of the images in it, in order; an image without a name has none. */
  readonly names: readonly string[];
  /** What it holds, each image once, in order. */
  readonly entries: readonly ArchiveEntry[];
  /** By tag, reference, digest or image id; without a name, the only image there is. */
  open(name?: string): Promise<ImageOrIndex>;
}

/** An image in an archive. */
export interface ArchiveEntry {
  /** The whole names that loading gives it; none where the archive has only a tag, or nothing. */
  readonly references: readonly Reference[];
  open(): Promise<ImageOrIndex>;
}

export interface ArchiveOptions {
  readonly limits?: Limits;
}

/** Opens an image archive of either kind, plain or compressed. */
export async function openArchive(
  path: string,
  options: ArchiveOptions = {},
): Promise<ImageArchive> {
  const limits = options.limits ?? defaultLimits;
  const tar = await indexTar(path, limits);
  const marker = await readIndexed(tar, layoutFileName, limits);
  const index = await readIndexed(tar, indexFileName, limits);
  if (marker !== undefined && index !== undefined) {
    checkLayoutMarker(marker, `${path}: ${layoutFileName}`);
    return layoutArchive(tar, index, limits);
  }
  const manifest = await readIndexed(tar, "manifest.json", limits);
  if (manifest !== undefined) return dockerArchive(tar, manifest, limits);
  throw new BivyError(
    "image-invalid",
    `${path}: expected an image archive (with oci-layout or manifest.json), found a tar without them`,
    {
      hint: "Write one with docker save, podman save or skopeo copy; for a root file system unpack it and write dir:FOLDER.",
    },
  );
}

function layoutArchive(tar: TarIndex, rawIndex: Uint8Array, limits: Limits): ImageArchive {
  const path = tar.subject;
  const index = parseLayoutIndex(rawIndex, `${path}: ${indexFileName}`);
  const source: BlobSource = {
    subject: path,
    read({ digest }: BlobAddress) {
      const content = tar.find(`blobs/sha256/${digest.slice("sha256:".length)}`);
      if (content === undefined) throw missingBlob(path, digest);
      return content.chunks();
    },
  };
  return {
    kind: "oci-archive",
    path,
    names: index.manifests.map(nameOf).filter((name) => name !== undefined),
    entries: layoutEntries(index, source, limits),
    open: async (name) => openImage(findEntry(index, name, path), source, { limits }),
  };
}

/** Entries of one digest are one image with several names. */
function layoutEntries(
  { manifests }: IndexManifest,
  source: BlobSource,
  limits: Limits,
): readonly ArchiveEntry[] {
  const byDigest = Map.groupBy(manifests, ({ digest }) => digest);
  return [...byDigest.values()].map((entries) => ({
    references: entries.map(referenceOf).filter((reference) => reference !== undefined),
    open: () => openImage(entries[0]!, source, { limits }),
  }));
}

/** One image of manifest.json. */
interface SavedImage {
  readonly config: string;
  readonly tags: readonly string[];
  /** Lowest first. */
  readonly layers: readonly string[];
}

function dockerArchive(tar: TarIndex, rawManifest: Uint8Array, limits: Limits): ImageArchive {
  const images = parseSavedImages(rawManifest, `${tar.subject}: manifest.json`);
  return {
    kind: "docker-archive",
    path: tar.subject,
    names: images.flatMap((image) => image.tags),
    entries: images.map((image) => ({
      references: image.tags.map(tryParseReference).filter((reference) => reference !== undefined),
      open: () => openSavedImage(tar, image, limits),
    })),
    open: async (name) => openSavedImage(tar, findSavedImage(images, name, tar.subject), limits),
  };
}

function parseSavedImages(bytes: Uint8Array, subject: string): readonly SavedImage[] {
  return checkList((value, at) => {
    const image = checkObject(value, at);
    if (!Object.hasOwn(image, "Config")) throw fieldError(`${at}: Config`, "a name", undefined);
    return {
      config: checkText(image["Config"], `${at}: Config`),
      tags: checkOptionalTexts(image["RepoTags"], `${at}: RepoTags`),
      layers: checkOptionalTexts(image["Layers"], `${at}: Layers`),
    };
  })(parseJson(bytes, subject), subject);
}

function checkOptionalTexts(value: unknown, at: string): readonly string[] {
  return value === undefined || value === null ? [] : checkList(checkText)(value, at);
}

function findSavedImage(
  images: readonly SavedImage[],
  name: string | undefined,
  path: string,
): SavedImage {
  if (name === undefined && images.length === 1) return images[0]!;
  const wanted = name === undefined ? undefined : wholeName(name);
  const found = images.find(
    (image) =>
      (wanted !== undefined && image.tags.some((tag) => wholeName(tag) === wanted)) ||
      (name !== undefined && configDigest(image.config) === name),
  );
  if (found !== undefined) return found;
  const names = images.map((image) =>
    showName(image.tags[0] ?? configDigest(image.config) ?? image.config),
  );
  throw new BivyError(
    "image-not-found",
    name === undefined
      ? `${path}: expected one image, found ${images.length}`
      : `${path}: there is no image named ${JSON.stringify(name)}`,
    {
      hint:
        images.length === 0
          ? "It holds no image."
          : `Name one after a colon. It holds: ${names.slice(0, 10).join(", ")}`,
    },
  );
}

function wholeName(name: string): string | undefined {
  const reference = tryParseReference(name);
  return reference === undefined ? undefined : formatReference(withDefaultTag(reference));
}

/** The digest that the name of a config states: `<hex>.json`, `sha256:<hex>` or `blobs/sha256/<hex>`. */
function configDigest(name: string): Digest | undefined {
  const hex = /^(?:sha256:|blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  return hex === undefined ? undefined : tryParseDigest(`sha256:${hex}`);
}

/** There is no manifest in such an archive: an OCI one is made of the config, as it is, and the layers. */
async function openSavedImage(tar: TarIndex, saved: SavedImage, limits: Limits): Promise<Image> {
  const path = tar.subject;
  const rawConfig = await readIndexed(tar, saved.config, limits);
  if (rawConfig === undefined) throw missingFile(path, saved.config);
  const { digest } = addressOf(rawConfig);
  const stated = configDigest(saved.config);
  if (stated !== undefined && stated !== digest)
    throw new BivyError(
      "digest-mismatch",
      `${path}: ${showName(saved.config)}: expected ${stated}, found ${digest}`,
      {
        hint: "The archive was damaged or changed; save the image again.",
      },
    );
  const config = parseConfig(rawConfig, `${path}: ${showName(saved.config)}`);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== saved.layers.length)
    throw new BivyError(
      "image-invalid",
      `${path}: expected ${diffIds.length} layers, as the config has diff ids, found ${saved.layers.length}`,
    );
  const layers: Layer[] = [];
  for (const [position, name] of saved.layers.entries()) {
    const file = tar.find(name);
    if (file === undefined) throw missingFile(path, name);
    layers.push(await openSavedLayer(file, diffIds[position]!, path, limits));
  }
  return imageFromRawConfig(rawConfig, layers, undefined, limits);
}

/** A plain layer's digest is its diff id; that of a compressed one, which some tools write, is computed. */
async function openSavedLayer(
  file: TarFile,
  diffId: Digest,
  path: string,
  limits: Limits,
): Promise<Layer> {
  const compression = detectCompression(await file.firstBytes());
  const digest = compression === "none" ? diffId : (`sha256:${await hashContent(file)}` as const);
  const descriptor = { mediaType: layerMediaType(compression), digest, size: file.size };
  const source: BlobSource = { subject: path, read: () => file.chunks() };
  return layerOf({ descriptor, diffId }, source, limits);
}

function missingFile(path: string, name: string): BivyError {
  return new BivyError("image-invalid", `${path}: ${showName(name)} is missing`, {
    hint: "The archive is incomplete; save the image again.",
  });
}
