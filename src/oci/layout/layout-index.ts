/**
 * index.json of an OCI layout as data: which images the layout holds, and by which names (OCI
 * image-spec, image-layout.md and annotations.md).
 */
import { BivyError } from "../../base/index.ts";
import { bareDescriptor, refNameAnnotation, type Descriptor } from "../descriptor.ts";
import { parseDocument, showName, type TextMap } from "../document.ts";
import { parseManifest, type IndexManifest } from "../manifest.ts";
import {
  formatReference,
  isTag,
  tryParseReference,
  withDefaultTag,
  type Reference,
} from "../reference.ts";

export const layoutFileName = "oci-layout";
export const indexFileName = "index.json";
/** The contents of the file `oci-layout`. */
export const layoutMarker = '{"imageLayoutVersion":"1.0.0"}';

/** The whole reference of an image, as containerd and docker save write it beside a bare tag. */
export const containerdNameAnnotation = "io.containerd.image.name";

export const emptyIndex: IndexManifest = { schemaVersion: 2, manifests: [] };

export function checkLayoutMarker(bytes: Uint8Array, subject: string): void {
  const version = parseDocument(bytes, subject)["imageLayoutVersion"];
  if (typeof version === "string" && /^1\.\d+\.\d+$/.test(version)) return;
  throw new BivyError(
    "image-invalid",
    `${subject}: expected imageLayoutVersion 1.0.0, found ${JSON.stringify(version) ?? "none"}`,
  );
}

export function parseLayoutIndex(bytes: Uint8Array, subject: string): IndexManifest {
  const document = parseManifest(bytes, subject);
  if (document.kind === "index") return document.manifest;
  throw new BivyError("image-invalid", `${subject}: expected an index of images, found a manifest`);
}

/** The name of an entry: a tag or a whole reference. */
export function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[refNameAnnotation];
}

/** The whole reference of an entry; undefined where it has a bare tag or no name. */
export function referenceOf({ annotations }: Descriptor): Reference | undefined {
  const whole = annotations?.[containerdNameAnnotation];
  if (whole !== undefined) return tryParseReference(whole);
  const name = annotations?.[refNameAnnotation];
  // A tag alone, such as `latest`, would be read as a repository of that name.
  return name === undefined || isTag(name) ? undefined : tryParseReference(name);
}

/**
 * The entry that is meant by a name: a tag, a reference or a digest, or, when no name was given, the
 * only one there is. Fails with `image-not-found`.
 */
export function findEntry(
  index: IndexManifest,
  name: string | undefined,
  subject: string,
): Descriptor {
  const entries = index.manifests;
  if (name === undefined) {
    const digests = new Set(entries.map((entry) => entry.digest));
    if (digests.size === 1) return entries[0]!;
    throw notFound(entries, `${subject}: expected one image, found ${digests.size}`);
  }
  const wanted = wholeName(name);
  const found =
    entries.find((entry) => nameOf(entry) === name) ??
    entries.find((entry) => entry.digest === name) ??
    entries.find((entry) =>
      [containerdNameAnnotation, refNameAnnotation].some((key) => {
        const other = entry.annotations?.[key];
        return other !== undefined && wanted !== undefined && wholeName(other) === wanted;
      }),
    );
  if (found !== undefined) return found;
  throw notFound(entries, `${subject}: there is no image named ${JSON.stringify(name)}`);
}

function wholeName(name: string): string | undefined {
  const reference = tryParseReference(name);
  return reference === undefined ? undefined : formatReference(withDefaultTag(reference));
}

function notFound(entries: readonly Descriptor[], message: string): BivyError {
  const names = entries.map((entry) => showName(nameOf(entry) ?? entry.digest));
  const shown = names.slice(0, 10).join(", ") + (names.length > 10 ? ", …" : "");
  return new BivyError("image-not-found", message, {
    hint: names.length === 0 ? "It holds no image." : `Name one after a colon. It holds: ${shown}`,
  });
}

/**
 * The index with an entry added. An entry of the same name gives way to it, in its place; without a
 * name, one of the same digest that has none either.
 */
export function putEntry(
  index: IndexManifest,
  entry: Descriptor,
  name: string | undefined,
  annotations: TextMap = {},
): IndexManifest {
  const all = { ...annotations, ...(name === undefined ? {} : { [refNameAnnotation]: name }) };
  const added: Descriptor = {
    ...bareDescriptor(entry),
    ...(Object.keys(all).length === 0 ? {} : { annotations: all }),
    ...(entry.platform === undefined ? {} : { platform: entry.platform }),
    ...(entry.artifactType === undefined ? {} : { artifactType: entry.artifactType }),
  };
  const gives = (other: Descriptor) =>
    nameOf(other) === name && (name !== undefined || other.digest === entry.digest);
  const at = index.manifests.findIndex(gives);
  const others = index.manifests.filter((other) => !gives(other));
  const position = at === -1 ? others.length : at;
  return { ...index, manifests: others.toSpliced(position, 0, added) };
}

/** The index without the entry of a name. */
export function removeEntry(index: IndexManifest, name: string): IndexManifest {
  return { ...index, manifests: index.manifests.filter((entry) => nameOf(entry) !== name) };
}

/** ref ::= component ("/" component)*, with one separator between alphanumerics (annotations.md). */
const nameForm =
  /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/;

/**
 * A name that may be given to an image in a layout: what the specification allows, or a tag. It is
 * never used as a path, but other tools may.
 */
export function checkEntryName(name: string): void {
  if (name.length <= 4096 && !name.includes("..") && (isTag(name) || nameForm.test(name))) return;
  if (tryParseReference(name) !== undefined && !name.includes("..")) return;
  throw new BivyError(
    "reference-invalid",
    `image name ${JSON.stringify(name)}: expected a tag or a reference`,
    {
      hint: "Use letters and digits, with single - . _ : @ + / between them.",
    },
  );
}
