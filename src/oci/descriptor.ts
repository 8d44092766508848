/** Descriptors: what a blob is, its size and its digest (OCI image-spec, descriptor.md). */
import { tryParseDigest, type Digest } from "../base/index.ts";
import {
  checkDigest,
  checkFields,
  checkMap,
  checkSize,
  checkText,
  fieldError,
  orderFields,
  sortMap,
  type JsonObject,
  type TextMap,
} from "./document.ts";
import { checkPlatform, orderPlatform, type Platform } from "./platform.ts";

/** Fields that are not named here (`urls`, `data`) remain in the object. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly annotations?: TextMap;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** The name of an image in an index: a tag, or a whole reference (image-spec, annotations.md). */
export const refNameAnnotation = "org.opencontainers.image.ref.name";

/** Marks what belongs to another image of the same index, as buildx's attestations do. */
const referenceTypeAnnotation = "vnd.docker.reference.type";

const referenceDigestAnnotation = "vnd.docker.reference.digest";

export function checkDescriptor(value: unknown, at: string): Descriptor {
  const fields = checkFields(value, at, {
    mediaType: checkText,
    digest: checkDigest,
    size: checkSize,
    annotations: checkMap(checkText),
    platform: checkPlatform,
    artifactType: checkText,
  });
  for (const name of ["mediaType", "digest", "size"])
    if (!Object.hasOwn(fields, name)) throw fieldError(`${at}: ${name}`, "a value", undefined);
  return fields as unknown as Descriptor;
}

export function orderDescriptor(descriptor: Descriptor): JsonObject {
  const { annotations, platform } = descriptor;
  return orderFields(
    {
      ...descriptor,
      ...(annotations === undefined ? {} : { annotations: sortMap(annotations) }),
      ...(platform === undefined ? {} : { platform: orderPlatform(platform) }),
    },
    ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"],
  );
}

/** Whether an index's child is an attestation: it is copied with the index, but never chosen to run. */
export function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.[referenceTypeAnnotation] === "attestation-manifest" ||
    (descriptor.platform?.os === "unknown" && descriptor.platform.architecture === "unknown")
  );
}

/** The digest of the image of the same index that an attestation is about, where it says so. */
export function attestedDigest({ annotations }: Descriptor): Digest | undefined {
  const digest = annotations?.[referenceDigestAnnotation];
  return digest === undefined ? undefined : tryParseDigest(digest);
}

/** The descriptor without what an index says about it: type, digest and size alone. */
export function bareDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
