/**
 * The local store: the images of this user, by name. It is an OCI layout in the data folder whose
 * names are whole references, so that any OCI tool can read it; writing is safe for concurrent
 * processes, and a collection of garbage leaves what a running process works with (lease.ts).
 */
import { homedir } from "node:os";
import { join } from "node:path";
import {
  BivyError,
  defaultLimits,
  isBivyError,
  type Digest,
  type EventSink,
  type Limits,
} from "../../base/index.ts";
import { folderBlobs } from "../layout/blob-folder.ts";
import { type BlobStore } from "../blobs.ts";
import { collectGarbage, type Collected, type CollectOptions } from "./collect.ts";
import { formatCreated } from "../config.ts";
import { blobSink, copyImage, type CopyOptions } from "../copy.ts";
import { type Descriptor } from "../descriptor.ts";
import { showName } from "../document.ts";
import { openImage, type ImageOrIndex } from "../image.ts";
import { openIndexFile } from "../layout/index-file.ts";
import { nameOf, putEntry } from "../layout/layout-index.ts";
import { createLayout, describeWithPlatform, isLayout, openLayout } from "../layout/layout.ts";
import { openLease } from "./lease.ts";
import { openRecords, type StoreRecords } from "./records.ts";
import { type IndexManifest } from "../manifest.ts";
import {
  formatReference,
  shortReference,
  tryParseReference,
  withDefaultTag,
  type Reference,
} from "../reference.ts";
import { findReferrers, subjectOfEntry } from "../referrers.ts";
import { storedManifests } from "../layout/stored-manifest.ts";
import {
  readContents,
  readIds,
  readSize,
  type StoredContents,
  type StoreFolder,
} from "./stored-contents.ts";

export interface StoredImage {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  /** When it got this name, in RFC 3339; absent where another tool gave it. */
  readonly named?: string;
  /** The image that it is about, if it is a signature, an attestation or another referrer. */
  readonly subject?: Digest;
}

export interface StorePutOptions extends CopyOptions {
  readonly events?: EventSink;
}

