/**
 * Signers with a certificate: a short-lived certificate says who signed, and a transparency log or a
 * timestamp when, so that no key has to be kept. The library of sigstore verifies them; here its
 * input is bounded, and its errors are told apart.
 */
import type { SerializedBundle } from "@sigstore/bundle";
import type { TrustMaterial } from "@sigstore/verify";
import { asObject, listField, messageOf, objectField, type JsonObject } from "../base/index.ts";
import { textField } from "./json-object.ts";

/** Who signed, as the certificate says. */
export interface CertificateSigner {
  /** The subject's alternative name: an address, or the URI of a workflow. */
  readonly identity: string;
  /** The OpenID Connect issuer that vouched for the identity; empty where the certificate names none. */
  readonly issuer: string;
}

export type CertificateVerdict =
  | { readonly kind: "signer"; readonly signer: CertificateSigner }
  | {
      readonly kind: "fault";
      readonly fault: "damaged" | "expired" | "untrusted";
      readonly reason: string;
    };

/** Base64 characters of one certificate or timestamp; honest ones have about 2,000. */
const largestDocument = 40_000;
/** Entries of the log, timestamps, and certificates of a chain, each; honest bundles have up to three. */
const mostDocuments = 8;

/**
 * Verifies timestamps, certificate, entries of the log, and signature of a bundle. `message` is what
 * was signed where the bundle does not hold it.
 */
export async function verifyCertificateBundle(
  bundle: JsonObject,
  material: TrustMaterial,
  message?: Uint8Array,
): Promise<CertificateVerdict> {
  if (!isBounded(bundle)) return fault("damaged", "its certificate or log entries are too large");
  const [{ bundleFromJSON }, { toSignedEntity, Verifier, VerificationError }] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/verify"),
  ]);
  try {
    const entity = toSignedEntity(
      bundleFromJSON(bundle as unknown as SerializedBundle),
      message === undefined ? undefined : Buffer.from(message),
    );
    const { identity } = new Verifier(material).verify(entity);
    return {
      kind: "signer",
      signer: {
        identity: identity?.subjectAlternativeName ?? "",
        issuer: identity?.extensions?.issuer ?? "",
      },
    };
  } catch (error) {
    if (error instanceof VerificationError) return explain(error.code, error);
    // What the library cannot even read: wrong fields, wrong DER.
    return fault("damaged", `its bundle cannot be read: ${messageOf(error)}`);
  }
}

function explain(code: string, error: Error): CertificateVerdict {
  const detail = error.cause === undefined ? error.message : messageOf(error.cause);
  switch (code) {
    case "SIGNATURE_ERROR":
    case "TLOG_BODY_ERROR":
      return fault("damaged", `the signature does not fit its content: ${detail}`);
    case "CERTIFICATE_ERROR":
      if (/expired/.test(detail))
        return fault(
          "expired",
          "its certificate had expired, or was not valid yet, when it signed",
        );
      return fault("untrusted", `its certificate is not by a trusted authority: ${detail}`);
    case "TIMESTAMP_ERROR":
      return fault("untrusted", `nothing trusted says when it was signed: ${detail}`);
    default:
      return fault("untrusted", `it is not in a trusted transparency log: ${detail}`);
  }
}

/** Errors of the library may quote what they stumbled over. */
const longestReason = 300;

function fault(name: "damaged" | "expired" | "untrusted", reason: string): CertificateVerdict {
  return { kind: "fault", fault: name, reason: reason.slice(0, longestReason) };
}

/** The library copies what is nested once for each level, and compares each timestamp with each. */
function isBounded(bundle: JsonObject): boolean {
  const material = objectField(bundle, "verificationMaterial");
  const certificates = [
    ...listField(objectField(material, "x509CertificateChain"), "certificates"),
    objectField(material, "certificate"),
  ].map((value) => textField(asObject(value), "rawBytes"));
  const timestamps = listField(
    objectField(material, "timestampVerificationData"),
    "rfc3161Timestamps",
  ).map((value) => textField(asObject(value), "signedTimestamp"));
  const entries = listField(material, "tlogEntries");
  return (
    [certificates, timestamps, entries].every((list) => list.length <= mostDocuments) &&
    [...certificates, ...timestamps].every((text) => (text ?? "").length <= largestDocument)
  );
}
