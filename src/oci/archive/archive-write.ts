/**
 * Writing image archives: `oci-archive` (a tarred OCI layout) and `docker-archive` (what docker load
 * takes). Entries are sorted and carry no time and no owner, so that the same image gives the same
 * archive.
 */
import { realpath, stat } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { tarHeader, writeTar, type TarItem } from "../../archive/index.ts";
import {
  bytesContent,
  compareNames,
  encodeText,
  fileError,
  ignoreEvents,
  isBivyError,
  type Chunks,
  type Content,
  type Digest,
  type EventSink,
} from "../../base/index.ts";
import { addressOf } from "../blobs.ts";
import { blobsOf, reportTransfer, type CopyOptions } from "../copy.ts";
import { isAttestation, refNameAnnotation, type Descriptor } from "../descriptor.ts";
import { sortMap, type TextMap } from "../document.ts";
import { type Image, type ImageOrIndex } from "../image.ts";
import { type Layer } from "../layer.ts";
import {
  checkEntryName,
  containerdNameAnnotation,
  emptyIndex,
  indexFileName,
  layoutFileName,
  layoutMarker,
  putEntry,
} from "../layout/layout-index.ts";
import { describeWithPlatform } from "../layout/layout.ts";
import { encodeIndex, type IndexManifest } from "../manifest.ts";
import { isConfigType } from "../media-type.ts";
import { type Platform } from "../platform.ts";
import { formatReference, withDefaultTag, type Reference } from "../reference.ts";
import { selectPlatform } from "../select.ts";
import { removeUnfinishedFiles, replaceFile } from "../layout/unfinished-file.ts";

export interface OciArchiveOptions extends CopyOptions {
  /** The tag or reference of the image in the archive. */
  readonly name?: string;
  /** Of the entry in index.json. */
  readonly annotations?: TextMap;
  readonly events?: EventSink;
}

/** The bytes of an `oci-archive` of an image or a whole index. */
export async function* ociArchive(
  image: ImageOrIndex,
  options: OciArchiveOptions = {},
): AsyncGenerator<Uint8Array> {
  const { name, annotations } = options;
  if (name !== undefined) checkEntryName(name);
  const files = await blobFiles(image, options);
  yield* layoutTar(
    files,
    putEntry(emptyIndex, await describeWithPlatform(image), name, annotations),
  );
}

