/**
 * Places in memory, keys, and what cosign made, for the tests of this folder. It has no tests of its
 * own; the name keeps it out of the published package.
 */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { digestOf, encodeText, isBivyError, type Digest, type ErrorCode } from "../base/index.ts";
import {
  imageOf,
  memoryBlobs,
  openImage,
  putBlob,
  type Descriptor,
  type ImageOrIndex,
  type ImagePlace,
} from "../oci/index.ts";
import type { PrivateKey } from "./private-key.ts";
import { describePublicKey, parsePublicKey, type PublicKey } from "./public-key.ts";
import type { CheckedSignature } from "./verify.ts";

export interface MemoryPlace extends ImagePlace {
  readonly tags: Map<string, ImageOrIndex>;
  /** In the order in which they were put. */
  readonly artifacts: ImageOrIndex[];
}

/** A place that keeps what is put into it, and lists what names a subject as a registry does. */
export function memoryPlace(): MemoryPlace {
  const tags = new Map<string, ImageOrIndex>();
  const artifacts: ImageOrIndex[] = [];
  return {
    subject: "memory",
    tags,
    artifacts,
    tryOpenTag: async (tag) => tags.get(tag),
    async referrers(digest, wanted) {
      const found: Descriptor[] = [];
      for (const image of artifacts) {
        const { subject, artifactType, annotations } = await image.manifest();
        if (subject?.digest !== digest) continue;
        if (wanted !== undefined && wanted !== artifactType) continue;
        const { mediaType, digest: own, size } = image;
        found.push({
          mediaType,
          digest: own,
          size,
          ...(artifactType === undefined ? {} : { artifactType }),
          ...(annotations === undefined ? {} : { annotations }),
        });
      }
      return found;
    },
    async open({ digest }) {
      const image = [...artifacts, ...tags.values()].find((each) => each.digest === digest);
      assert.ok(image, `${digest} is not in memory`);
      return image;
    },
    async put(image, { tag } = {}) {
      if (tag === undefined) artifacts.push(image);
      else tags.set(tag, image);
    },
  };
}

/** An image with nothing in it but a name, so that its digest is its own. */
export function sampleImage(name = "sample"): ImageOrIndex {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = encodeText(JSON.stringify({ architecture: name, os: "linux" }));
  const described = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: digestOf(config),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: { ...described, size: config.byteLength },
    layers: [],
  };
  return imageOf(encodeText(JSON.stringify(manifest)), { subject: name, read: () => [config] });
}

export const keyKinds = {
  "P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  "P-384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
  "P-521": () => generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey,
  Ed25519: () => generateKeyPairSync("ed25519").privateKey,
  RSA: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
} as const;

export function sampleKey(name = "sample.key", key: KeyObject = keyKinds["P-256"]()): PrivateKey {
  return { key, publicKey: describePublicKey(createPublicKey(key), name) };
}

/** What cosign-samples.json holds. */
interface CosignSamples {
  readonly image: Descriptor;
  /** Tag to digest. */
  readonly tags: Readonly<Record<string, Digest>>;
  readonly referrers: readonly Descriptor[];
  /** PEM, by kind. */
  readonly publicKeys: Readonly<Record<keyof typeof keyKinds, string>>;
  /** That of P-256. */
  readonly privateKey: string;
  readonly passphrase: string;
  /** By digest; all are text. */
  readonly blobs: Readonly<Record<Digest, string>>;
}

export const cosignSamples = JSON.parse(
  readFileSync(new URL("cosign-samples.json", import.meta.url), "utf8"),
) as CosignSamples;

export function cosignKey(kind: keyof typeof keyKinds): PublicKey {
  return parsePublicKey(cosignSamples.publicKeys[kind], kind);
}

/** A place with what cosign made. */
export async function cosignPlace(): Promise<ImagePlace> {
  const blobs = memoryBlobs("cosign");
  const sizes = new Map<string, number>();
  for (const [digest, text] of Object.entries(cosignSamples.blobs)) {
    const bytes = encodeText(text);
    sizes.set(digest, bytes.byteLength);
    await putBlob(blobs, { digest: digest as Digest, size: bytes.byteLength }, () => [bytes]);
  }
  const mediaType = cosignSamples.image.mediaType;
  return {
    subject: "cosign",
    async tryOpenTag(tag) {
      const digest = cosignSamples.tags[tag];
      if (digest === undefined) return undefined;
      return openImage({ mediaType, digest, size: sizes.get(digest)! }, blobs);
    },
    referrers: async (digest) =>
      digest === cosignSamples.image.digest ? cosignSamples.referrers : [],
    open: (descriptor) => openImage(descriptor, blobs),
    put: () => assert.fail("the samples stay as they are"),
  };
}

/** The verdicts in one word each: who signed, or what is wrong. */
export function verdictsOf(checked: readonly CheckedSignature[]): string[] {
  return checked.map(({ verdict }) => {
    if (verdict.status === "unchecked") return "unchecked";
    if (verdict.status === "invalid") return verdict.fault;
    return verdict.signer.kind === "key" ? verdict.signer.name : verdict.signer.identity;
  });
}

/** Why the first does not count. */
export function reasonOf([first]: readonly CheckedSignature[]): string {
  return first?.verdict.status === "invalid" ? first.verdict.reason : "there is nothing wrong";
}

export async function fails(work: () => unknown, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(
    async () => work(),
    (error) => {
      assert.ok(isBivyError(error, code), `expected ${code}: ${String(error)}`);
      assert.match(error.message, message);
      return true;
    },
  );
}
