/**
 * The local store: the images of this user, by name. It is an OCI layout in the data folder whose
 * names are whole references, so that any OCI tool can read it; writing is safe for concurrent
 * processes.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { BivyError, type EventSink, type Limits } from "../base/index.ts";
import { folderBlobs } from "./blob-folder.ts";
import { type BlobStore } from "./blobs.ts";
import { type Descriptor } from "./descriptor.ts";
import { openImage, type ImageOrIndex } from "./image.ts";
import { createLayout, isLayout, openLayout } from "./layout.ts";
import {
  formatReference,
  shortReference,
  tryParseReference,
  withDefaultTag,
  type Reference,
} from "./reference.ts";

export interface StoredImage {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
}

export interface ImageStore {
  readonly path: string;
  /** To write layers into before there is an image of them. */
  readonly blobs: BlobStore;
  /** Keeps an image under a name; `latest` where the reference has neither tag nor digest. */
  put(image: ImageOrIndex, reference: Reference, events?: EventSink): Promise<void>;
  /** The image of a name or a digest; undefined where the store has none. */
  tryGet(reference: Reference): Promise<ImageOrIndex | undefined>;
  /** As `tryGet`, but fails with `image-not-found`. */
  get(reference: Reference): Promise<ImageOrIndex>;
  list(): Promise<readonly StoredImage[]>;
  /** Forgets a name; the blobs stay. False when there was none. */
  remove(reference: Reference): Promise<boolean>;
}

export interface StoreOptions {
  /** Default: `defaultStorePath()`. */
  readonly path?: string;
  readonly limits?: Limits;
}

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
  const blobs = folderBlobs(path);
  const layoutOptions = {
    blobs,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  };

  const list = async (): Promise<readonly StoredImage[]> => {
    if (!(await isLayout(path))) return [];
    const stored: StoredImage[] = [];
    for (const { name, descriptor } of await (await openLayout(path, layoutOptions)).entries()) {
      const reference = name === undefined ? undefined : tryParseReference(name);
      if (reference !== undefined) stored.push({ reference, descriptor });
    }
    return stored;
  };

  const tryGet = async (reference: Reference): Promise<ImageOrIndex | undefined> => {
    const found = (await list()).find((stored) => matches(stored, reference));
    if (found === undefined) return undefined;
    return openImage(found.descriptor, blobs, layoutOptions);
  };

  return {
    path,
    blobs,
    list,
    tryGet,
    async put(image, reference, events) {
      checkPinned(image, reference);
      const layout = await createLayout(path, layoutOptions);
      const name = storedName(reference);
      await layout.put(image, { name, ...(events === undefined ? {} : { events }) });
    },
    async get(reference) {
      const image = await tryGet(reference);
      if (image !== undefined) return image;
      throw new BivyError(
        "image-not-found",
        `${shortReference(reference)}: there is no such image in the local store`,
        { hint: "List what it has with bivy image ls." },
      );
    },
    async remove(reference) {
      if (!(await isLayout(path))) return false;
      return (await openLayout(path, layoutOptions)).remove(storedName(reference));
    },
  };
}

function storedName(reference: Reference): string {
  return formatReference(withDefaultTag(reference));
}

function checkPinned(image: ImageOrIndex, reference: Reference): void {
  if (reference.digest === undefined || reference.digest === image.digest) return;
  throw new BivyError(
    "digest-mismatch",
    `${shortReference(reference)}: expected the image of that digest, found ${image.digest}`,
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
