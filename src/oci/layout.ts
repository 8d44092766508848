/**
 * OCI layouts: images in a folder of `oci-layout`, `index.json` and `blobs/sha256` (OCI image-spec,
 * image-layout.md). Blobs come first, then index.json is replaced under a lock, so that a reader and
 * a crash see either the images from before or those from after.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  BivyError,
  defaultLimits,
  encodeText,
  fileError,
  limitExceeded,
  type EventSink,
  type Limits,
  makeFolders,
} from "../base/index.ts";
import { describe, platformOf } from "./assemble.ts";
import { folderBlobs, folderMode } from "./blob-folder.ts";
import { type BlobStore } from "./blobs.ts";
import { copyBlobs } from "./copy.ts";
import { type Descriptor } from "./descriptor.ts";
import { type TextMap } from "./document.ts";
import { openImage, type ImageOrIndex } from "./image.ts";
import {
  checkEntryName,
  checkLayoutMarker,
  emptyIndex,
  findEntry,
  indexFileName,
  layoutFileName,
  layoutMarker,
  nameOf,
  parseLayoutIndex,
  putEntry,
  removeEntry,
} from "./layout-index.ts";
import { withLock } from "./lock.ts";
import { encodeIndex, type IndexManifest } from "./manifest.ts";
import { replaceFile } from "./unfinished-file.ts";

const lockFileName = ".bivy.lock";

export interface LayoutEntry {
  readonly name?: string;
  readonly descriptor: Descriptor;
}

export interface LayoutPutOptions {
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
    await withLock(join(path, lockFileName), () => initialize(path));
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
  await makeFolder(join(path, "blobs", "sha256"));
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
  const found = await stat(join(path, layoutFileName)).catch(() => undefined);
  return found?.isFile() === true;
}

function layoutAt(path: string, blobs: BlobStore, limits: Limits): Layout {
  const indexPath = join(path, indexFileName);

  const readIndex = async (): Promise<IndexManifest> => {
    const bytes = await readIfPresent(indexPath, limits);
    return bytes === undefined ? emptyIndex : parseLayoutIndex(bytes, indexPath);
  };
  const changeIndex = (change: (index: IndexManifest) => IndexManifest): Promise<void> =>
    withLock(join(path, lockFileName), async () => {
      const before = await readIndex();
      const after = change(before);
      if (after !== before) await replaceFile(indexPath, [encodeIndex(after)]);
    });

  return {
    path,
    blobs,
    async entries() {
      const { manifests } = await readIndex();
      return manifests.map((descriptor) => {
        const name = nameOf(descriptor);
        return name === undefined ? { descriptor } : { name, descriptor };
      });
    },
    async open(name) {
      return openImage(findEntry(await readIndex(), name, path), blobs, { limits });
    },
    async put(image, { name, annotations, events } = {}) {
      if (name !== undefined) checkEntryName(name);
      await copyBlobs(image, blobs, events);
      const entry = await describeWithPlatform(image);
      await changeIndex((index) => putEntry(index, entry, name, annotations));
    },
    async remove(name) {
      let removed = false;
      await changeIndex((index) => {
        const after = removeEntry(index, name);
        removed = after.manifests.length < index.manifests.length;
        return removed ? after : index;
      });
      return removed;
    },
  };
}

/** The descriptor of an entry, with the platform of an image: clients list it without opening anything. */
export async function describeWithPlatform(image: ImageOrIndex): Promise<Descriptor> {
  if (image.kind === "index") return describe(image);
  const platform = await platformOf(image);
  return platform.os === "" ? describe(image) : { ...describe(image), platform };
}

/** A file that must be small, or undefined where there is none. */
async function readIfPresent(path: string, limits: Limits): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size > limits["document-size"]) throw limitExceeded("document-size", limits, path);
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw fileError(error, "reading", path);
  }
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
