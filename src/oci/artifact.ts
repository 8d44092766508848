/**
 * Artifacts: documents that are kept as an image is, in layouts, archives and registries, though they
 * are none (OCI image-spec, manifest.md, guidelines for artifact usage). Each document is a layer, as it is.
 */
import { encodeText, type Chunks, type Limits } from "../base/index.ts";
import { addressOf, memoryBlobs, putBlob, type BlobStore } from "./blobs.ts";
import { bareDescriptor, type Descriptor } from "./descriptor.ts";
import { type TextMap } from "./document.ts";
import { imageOf, type Image } from "./image.ts";
import { mediaTypes } from "./media-type.ts";

/** One document, or one that an artifact has already. */
export interface ArtifactDocument {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations?: TextMap;
}

export interface ArtifactParts {
  readonly artifactType: string;
  readonly documents: readonly ArtifactDocument[];
  /** The image that it is about: its referrer. */
  readonly subject?: Descriptor;
  readonly annotations?: TextMap;
  /** What messages call it; default its type. */
  readonly name?: string;
}

const emptyMediaType = "application/vnd.oci.empty.v1+json";
const emptyDocument = encodeText("{}");

/** An artifact whose documents are in memory. */
export async function makeArtifact(parts: ArtifactParts, limits: Limits): Promise<Image> {
  const { artifactType, documents, subject, annotations, name = artifactType } = parts;
  const blobs = memoryBlobs(name);
  const config = await keep(blobs, { mediaType: emptyMediaType, bytes: emptyDocument });
  const layers: Descriptor[] = [];
  for (const document of documents) layers.push(await keep(blobs, document));
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType,
    config,
    layers,
    ...(subject === undefined ? {} : { subject: bareDescriptor(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const image = imageOf(
    encodeText(JSON.stringify(manifest)),
    { subject: name, read: (address): Chunks => blobs.read(address) },
    { limits },
  );
  if (image.kind === "index") throw new TypeError("expected the manifest of an artifact");
  return image;
}

async function keep(
  blobs: BlobStore,
  { mediaType, bytes, annotations }: ArtifactDocument,
): Promise<Descriptor> {
  const address = addressOf(bytes);
  await putBlob(blobs, address, () => [bytes]);
  return { mediaType, ...address, ...(annotations === undefined ? {} : { annotations }) };
}