async function blobFiles(
  image: ImageOrIndex,
  options: CopyOptions & { readonly events?: EventSink },
): Promise<Map<string, Content>> {
  const { events = ignoreEvents } = options;
  const files = new Map<string, Content>();
  for await (const { descriptor, role, content } of blobsOf(image, options))
    files.set(blobName(descriptor.digest), {
      size: content.size,
      chunks: () =>
        role === "layer" ? reportTransfer(descriptor, content, events) : content.chunks(),
    });
  return files;
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${digest.slice("sha256:".length)}`;
}

function layoutTar(
  files: ReadonlyMap<string, Content>,
  index: IndexManifest,
): AsyncGenerator<Uint8Array> {
  const all = new Map(files);
  all.set(indexFileName, bytesContent(encodeIndex(index)));
  all.set(layoutFileName, bytesContent(encodeText(layoutMarker)));
  return writeTar([directoryItem("blobs"), directoryItem("blobs/sha256"), ...fileItems(all)]);
}

/** An image on its way into a saved archive, with the names that loading it gives. */
export interface ImageToSave extends CopyOptions {
  readonly image: ImageOrIndex;
  readonly references: readonly Reference[];
}

/**
 * The bytes of an archive that every client loads with nothing lost: an OCI layout of whole indexes,
 * compressed as they are, and beside it the manifest.json of docker save, which names one image of
 * each: that of `platform`, or of this machine, or else the first.
 */
export async function* savedArchive(
  saved: readonly ImageToSave[],
  options: { readonly platform?: Platform; readonly events?: EventSink } = {},
): AsyncGenerator<Uint8Array> {
  const { events, platform } = options;
  const files = new Map<string, Content>();
  const entries: Descriptor[] = [];
  const manifest: object[] = [];
  for (const { image, references, includes } of saved) {
    const copying = {
      ...(includes === undefined ? {} : { includes }),
      ...(events === undefined ? {} : { events }),
    };
    for (const [name, content] of await blobFiles(image, copying)) files.set(name, content);
    const entry = await describeWithPlatform(image);
    const named = references.map(withDefaultTag).filter(({ tag }) => tag !== undefined);
    for (const reference of named) entries.push(nameEntry(entry, reference));
    if (named.length === 0) entries.push(entry);
    const chosen = await imageToRun(image, platform, includes);
    if (chosen !== undefined) {
      const { config, layers } = await chosen.manifest();
      manifest.push({
        Config: blobName(config.digest),
        RepoTags: named.map(formatTagged),
        Layers: layers.map(({ digest }) => blobName(digest)),
      });
    }
  }
  if (manifest.length > 0)
    files.set("manifest.json", bytesContent(encodeText(JSON.stringify(manifest))));
  yield* layoutTar(files, { ...emptyIndex, manifests: entries });
}

function nameEntry(entry: Descriptor, reference: Reference): Descriptor {
  return {
    ...entry,
    annotations: {
      [containerdNameAnnotation]: formatTagged(reference),
      [refNameAnnotation]: reference.tag!,
    },
  };
}

/** A whole name: podman takes `alpine:3.20` for `localhost/alpine:3.20`, docker does not. */
function formatTagged({ registry, repository, tag }: Reference): string {
  return formatReference({ registry, repository, tag: tag! });
}

/** None where the image is an artifact, which nobody can run. */
async function imageToRun(
  from: ImageOrIndex,
  platform: Platform | undefined,
  includes: CopyOptions["includes"],
): Promise<Image | undefined> {
  const chosen = await selectPlatform(from, platform).catch(async (error: unknown) => {
    if (platform !== undefined || !isBivyError(error, "platform-not-found", "image-invalid"))
      throw error;
    if (from.kind === "image") return undefined;
    for (const child of await from.children()) {
      const { descriptor } = child;
      if (isAttestation(descriptor) || !(includes?.(descriptor) ?? true)) continue;
      const opened = await child.open();
      if (opened.kind === "image") return opened;
    }
    return undefined;
  });
  if (chosen === undefined) return undefined;
  return isConfigType((await chosen.manifest()).config.mediaType) ? chosen : undefined;
}

export interface DockerArchiveOptions {
  /** The names that docker load gives to the image. */
  readonly references?: readonly Reference[];
  /** Which image of an index is taken; default: that of this machine. */
  readonly platform?: Platform;
  readonly events?: EventSink;
}

/**
 * The bytes of a `docker-archive`: it holds one image, not an index, whose layers are uncompressed.
 * A compressed layer is unpacked twice, because its size stands before it.
 */
export async function* dockerArchive(
  from: ImageOrIndex,
  options: DockerArchiveOptions = {},
): AsyncGenerator<Uint8Array> {
  const { references = [], platform, events = ignoreEvents } = options;
  const image = await selectPlatform(from, platform);
  const layers = await image.layers();
  const rawConfig = await image.rawConfig();
  const configName = `${addressOf(rawConfig).digest.slice("sha256:".length)}.json`;
  const files = new Map<string, Content>([[configName, bytesContent(rawConfig)]]);
  for (const layer of layers)
    if (!files.has(layerName(layer)))
      files.set(layerName(layer), await unpackedContent(layer, events));
  const named = references.map(withDefaultTag).filter((reference) => reference.tag !== undefined);
  const saved = {
    Config: configName,
    RepoTags: named.map(formatTagged),
    Layers: layers.map(layerName),
  };
  files.set("manifest.json", bytesContent(encodeText(JSON.stringify([saved]))));
  if (named.length > 0 && layers.length > 0)
    files.set("repositories", bytesContent(encodeRepositories(named, layers.at(-1)!)));
  yield* writeTar(fileItems(files));
}

function layerName(layer: Layer): string {
  return `${layer.diffId.slice("sha256:".length)}.tar`;
}

async function unpackedContent(layer: Layer, events: EventSink): Promise<Content> {
  let size = layer.unpackedSize ?? (layer.digest === layer.diffId ? layer.size : undefined);
  if (size === undefined) {
    size = 0;
    for await (const chunk of layer.uncompressed()) size += chunk.byteLength;
  }
  const content = { size, chunks: () => layer.uncompressed() };
  return { size, chunks: () => reportTransfer({ ...layer.descriptor, size }, content, events) };
}

/** Names to the topmost layer, for clients older than manifest.json (Docker 1.10). */
function encodeRepositories(references: readonly Reference[], top: Layer): Uint8Array {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { registry, repository, tag } of references) {
    const name = formatReference({ registry, repository });
    repositories[name] = { ...repositories[name], [tag!]: top.diffId.slice("sha256:".length) };
  }
  const sorted = Object.entries(repositories).map(([name, tags]) => [name, sortMap(tags)]);
  return encodeText(JSON.stringify(sortMap(Object.fromEntries(sorted))));
}

function directoryItem(path: string): TarItem {
  return { header: tarHeader({ path, type: "directory" }) };
}

function fileItems(files: ReadonlyMap<string, Content>): TarItem[] {
  return [...files]
    .sort(([a], [b]) => compareNames(a, b))
    .map(([path, content]) => ({
      header: tarHeader({ path, type: "file", size: content.size }),
      content,
    }));
}

/**
 * Writes an archive to a file, which appears under its name once it is whole. A pipe or a device is
 * written to as it is.
 */
export async function writeArchiveFile(path: string, archive: Chunks): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile() && !found.isDirectory()) {
    await pipeline(Readable.from(archive), createWriteStream(path)).catch((error: unknown) => {
      throw fileError(error, "writing", path);
    });
    return;
  }
  // The target of a symbolic link is replaced, not the link.
  const target = found === undefined ? path : await realpath(path);
  await removeUnfinishedFiles(dirname(target)).catch(() => undefined);
  await replaceFile(target, archive);
}
