/**
 * Bundles of signatures from before there were bundles: the certificate, its chain, the entry of the
 * transparency log and the timestamp stand in annotations of a signature's layer (cosign,
 * SIGNATURE_SPEC.md). Put together, the library can verify them as any bundle.
 */
import { hashBytes, type JsonObject, objectField } from "../base/index.ts";
import { encodeBase64, tryDecodeBase64 } from "./base64.ts";
import { writeContent, type BundleContent } from "./bundle.ts";
import type { Envelope } from "./dsse.ts";
import { textField, tryParseObject } from "./json-object.ts";
import { tryParsePem } from "./pem.ts";

/** The version that takes an entry of the log with a promise alone, without a proof of inclusion. */
const mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.1";

const annotationNames = {
  certificate: "dev.sigstore.cosign/certificate",
  logEntry: "dev.sigstore.cosign/bundle",
  timestamp: "dev.sigstore.cosign/rfc3161timestamp",
} as const;

export type LegacyContent =
  | { readonly kind: "envelope"; readonly envelope: Envelope }
  | {
      readonly kind: "simple-signing";
      readonly payload: Uint8Array;
      readonly signature: Uint8Array;
    };

/** The bundle of a signature with a certificate; undefined for one without, or with damaged parts. */
export function tryMakeLegacyBundle(
  content: LegacyContent,
  annotations: Readonly<Record<string, string>>,
): JsonObject | undefined {
  const field = (name: keyof typeof annotationNames): string | undefined =>
    textField(annotations, annotationNames[name]);
  const certificate = tryParsePem(field("certificate") ?? "");
  if (certificate?.label !== "CERTIFICATE") return undefined;
  const entry = tryReadLogEntry(field("logEntry"));
  const timestamp = textField(parseText(field("timestamp")), "SignedRFC3161Timestamp");
  return {
    mediaType,
    verificationMaterial: {
      x509CertificateChain: { certificates: [{ rawBytes: encodeBase64(certificate.bytes) }] },
      tlogEntries: entry === undefined ? [] : [entry],
      ...(timestamp === undefined
        ? {}
        : {
            timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: timestamp }] },
          }),
    },
    ...writeContent(content.kind === "envelope" ? content : asMessage(content)),
  };
}

/** A payload beside its signature is a message that is signed. */
function asMessage({
  payload,
  signature,
}: Extract<LegacyContent, { kind: "simple-signing" }>): BundleContent {
  return { kind: "message", message: { digest: hashBytes("sha256", payload), signature } };
}

/** The log's answer, as cosign keeps it, as the entry that a bundle has. */
function tryReadLogEntry(text: string | undefined): JsonObject | undefined {
  const answer = parseText(text);
  const payload = objectField(answer, "Payload");
  const body = textField(payload, "body");
  const logId = textField(payload, "logID");
  const { integratedTime, logIndex } = payload ?? {};
  const promise = textField(answer, "SignedEntryTimestamp");
  if (body === undefined || logId === undefined || promise === undefined) return undefined;
  if (!isWhole(integratedTime) || !isWhole(logIndex)) return undefined;
  if (!/^[0-9a-f]{64}$/.test(logId)) return undefined;
  const document = tryParseObject(tryDecodeBase64(body) ?? new Uint8Array(0));
  return {
    logIndex: String(logIndex),
    logId: { keyId: Buffer.from(logId, "hex").toString("base64") },
    kindVersion: {
      kind: textField(document, "kind") ?? "",
      version: textField(document, "apiVersion") ?? "",
    },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: promise },
    canonicalizedBody: body,
  };
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseText(text: string | undefined): JsonObject | undefined {
  return text === undefined ? undefined : tryParseObject(Buffer.from(text));
}
