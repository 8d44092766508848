/**
 * Referrers for the tests of this folder: artifacts that are about an image. It has no tests of its
 * own; the name keeps it out of the published package.
 */
import { encodeText, type Chunks } from "../base/index.ts";
import { addressOf, memoryBlobs, putBlob, type BlobAddress } from "./blobs.ts";
import { imageOf, type Image, type ImageIndex, type ImageOrIndex } from "./image.ts";
import { encodeIndex, encodeManifest } from "./manifest.ts";
import { mediaTypes } from "./media-type.ts";

export const sampleArtifactType = "application/vnd.example.signature";

/** An artifact about an image; its config is empty, or whatever the bytes given are. */
export async function sampleReferrer(
  subject: ImageOrIndex,
  text: string,
  config?: Uint8Array,
): Promise<Image> {
  const blobs = memoryBlobs();
  const put = async (bytes: Uint8Array): Promise<BlobAddress> => {
    await putBlob(blobs, addressOf(bytes), (): Chunks => [bytes]);
    return addressOf(bytes);
  };
  const raw = encodeManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: sampleArtifactType,
    config: {
      mediaType:
        config === undefined
          ? "application/vnd.oci.empty.v1+json"
          : "application/vnd.example.config",
      ...(await put(config ?? encodeText("{}"))),
    },
    layers: [{ mediaType: "application/octet-stream", ...(await put(encodeText(text))) }],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: { text },
  });
  return imageOf(raw, blobs) as Image;
}

/** The index that lists referrers under the tag of their subject, where there is no referrers API. */
export async function sampleReferrersIndex(...referrers: readonly Image[]): Promise<ImageIndex> {
  const raw = encodeIndex({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: referrers.map(({ mediaType, digest, size }) => ({
      mediaType,
      digest,
      size,
      artifactType: sampleArtifactType,
      annotations: { listed: "yes" },
    })),
  });
  const index = imageOf(raw, memoryBlobs()) as ImageIndex;
  const children = (await index.children()).map(({ descriptor }, position) => ({
    descriptor,
    open: async () => referrers[position]!,
  }));
  return { ...index, children: async () => children };
}
