/**
 * Simple signing payloads: what a signature beside an image says (cosign, SIGNATURE_SPEC.md;
 * containers/image, containers-signature(5)).
 */
import { type Digest, encodeText, objectField, tryParseDigest } from "../base/index.ts";
import { textField, textMapField, tryParseObject } from "./json-object.ts";

export const simpleSigningMediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
const payloadType = "cosign container image signature";

export interface SimpleSigningPayload {
  /** Of the manifest that was signed. */
  readonly digest: Digest;
  /** The name that the signer gave to the image; empty where it had none. */
  readonly reference: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export function encodePayload({
  digest,
  reference,
  annotations,
}: SimpleSigningPayload): Uint8Array {
  const optional = Object.keys(annotations).length === 0 ? null : annotations;
  return encodeText(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": reference },
        image: { "docker-manifest-digest": digest },
        type: payloadType,
      },
      optional,
    }),
  );
}

export function tryParsePayload(bytes: Uint8Array): SimpleSigningPayload | undefined {
  const document = tryParseObject(bytes);
  const critical = objectField(document, "critical");
  const digest = tryParseDigest(
    textField(objectField(critical, "image"), "docker-manifest-digest") ?? "",
  );
  if (digest === undefined || textField(critical, "type") !== payloadType) return undefined;
  return {
    digest,
    reference: textField(objectField(critical, "identity"), "docker-reference") ?? "",
    annotations: textMapField(document, "optional"),
  };
}
