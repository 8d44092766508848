/** Destinations: writing an image to a place that the user named. */
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { BivyError, type Chunks, type EventSink } from "../base/index.ts";
import { dockerArchive, ociArchive, writeArchiveFile } from "./archive/archive-write.ts";
import { type CopyOptions } from "./copy.ts";
import { type ImageOrIndex } from "./image.ts";
import { createLayout } from "./layout/layout.ts";
import { formatImageLocator, type ImageLocator } from "./locator.ts";
import { type Platform } from "./platform.ts";
import { parseReference, tryParseReference } from "./reference.ts";
import type { Registries } from "./registry/registries.ts";
import { type ImageStore } from "./store/store.ts";

export interface DestinationOptions extends CopyOptions {
  readonly store: ImageStore;
  /** Asked for when the destination is a registry. */
  readonly registries: () => Promise<Registries>;
  readonly events?: EventSink;
  /** Which image of an index a docker-archive gets; this machine's by default. */
  readonly platform?: Platform;
  /** Takes what is written to the file `-`. */
  readonly standardOutput: (chunks: Chunks) => Promise<void>;
}

/** The file name that stands for standard output. */
const standardOutput = "-";

/**
 * Writes an image to one place; what was there under the same name is replaced once all is written. A
 * reference without a prefix means the local store.
 */
export async function writeImage(
  image: ImageOrIndex,
  destination: ImageLocator,
  options: DestinationOptions,
): Promise<void> {
  const { store, events, platform, includes } = options;
  const writeArchive = (path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> =>
    path === standardOutput ? options.standardOutput(chunks) : writeArchiveFile(path, chunks);
  const copying = {
    ...(events === undefined ? {} : { events }),
    ...(includes === undefined ? {} : { includes }),
  };
  switch (destination.kind) {
    case "reference":
    case "store":
      return store.put(image, destination.reference, copying);
    case "registry": {
      const { reference } = destination;
      await (await options.registries()).repository(reference).put(image, reference, copying);
      return;
    }
    case "oci": {
      const layout = await createLayout(destination.path);
      return layout.put(image, { name: destination.name ?? "latest", ...copying });
    }
    case "oci-archive":
    case "path": {
      const name = destination.kind === "path" ? undefined : destination.name;
      const archive = ociArchive(image, { name: name ?? "latest", ...copying });
      return writeArchive(destination.path, archive);
    }
    case "docker-archive": {
      const { name } = destination;
      const references = name === undefined ? [] : [parseReference(name)];
      const archive = dockerArchive(image, {
        references,
        ...copying,
        ...(platform === undefined ? {} : { platform }),
      });
      return writeArchive(destination.path, archive);
    }
    case "dir":
      throw notAPlainFolder(destination);
  }
}

/** Refuses a destination that cannot work, before any work is done. */
export async function checkDestination(destination: ImageLocator): Promise<void> {
  if ("reference" in destination) return;
  const { kind, path } = destination;
  if (kind === "dir") throw notAPlainFolder(destination);
  if (
    kind === "docker-archive" &&
    destination.name !== undefined &&
    tryParseReference(destination.name) === undefined
  )
    throw new BivyError("usage", `docker-archive:${path}: ${destination.name} is not a reference`, {
      hint: "Write docker-archive:FILE:NAME:TAG, with a name in lower case.",
    });
  if (kind === "oci" || path === standardOutput) return;
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new BivyError("usage", `${path}: expected the name of a file to write, found a folder`, {
      hint: `Name a file in it, or write oci:${path}.`,
    });
  const folder = dirname(resolve(path));
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true)
    throw new BivyError("file-not-found", `${path}: its folder ${folder} does not exist`, {
      hint: "Make the folder, or choose another place.",
    });
}

export function isStandardOutput(destination: ImageLocator): boolean {
  return "path" in destination && destination.kind !== "oci" && destination.path === standardOutput;
}

function notAPlainFolder(destination: ImageLocator): BivyError {
  return new BivyError(
    "usage",
    `${formatImageLocator(destination)}: an image cannot be written as a plain folder`,
    {
      hint: "Write oci:DIR, oci-archive:FILE or docker-archive:FILE.",
    },
  );
}
