/**
 * OCI layouts: images in a folder of `oci-layout`, `index.json` and `blobs/sha256` (OCI image-spec,
 * image-layout.md). Blobs come first, then index.json is replaced.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  BivyError,
  defaultLimits,
  encodeText,
  fileError,
  makeFolders,
  type Digest,
  type EventSink,
  type Limits,
} from "../../base/index.ts";
import { factsIfPresent, readIfPresent } from "./absence.ts";
import { describe, platformOf } from "../assemble.ts";
import { blobDirectory, folderBlobs, folderMode } from "./blob-folder.ts";
import { type BlobStore } from "../blobs.ts";
import { blobSink, copyImage, type CopyOptions } from "../copy.ts";
import { type Descriptor } from "../descriptor.ts";
import { type TextMap } from "../document.ts";
import { openImage, type ImageOrIndex } from "../image.ts";
import { openIndexFile, withIndexLock } from "./index-file.ts";
import {
  checkEntryName,
  checkLayoutMarker,
  emptyIndex,
  findEntry,
  indexFileName,
  layoutFileName,
  layoutMarker,
  nameOf,
  putEntry,
  removeEntry,
} from "./layout-index.ts";
import { encodeIndex, type IndexManifest } from "../manifest.ts";
import { isConfigType } from "../media-type.ts";
import { findReferrers, subjectOfEntry } from "../referrers.ts";
import { storedManifests } from "./stored-manifest.ts";
import { replaceFile } from "./unfinished-file.ts";

export interface LayoutEntry {
  readonly name?: string;
  readonly descriptor: Descriptor;
}

export interface LayoutPutOptions extends CopyOptions {
  /** The tag or reference; an image that has it already loses it. */
  readonly name?: string;
  /** Of the entry in index.json. */
  readonly annotations?: TextMap;
  readonly events?: EventSink;
}

export interface Layout {
  readonly path: string;
  /** To write layers into before there is an image of them. */
  readonly blobs: BlobStore;
  /** What index.json lists, in its order. */
  entries(): Promise<readonly LayoutEntry[]>;
  /** By tag, reference or digest; without a name, the only image there is. */
  open(name?: string): Promise<ImageOrIndex>;
  put(image: ImageOrIndex, options?: LayoutPutOptions): Promise<void>;
  /** Forgets a name; the blobs stay. False when there was none. */
  remove(name: string): Promise<boolean>;
  /** The manifests that are about an image: by their `subject`, and in the index that lists them. */
  referrers(subject: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
}

export interface LayoutOptions {
  readonly limits?: Limits;
  /** The blobs of the same folder, where the caller has opened them already. */
  readonly blobs?: BlobStore;
}

/** Opens a layout that exists. */
export async function openLayout(path: string, options: LayoutOptions = {}): Promise<Layout> {
  const limits = options.limits ?? defaultLimits;
  const marker = await readIfPresent(join(path, layoutFileName), limits);
  if (marker === undefined) throw await notALayout(path);
  checkLayoutMarker(marker, join(path, layoutFileName));
  return layoutAt(path, options.blobs ?? folderBlobs(path), limits);
}

/** Opens a layout, and makes it where there is nothing, or an empty folder. */
export async function createLayout(path: string, options: LayoutOptions = {}): Promise<Layout> {
  if (!(await isLayout(path))) {
    await makeFolder(path);
    await withIndexLock(path, () => initialize(path));
  }
  return openLayout(path, options);
}

/** Under the lock: another process may have done it in between, or been killed halfway. */
async function initialize(path: string): Promise<void> {
  if (await isLayout(path)) return;
  const names = await readdir(path);
  const stranger = names.find((name) => !ownNames.has(name) && !name.startsWith(".bivy"));
  if (stranger !== undefined)
    throw new BivyError(
      "file-exists",
      `${path}: expected an OCI layout or an empty folder, found ${stranger} in it`,
      { hint: "Name another folder." },
    );
  await makeFolder(blobDirectory(path));
  if (!names.includes(indexFileName))
    await replaceFile(join(path, indexFileName), [encodeIndex(emptyIndex)]);
  await replaceFile(join(path, layoutFileName), [encodeText(layoutMarker)]);
}

/** What a layout consists of besides the file that marks it as one. */
const ownNames = new Set(["blobs", indexFileName]);

async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path, folderMode);
  } catch (error) {
    throw fileError(error, "making a folder", path);
  }
}

/** Whether a folder is an OCI layout. */
export async function isLayout(path: string): Promise<boolean> {
  return (await factsIfPresent(join(path, layoutFileName)))?.isFile === true;
}

function layoutAt(path: string, blobs: BlobStore, limits: Limits): Layout {
  const index = openIndexFile(path, limits);
  const readManifest = storedManifests(path, limits);

  /** Without what is about another image: that is not meant where no name is given. */
  const withoutReferrers = async (all: IndexManifest): Promise<IndexManifest> => {
    const manifests: Descriptor[] = [];
    for (const entry of all.manifests)
      if ((await subjectOfEntry(entry, readManifest)) === undefined) manifests.push(entry);
    return manifests.length === 0 ? all : { ...all, manifests };
  };

  return {
    path,
    blobs,
    async entries() {
      const { manifests } = await index.read();
      return manifests.map((descriptor) => {
        const name = nameOf(descriptor);
        return name === undefined ? { descriptor } : { name, descriptor };
      });
    },
    async open(name) {
      const all = await index.read();
      const choice = name === undefined ? await withoutReferrers(all) : all;
      return openImage(findEntry(choice, name, path), blobs, { limits });
    },
    async put(image, { name, annotations, events, ...copying } = {}) {
      if (name !== undefined) checkEntryName(name);
      await copyImage(image, blobSink(blobs, events), copying);
      const entry = await describeWithPlatform(image);
      await index.change((before) => putEntry(before, entry, name, annotations));
    },
    async remove(name) {
      let removed = false;
      await index.change((before) => {
        const after = removeEntry(before, name);
        removed = after.manifests.length < before.manifests.length;
        return removed ? after : before;
      });
      return removed;
    },
    async referrers(subject, artifactType) {
      const { manifests } = await index.read();
      return findReferrers(manifests, subject, readManifest, artifactType);
    },
  };
}

/**
 * The descriptor of an entry, with the platform of an image or the type of an artifact: clients list
 * it without opening anything.
 */
export async function describeWithPlatform(image: ImageOrIndex): Promise<Descriptor> {
  const { artifactType } = await image.manifest();
  const entry = { ...describe(image), ...(artifactType === undefined ? {} : { artifactType }) };
  // The config of an artifact can be anything.
  if (image.kind === "index" || !isConfigType((await image.manifest()).config.mediaType))
    return entry;
  const platform = await platformOf(image);
  return platform.os === "" ? entry : { ...entry, platform };
}

async function notALayout(path: string): Promise<BivyError> {
  const found = await stat(path).catch(() => undefined);
  const what = found === undefined ? "nothing" : found.isDirectory() ? "another folder" : "a file";
  return new BivyError(
    found === undefined ? "file-not-found" : "image-invalid",
    `${path}: expected a folder with an OCI layout (oci-layout, index.json), found ${what}`,
    {
      hint: "Check the path; for a tar write oci-archive:FILE, for a root file system dir:FOLDER.",
    },
  );
}
