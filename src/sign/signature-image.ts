/**
 * Signature images: what is signed about an image is kept as an image of its own, whose layers are
 * the signed documents. It is found by a tag made of the digest of the image that it is about
 * (cosign, SIGNATURE_SPEC.md and ATTESTATION_SPEC.md), or as its referrer (cosign, BUNDLE_SPEC.md).
 */
import {
  BivyError,
  digestOf,
  encodeText,
  type Chunks,
  type Digest,
  type Limits,
} from "../base/index.ts";
import {
  imageOf,
  makeArtifact,
  mediaTypes,
  memoryBlobs,
  putBlob,
  type BlobStore,
  type Descriptor,
  type Image,
  type ImageOrIndex,
} from "../oci/index.ts";
import { bundleMediaType } from "./bundle.ts";

export const envelopeMediaType = "application/vnd.dsse.envelope.v1+json";
/** Of signatures as referrers, before bundles were (cosign, experimental). */
export const signatureArtifactType = "application/vnd.dev.cosign.artifact.sig.v1+json";
/** Holds the signature of a document that does not hold it itself. */
export const signatureAnnotation = "dev.cosignproject.cosign/signature";

/** What a document is kept as. */
export interface SignedDocument {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The tag of the signatures of an image. */
export function signatureTag(digest: Digest): string {
  return `${digest.replace(":", "-")}.sig`;
}

/** The tag of the attestations of an image. */
export function attestationTag(digest: Digest): string {
  return `${digest.replace(":", "-")}.att`;
}

/** The signature image `before`, or an empty one, with one more document. What it holds stays as it is. */
export async function appendDocument(
  before: ImageOrIndex | undefined,
  document: SignedDocument,
  limits: Limits,
): Promise<Image> {
  if (before?.kind === "index")
    throw new BivyError(
      "image-invalid",
      `${before.subject}: image index ${before.digest}: expected an image with signatures`,
      {
        hint: "Something else has the tag that belongs to signatures. Remove it, then sign again.",
      },
    );
  const manifest = await before?.manifest();
  const added = memoryBlobs();
  const layers = [...(manifest?.layers ?? []), await keep(added, document)];
  // The form of cosign's config: time stands still in it, and diff ids are those of the documents.
  const never = "0001-01-01T00:00:00Z";
  const config = await keep(added, {
    mediaType: mediaTypes.config,
    bytes: encodeJson({
      architecture: "",
      created: never,
      history: layers.map(() => ({ created: never })),
      os: "",
      rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
      config: {},
    }),
    annotations: {},
  });
  return openMade(
    { ...manifest, schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers },
    added,
    limits,
    before,
  );
}

/** The artifact that carries a bundle about `subject`, which a registry lists as its referrer. */
export function makeBundleArtifact(
  subject: Descriptor,
  bundle: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  limits: Limits,
): Promise<Image> {
  return makeArtifact(
    {
      artifactType: bundleMediaType,
      documents: [{ mediaType: bundleMediaType, bytes: bundle }],
      subject,
      annotations,
      name: "signatures",
    },
    limits,
  );
}

async function keep(
  blobs: BlobStore,
  { mediaType, bytes, annotations }: SignedDocument,
): Promise<Descriptor> {
  const address = { digest: digestOf(bytes), size: bytes.byteLength };
  await putBlob(blobs, address, () => [bytes]);
  return {
    mediaType,
    ...address,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** The image of a manifest whose blobs are those that were added, or else those of the image before. */
async function openMade(
  manifest: object,
  added: BlobStore,
  limits: Limits,
  before?: Image,
): Promise<Image> {
  const { layers = [] } = (await before?.manifest()) ?? {};
  const image = imageOf(
    encodeJson(manifest),
    {
      subject: "signatures",
      read(address): Chunks {
        const old = layers.find(({ digest }) => digest === address.digest);
        return old === undefined ? added.read(address) : before!.blob(old).chunks();
      },
    },
    { limits },
  );
  if (image.kind === "index") throw new TypeError("expected the manifest of an image");
  return image;
}

function encodeJson(value: object): Uint8Array {
  return encodeText(JSON.stringify(value));
}
