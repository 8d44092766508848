/** Locating: opening what a locator names on this machine. */
import { stat } from "node:fs/promises";
import { BivyError, defaultLimits, fileError, isBivyError, type Limits } from "../base/index.ts";
import { openArchive } from "./archive/archive-read.ts";
import { type ImageOrIndex } from "./image.ts";
import { isLayout, openLayout } from "./layout/layout.ts";
import { type ImageLocator } from "./locator.ts";
import { type ImageStore } from "./store/store.ts";
import { detectTar } from "./archive/tar-kind.ts";

export type LocatedImage =
  | { readonly kind: "image"; readonly image: ImageOrIndex }
  /** A root file system, which is no image. */
  | { readonly kind: "root"; readonly path: string }
  /** A root file system in a tar, plain or compressed. */
  | { readonly kind: "root-archive"; readonly path: string };

export interface LocateOptions {
  /** Where references are looked up. */
  readonly store: ImageStore;
  readonly limits?: Limits;
}

/** What a locator names; undefined for a reference that the store does not have, or that names a registry. */
export async function locateImage(
  locator: ImageLocator,
  options: LocateOptions,
): Promise<LocatedImage | undefined> {
  const limits = options.limits === undefined ? {} : { limits: options.limits };
  switch (locator.kind) {
    case "registry":
      return undefined;
    case "reference":
    case "store": {
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
      return (
        (await locateRootArchive(locator.path, options.limits ?? defaultLimits)) ??
        locateImage(await detectLocator(locator.path), options)
      );
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

/** What is no tar at all is left to whoever reads image archives, to say what is wrong with it. */
async function locateRootArchive(path: string, limits: Limits): Promise<LocatedImage | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  const kind = await detectTar(path, limits).catch((error: unknown) => {
    if (isBivyError(error, "tar-invalid", "tar-truncated")) return undefined;
    throw error;
  });
  return kind === "root" ? { kind: "root-archive", path } : undefined;
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
