/** Output of a build: an image on its way to the places that the user named. */
import { BivyError, type EventSink } from "../base/index.ts";
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
}

/** Writes an image to one place; what was there under the same name is replaced once all is written. */
export async function writeOutput(
  image: ImageOrIndex,
  destination: ImageLocator,
  options: OutputOptions,
): Promise<void> {
  const { store, events, platform } = options;
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
      return writeArchiveFile(
        destination.path,
        ociArchive(image, { name: name ?? "latest", ...reporting }),
      );
    }
    case "docker-archive": {
      const { name } = destination;
      const references = name === undefined ? [] : [parseReference(name)];
      return writeArchiveFile(
        destination.path,
        dockerArchive(image, {
          references,
          ...reporting,
          ...(platform === undefined ? {} : { platform }),
        }),
      );
    }
    case "dir":
      throw new BivyError(
        "usage",
        `${formatImageLocator(destination)}: an image cannot be written as a plain folder`,
        {
          hint: "Write oci:DIR, oci-archive:FILE or docker-archive:FILE.",
        },
      );
  }
}

/** Refuses a destination that cannot work, before any work is done. */
export function checkDestination(destination: ImageLocator): void {
  const { kind } = destination;
  if (
    kind === "docker-archive" &&
    destination.name !== undefined &&
    tryParseReference(destination.name) === undefined
  )
    throw new BivyError(
      "usage",
      `docker-archive:${destination.path}: ${destination.name} is not a reference`,
      {
        hint: "Write docker-archive:FILE:NAME:TAG, with a name in lower case.",
      },
    );
}
