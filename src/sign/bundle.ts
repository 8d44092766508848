/**
 * Sigstore bundles: a signature with all that it takes to verify it, in one JSON document
 * (sigstore/protobuf-specs, sigstore_bundle.proto; versions 0.1 to 0.3).
 */
import { encodeText, listField, objectField, type JsonObject } from "../base/index.ts";
import { encodeBase64, tryDecodeBase64 } from "./base64.ts";
import { tryReadEnvelope, writeEnvelope, type Envelope } from "./dsse.ts";
import { textField } from "./json-object.ts";

/** The media type of the bundles that are written. */
export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

const bundleTypeForm =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.\d+\+json|\+json;version=0\.\d+)$/;

/** Whether a media type is that of a bundle, of whatever version. */
export function isBundleType(mediaType: string): boolean {
  return bundleTypeForm.test(mediaType);
}

/** A signature over bytes that are not in the bundle. */
export interface MessageSignature {
  /** The SHA-256 of the message. */
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

export type BundleContent =
  | { readonly kind: "envelope"; readonly envelope: Envelope }
  | { readonly kind: "message"; readonly message: MessageSignature };

export interface Bundle {
  readonly content: BundleContent;
  /** What the signer calls the key. */
  readonly keyHint?: string;
  /**
   * Where a certificate says who signed, the bundle for the library. It is written anew: what the
   * library verifies is what is read here, also of a document with two contents.
   */
  readonly certificateBundle?: JsonObject;
}

export function tryReadBundle(document: JsonObject | undefined): Bundle | undefined {
  const mediaType = textField(document, "mediaType") ?? "";
  const content = tryReadContent(document);
  if (!isBundleType(mediaType) || content === undefined) return undefined;
  const verificationMaterial = objectField(document, "verificationMaterial");
  const keyHint = textField(objectField(verificationMaterial, "publicKey"), "hint");
  return {
    content,
    ...(keyHint === undefined ? {} : { keyHint }),
    ...(hasCertificate(verificationMaterial)
      ? { certificateBundle: { mediaType, verificationMaterial, ...writeContent(content) } }
      : {}),
  };
}

function hasCertificate(material: JsonObject | undefined): boolean {
  const chain = listField(objectField(material, "x509CertificateChain"), "certificates");
  return chain.length > 0 || objectField(material, "certificate") !== undefined;
}

function tryReadContent(document: JsonObject | undefined): BundleContent | undefined {
  const envelope = tryReadEnvelope(objectField(document, "dsseEnvelope"));
  if (envelope !== undefined) return { kind: "envelope", envelope };
  const message = objectField(document, "messageSignature");
  const hash = objectField(message, "messageDigest");
  const digest = tryDecodeBase64(textField(hash, "digest") ?? "?");
  const signature = tryDecodeBase64(textField(message, "signature") ?? "?");
  if (textField(hash, "algorithm") !== "SHA2_256" || digest === undefined) return undefined;
  return signature === undefined ? undefined : { kind: "message", message: { digest, signature } };
}

/** The content as it stands in a bundle. */
export function writeContent(content: BundleContent): JsonObject {
  if (content.kind === "envelope") return { dsseEnvelope: writeEnvelope(content.envelope) };
  const { digest, signature } = content.message;
  return {
    messageSignature: {
      messageDigest: { algorithm: "SHA2_256", digest: encodeBase64(digest) },
      signature: encodeBase64(signature),
    },
  };
}

/** The bundle of an envelope that was signed with a key pair. */
export function encodeKeyBundle(envelope: Envelope, keyHint: string): Uint8Array {
  return encodeText(
    JSON.stringify({
      mediaType: bundleMediaType,
      verificationMaterial: { publicKey: { hint: keyHint } },
      ...writeContent({ kind: "envelope", envelope }),
    }),
  );
}
