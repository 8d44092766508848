/**
 * Attestations: statements about images in the image index that they stand in, as BuildKit attaches
 * them (moby/buildkit, docs/attestations/attestation-storage.md). What is said about one image makes one
 * attestation manifest, whose layers are in-toto statements and whose platform no machine has.
 */
import { defaultLimits } from "../base/index.ts";
import { makeImage, makeIndex, type IndexPart } from "./assemble.ts";
import { addressOf, putBlob, type BlobStore } from "./blobs.ts";
import { type TextMap } from "./document.ts";
import { type Image, type ImageIndex } from "./image.ts";
import { layerOf, type Layer } from "./layer.ts";
import { type Platform } from "./platform.ts";

/** An in-toto statement. */
export interface Attestation {
  /** A URI: the statement's own, by which readers find it without fetching it. */
  readonly predicateType: string;
  /** The statement, whose subject should be the digest of the image. */
  readonly statement: Uint8Array;
}

export interface AttestedImage {
  readonly image: Image;
  /** None: the image stands in the index without an attestation manifest. */
  readonly attestations: readonly Attestation[];
}

const statementMediaType = "application/vnd.in-toto+json";
const unknownPlatform: Platform = { os: "unknown", architecture: "unknown" };

/**
 * An image index of the images, each for its platform, then of their attestation manifests. The
 * statements are put into `blobs`, which must be there for as long as the index is read.
 */
export async function attachAttestations(
  images: readonly AttestedImage[],
  blobs: BlobStore,
  annotations?: TextMap,
): Promise<ImageIndex> {
  const manifests: IndexPart[] = [];
  for (const { image, attestations } of images) {
    if (attestations.length === 0) continue;
    manifests.push({
      image: await attestationManifest(attestations, blobs),
      platform: unknownPlatform,
      annotations: {
        "vnd.docker.reference.digest": image.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
    });
  }
  return makeIndex([...images.map(({ image }) => ({ image })), ...manifests], annotations);
}

async function attestationManifest(
  attestations: readonly Attestation[],
  blobs: BlobStore,
): Promise<Image> {
  const layers: Layer[] = [];
  for (const attestation of attestations) layers.push(await putStatement(attestation, blobs));
  return makeImage({ platform: unknownPlatform, config: {}, layers });
}

/** A layer that is no tar: what its diff id names is the statement itself. */
async function putStatement(
  { predicateType, statement }: Attestation,
  blobs: BlobStore,
): Promise<Layer> {
  const address = addressOf(statement);
  await putBlob(blobs, address, () => [statement]);
  const descriptor = {
    mediaType: statementMediaType,
    ...address,
    annotations: { "in-toto.io/predicate-type": predicateType },
  };
  return layerOf({ descriptor, diffId: address.digest }, blobs, defaultLimits);
}
