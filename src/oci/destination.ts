/** Output of a build: an image on its way to the places that the user named. */
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { BivyError, type Chunks, type EventSink } from "../base/index.ts";
import {
  createLayout,
  dockerArchive,
  formatImageLocator,
  ociArchive,
  parseReference,
  tryParseReference,
  writeArchiveFile,
  type ImageLocator,
  type ImageOrIndex,
  type ImageStore,
  type Platform,
} from "../oci/index.ts";

export interface OutputOptions {
  readonly store: ImageStore;
  readonly events?: EventSink;
  /** Which image of an index a docker-archive gets; this machine's by default. */
  readonly platform?: Platform;
  /** Takes what is written to the file `-`. */
  readonly standardOutput: (chunks: Chunks) => Promise<void>;
}

/** The file name that stands for standard output. */
const standardOutput = "-";

/** Writes an image to one place; what was there under the same name is replaced once all is written. */
export async function writeOutput(
  image: ImageOrIndex,
  destination: ImageLocator,
  options: OutputOptions,
): Promise<void> {
  const { store, events, platform } = options;
  const writeArchive = (path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> =>
    path === standardOutput ? options.standardOutput(chunks) : writeArchiveFile(path, chunks);
  const reporting = events === undefined ? {} : { events };
  switch (destination.kind) {
    case "reference":
      return store.put(image, destination.reference, events);
    case "oci": {
      const layout = await createLayout(destination.path);
      return layout.put(image, { name: destination.name ?? "latest", ...reporting });
    }
    case "oci-archive":
    case "path": {
      const name = destination.kind === "path" ? undefined : destination.name;
      return writeArchive(
        destination.path,
        ociArchive(image, { name: name ?? "latest", ...reporting }),
      );
    }
    case "docker-archive": {
      const { name } = destination;
      const references = name === undefined ? [] : [parseReference(name)];
      return writeArchive(
        destination.path,
        dockerArchive(image, {
          references,
          ...reporting,
          ...(platform === undefined ? {} : { platform }),
        }),
      );
    }
    case "dir":
      throw notAPlainFolder(destination);
  }
}

/** Refuses a destination that cannot work, before any work is done. */
export async function checkDestination(destination: ImageLocator): Promise<void> {
  if (destination.kind === "reference") return;
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
