/**
 * Manifests and image indexes as data (OCI image-spec, manifest.md and image-index.md; Docker's
 * schema 2 has the same fields).
 */
import { BivyError } from "../base/index.ts";
import { checkDescriptor, orderDescriptor, type Descriptor } from "./descriptor.ts";
import {
  checkFields,
  checkInteger,
  checkList,
  checkMap,
  checkText,
  encodeDocument,
  fieldError,
  orderFields,
  parseDocument,
  sortMap,
  type JsonObject,
  type TextMap,
} from "./document.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-type.ts";

/** Fields that are not named here remain in the object, and are written again. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: TextMap;
}

/** Fields that are not named here remain in the object, and are written again. */
export interface IndexManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: TextMap;
}

export type ManifestDocument =
  | { readonly kind: "image"; readonly manifest: Manifest }
  | { readonly kind: "index"; readonly manifest: IndexManifest };

const shared = {
  schemaVersion: checkInteger,
  mediaType: checkText,
  artifactType: checkText,
  subject: checkDescriptor,
  annotations: checkMap(checkText),
};

/**
 * Reads a manifest or an image index, which the bytes say themselves: a document may lack its
 * `mediaType`, but one that is both (CVE-2021-41190), or is not what `mediaType` (of its descriptor)
 * says, is refused.
 */
export function parseManifest(
  bytes: Uint8Array,
  subject: string,
  mediaType?: string,
): ManifestDocument {
  const document = parseDocument(bytes, subject);
  if (document["schemaVersion"] !== 2) throw schemaError(document["schemaVersion"], subject);
  const isIndex = Object.hasOwn(document, "manifests");
  const isImage = Object.hasOwn(document, "config") || Object.hasOwn(document, "layers");
  if (isIndex === isImage)
    throw new BivyError(
      "image-invalid",
      `${subject}: expected a manifest (config, layers) or an image index (manifests), found ${isIndex ? "both" : "neither"}`,
    );
  for (const claimed of [mediaType, document["mediaType"]])
    if (claimed !== undefined && claimed !== null) checkMediaType(claimed, isIndex, subject);
  if (isIndex) {
    const fields = checkFields(document, subject, {
      ...shared,
      manifests: checkList(checkDescriptor),
    });
    return { kind: "index", manifest: { manifests: [], ...fields } as unknown as IndexManifest };
  }
  const fields = checkFields(document, subject, {
    ...shared,
    config: checkDescriptor,
    layers: checkList(checkDescriptor),
  });
  if (!Object.hasOwn(fields, "config"))
    throw fieldError(`${subject}: config`, "a value", undefined);
  return { kind: "image", manifest: { layers: [], ...fields } as unknown as Manifest };
}

function checkMediaType(claimed: unknown, isIndex: boolean, subject: string): void {
  const mediaType = checkText(claimed, `${subject}: mediaType`);
  if (isIndex ? isIndexType(mediaType) : isManifestType(mediaType)) return;
  throw fieldError(
    `${subject}: mediaType`,
    isIndex ? "that of an image index" : "that of an image manifest",
    mediaType,
  );
}

function schemaError(found: unknown, subject: string): BivyError {
  if (found !== 1) return fieldError(`${subject}: schemaVersion`, "2", found);
  return new BivyError("image-invalid", `${subject}: expected schema version 2, found 1`, {
    hint: "The image is older than Docker 1.10 and registries no longer take it: build it anew.",
  });
}

const order = [
  "schemaVersion",
  "mediaType",
  "artifactType",
  "config",
  "layers",
  "manifests",
  "subject",
  "annotations",
];

/** The bytes of a manifest: a fixed order of fields, so that the same data gives the same digest. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return encodeDocument(
    orderFields(
      {
        ...orderShared(manifest),
        config: orderDescriptor(manifest.config),
        layers: manifest.layers.map(orderDescriptor),
      },
      order,
    ),
  );
}

/** The bytes of an image index. */
export function encodeIndex(index: IndexManifest): Uint8Array {
  return encodeDocument(
    orderFields({ ...orderShared(index), manifests: index.manifests.map(orderDescriptor) }, order),
  );
}

function orderShared(document: Manifest | IndexManifest): JsonObject {
  const { subject, annotations } = document;
  return {
    ...document,
    ...(subject === undefined ? {} : { subject: orderDescriptor(subject) }),
    ...(annotations === undefined ? {} : { annotations: sortMap(annotations) }),
  };
}

/** The media type of a manifest's bytes, also where neither it nor its descriptor says one. */
export function mediaTypeOf(document: ManifestDocument): string {
  return (
    document.manifest.mediaType ??
    (document.kind === "index" ? mediaTypes.index : mediaTypes.manifest)
  );
}