export interface ImageStore {
  readonly path: string;
  /** To write layers into before there is an image of them. */
  readonly blobs: BlobStore;
  /** What is found by a key, and keeps blobs from being collected. */
  readonly records: StoreRecords;
  /**
   * Keeps an image under a name; `latest` where the reference has neither tag nor digest. Of an index
   * whose children are not all included, others can be put later.
   */
  put(image: ImageOrIndex, reference: Reference, options?: StorePutOptions): Promise<void>;
  /** The image of a name or a digest; undefined where the store has none. */
  tryGet(reference: Reference): Promise<ImageOrIndex | undefined>;
  /** As `tryGet`, but fails with `image-not-found`. */
  get(reference: Reference): Promise<ImageOrIndex>;
  /** An image by its descriptor, such as a referrer; fails with `image-invalid` where it is not there. */
  open(descriptor: Descriptor): Promise<ImageOrIndex>;
  list(): Promise<readonly StoredImage[]>;
  /**
   * What is meant by a name, or else by the beginning of a digest or image id, as docker takes it: all
   * names of one image. Fails with `image-not-found`, or where several images begin so.
   */
  find(text: string): Promise<readonly StoredImage[]>;
  /** What is there of an image. */
  contents(descriptor: Descriptor): Promise<StoredContents>;
  /** Bytes of what is there of these images together, compressed; what they share counts once. */
  sizeOf(descriptors: readonly Descriptor[]): Promise<number>;
  /** Gives what has one name another one, too; an image that has it already loses it. */
  tag(from: Reference, to: Reference): Promise<StoredImage>;
  /**
   * Forgets a name, or all names of a digest; the blobs stay until they are collected. A reference
   * with a digest that is no name means all names of that digest in its repository.
   */
  remove(target: Reference | Digest): Promise<readonly Reference[]>;
  /** The manifests that are about an image: by their `subject`, and in the index that lists them. */
  referrers(subject: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
  /**
   * Removes what no name leads to. What was put, written or opened through this value or in another
   * process stays until it is closed there.
   */
  collect(options?: Omit<CollectOptions, "limits">): Promise<Collected>;
  /** Gives up what this value kept from being collected; the end of the process does the same. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Default: `defaultStorePath()`. */
  readonly path?: string;
  readonly limits?: Limits;
}

/** The time at which an entry got its name. It is of the store, not of the image. */
const namedAnnotation = "dev.bivy.named";

/** Fewer digits are more often a slip than an id. */
const idForm = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/** `$XDG_DATA_HOME/bivy/images`, or `~/.local/share/bivy/images`. */
export function defaultStorePath(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const base = environment["XDG_DATA_HOME"];
  // A relative path there is invalid and must be ignored (XDG base directory specification).
  const data = base?.startsWith("/") === true ? base : join(homedir(), ".local", "share");
  return join(data, "bivy", "images");
}

/** The store; its folder is made when something is first put into it. */
export function openStore(options: StoreOptions = {}): ImageStore {
  const path = options.path ?? defaultStorePath();
  const limits = options.limits ?? defaultLimits;
  const lease = openLease(path);
  const blobs = folderBlobs(path, lease);
  const index = openIndexFile(path, limits);
  const folder: StoreFolder = { path, limits, read: storedManifests(path, limits) };

  const entries = async (): Promise<readonly Descriptor[]> => {
    if (!(await isLayout(path))) return [];
    await openLayout(path, { blobs, limits }); // Refuses a version that is not known here.
    return (await index.read()).manifests;
  };
  const named = async (): Promise<readonly StoredImage[]> => storedImages(await entries());

  const tryGet = async (reference: Reference): Promise<ImageOrIndex | undefined> => {
    const look = async () => (await named()).find((stored) => matches(stored, reference));
    for (let found = await look(); found !== undefined;) {
      const { descriptor } = found;
      await keepIfWritable(descriptor.digest);
      // Until it was kept, the name could go, and the image with it.
      found = await look();
      if (found?.descriptor.digest === descriptor.digest)
        return openImage(descriptor, blobs, { limits });
    }
    return undefined;
  };
  /** Without a lease where the store cannot be written: reading must work all the same. */
  const keepIfWritable = async (digest: Digest): Promise<void> => {
    try {
      await lease.keepImage(digest);
    } catch (error) {
      if (!isBivyError(error, "file-denied", "disk-full")) throw error;
    }
  };

  return {
    path,
    blobs,
    records: openRecords(path),
    tryGet,
    async get(reference) {
      const image = await tryGet(reference);
      if (image !== undefined) return image;
      throw notFound(shortReference(reference));
    },
    async open(descriptor) {
      await keepIfWritable(descriptor.digest);
      return openImage(descriptor, blobs, { limits });
    },
    async put(image, reference, { events, ...copying } = {}) {
      checkPinned(image.digest, reference);
      await createLayout(path, { blobs, limits }).catch((error: unknown) => {
        throw isBivyError(error, "file-denied") ? placeDenied(error) : error;
      });
      await copyImage(image, blobSink(blobs, events), copying);
      const entry = await describeWithPlatform(image);
      await lease.whileNaming(() => index.change((before) => nameEntry(before, entry, reference)));
    },
    async list() {
      const listed: StoredImage[] = [];
      for (const stored of await named()) {
        const subject = await subjectOfEntry(stored.descriptor, folder.read);
        listed.push(subject === undefined ? stored : { ...stored, subject });
      }
      return listed;
    },
    async find(text) {
      const all = await named();
      const reference = tryParseReference(text);
      const byName = all.filter((stored) => reference !== undefined && matches(stored, reference));
      if (byName.length > 0) return byName;
      return findById(all, text, folder);
    },
    contents: (descriptor) => readContents(folder, descriptor),
    sizeOf: (descriptors) => readSize(folder, descriptors),
    async tag(from, to) {
      if (!(await isLayout(path))) throw notFound(shortReference(from));
      let tagged: StoredImage | undefined;
      await index.change((before) => {
        const found = storedImages(before.manifests).find((stored) => matches(stored, from));
        if (found === undefined) throw notFound(shortReference(from));
        checkPinned(found.descriptor.digest, to);
        const after = nameEntry(before, found.descriptor, to);
        tagged = storedImages(after.manifests).find((stored) => isNamed(stored, to));
        return after;
      });
      return tagged!;
    },
    async remove(target) {
      if (!(await isLayout(path))) return [];
      let removed: readonly Reference[] = [];
      await index.change((before) => {
        const going = namesToRemove(storedImages(before.manifests), target);
        removed = going.map(({ reference }) => reference);
        if (going.length === 0) return before;
        const names = new Set(going.map(({ descriptor }) => nameOf(descriptor)));
        const manifests = before.manifests.filter((entry) => !names.has(nameOf(entry)));
        return { ...before, manifests };
      });
      return removed;
    },
    async referrers(subject, artifactType) {
      return findReferrers(await entries(), subject, folder.read, artifactType);
    },
    async collect(collecting) {
      if (!(await isLayout(path))) return { removed: [], bytes: 0, kept: 0, forgotten: [] };
      return collectGarbage(path, { ...collecting, limits });
    },
    close: () => lease.release(),
  };
}

function storedImages(entries: readonly Descriptor[]): readonly StoredImage[] {
  const stored: StoredImage[] = [];
  for (const descriptor of entries) {
    const name = nameOf(descriptor);
    const reference = name === undefined ? undefined : tryParseReference(name);
    const named = descriptor.annotations?.[namedAnnotation];
    if (reference !== undefined)
      stored.push({ reference, descriptor, ...(named === undefined ? {} : { named }) });
  }
  return stored;
}

function nameEntry(index: IndexManifest, entry: Descriptor, reference: Reference): IndexManifest {
  const now = formatCreated(Date.now() / 1000);
  return putEntry(index, entry, storedName(reference), { [namedAnnotation]: now });
}

function storedName(reference: Reference): string {
  return formatReference(withDefaultTag(reference));
}

function isNamed({ reference }: StoredImage, wanted: Reference): boolean {
  return formatReference(reference) === storedName(wanted);
}

function checkPinned(digest: Digest, reference: Reference): void {
  if (reference.digest === undefined || reference.digest === digest) return;
  throw new BivyError(
    "digest-mismatch",
    `${shortReference(reference)}: expected the image of that digest, found ${digest}`,
    { hint: "Keep it under a tag, or keep the whole index that the digest names." },
  );
}

/**
 * A digest is found under any name of the same repository. A tag is found only where the name is that
 * tag alone: what was kept as TAG@DIGEST says nothing about what the tag means later.
 */
function matches({ reference, descriptor }: StoredImage, wanted: Reference): boolean {
  if (reference.registry !== wanted.registry || reference.repository !== wanted.repository)
    return false;
  if (wanted.digest !== undefined) return descriptor.digest === wanted.digest;
  return reference.digest === undefined && reference.tag === withDefaultTag(wanted).tag;
}

function namesToRemove(
  stored: readonly StoredImage[],
  target: Reference | Digest,
): readonly StoredImage[] {
  if (typeof target === "string")
    return stored.filter(({ descriptor }) => descriptor.digest === target);
  const exact = stored.filter((image) => isNamed(image, target));
  if (exact.length > 0 || target.digest === undefined) return exact;
  return stored.filter(
    (image) =>
      matches(image, target) && (target.tag === undefined || image.reference.tag === target.tag),
  );
}

async function findById(
  stored: readonly StoredImage[],
  text: string,
  folder: StoreFolder,
): Promise<readonly StoredImage[]> {
  const digits = idForm.exec(text)?.[1];
  if (digits === undefined) throw notFound(text);
  const found: StoredImage[] = [];
  const meant = new Set<Digest>();
  for (const image of stored) {
    const ids = (await readIds(folder, image.descriptor)).filter((id) =>
      id.startsWith(`sha256:${digits}`),
    );
    for (const id of ids) meant.add(id);
    if (ids.length > 0) found.push(image);
  }
  if (found.length === 0) throw notFound(text);
  if (meant.size === 1) return found;
  throw new BivyError(
    "reference-invalid",
    `${text}: expected the beginning of one image's digest or id, found ${meant.size} that begin so`,
    { hint: `Write more digits: ${[...meant].slice(0, 3).join(", ")}` },
  );
}

function placeDenied(error: BivyError): BivyError {
  return new BivyError("file-denied", error.message, {
    cause: error,
    hint: "The local store is made there: choose another place with XDG_DATA_HOME.",
  });
}

function notFound(name: string): BivyError {
  return new BivyError(
    "image-not-found",
    `${showName(name)}: there is no such image in the local store`,
    { hint: "List what it has with bivy image ls." },
  );
}
