/** Opening the image at a locator that names a place on this machine. */
import { stat } from "node:fs/promises";
import { BivyError, fileError, type Limits } from "../base/index.ts";
import { openArchive } from "./archive-read.ts";
import { type ImageOrIndex } from "./image.ts";
import { isLayout, openLayout } from "./layout.ts";
import { type ImageLocator } from "./locator.ts";
import { type ImageStore } from "./store.ts";

export type LocatedImage =
  | { readonly kind: "image"; readonly image: ImageOrIndex }
  /** A root file system, which is no image. */
  | { readonly kind: "root"; readonly path: string };

export interface LocateOptions {
  /** Where references are looked up. */
  readonly store: ImageStore;
  readonly limits?: Limits;
}

/** What a locator names; undefined for a reference that the store does not have. */
export async function locateImage(
  locator: ImageLocator,
  options: LocateOptions,
): Promise<LocatedImage | undefined> {
  const limits = options.limits === undefined ? {} : { limits: options.limits };
  switch (locator.kind) {
    case "reference": {
      const image = await options.store.tryGet(locator.reference);
      return image === undefined ? undefined : { kind: "image", image };
    }
    case "oci": {
      const layout = await openLayout(locator.path, limits);
      return { kind: "image", image: await layout.open(locator.name) };
    }
    case "oci-archive":
    case "docker-archive": {
      const archive = await openArchive(locator.path, limits);
      return { kind: "image", image: await archive.open(locator.name) };
    }
    case "dir":
      await checkFolder(locator.path);
      return { kind: "root", path: locator.path };
    case "path":
      return locateImage(await detectLocator(locator.path), options);
  }
}

/** What a path without a prefix holds: an OCI layout, another folder, or an archive. */
export async function detectLocator(path: string): Promise<ImageLocator> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError(error, "reading", path);
  });
  if (!found.isDirectory()) return { kind: "oci-archive", path };
  return (await isLayout(path)) ? { kind: "oci", path } : { kind: "dir", path };
}

async function checkFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError(error, "reading", path);
  });
  if (!found.isDirectory())
    throw new BivyError("file-not-found", `${path}: expected a folder, found a file`, {
      hint: "For an archive write oci-archive:FILE or docker-archive:FILE.",
    });
}
