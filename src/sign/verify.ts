/**
 * Verifying signatures: which signatures and attestations of an image are by whom they should be, and
 * about this image.
 *
 * Of each signed document it is first found out who signed exactly its bytes: a key that the policy
 * names, or a certificate with an identity that it names. Only then does it matter what the document
 * says: it must name the digest of the image. Every document gets its own verdict, so that one which
 * somebody else attached does not decide about the others.
 */
import { defaultLimits, type Digest, type Limits } from "../base/index.ts";
import type { Descriptor, ImagePlace } from "../oci/index.ts";
import type { MessageSignature } from "./bundle.ts";
import type { CertificateSigner } from "./certificate-signer.ts";
import { inTotoPayloadType, preAuthenticationEncoding } from "./dsse.ts";
import { findSignatures, type FoundContent, type FoundSignature } from "./find.ts";
import { acceptsIdentity, type SignaturePolicy } from "./policy.ts";
import { signaturePredicateType } from "./predicate-type.ts";
import { signatureHolds, type PublicKey } from "./public-key.ts";
import { tryParsePayload } from "./simple-signing.ts";
import { tryParseStatement } from "./statement.ts";

export type Signer =
  | {
      readonly kind: "key";
      /** As the policy names the key. */
      readonly name: string;
      /** The SHA-256 of the key in DER, in base64. */
      readonly hint: string;
    }
  | ({ readonly kind: "certificate" } & CertificateSigner);

export type SignatureFault =
  /** It cannot be read, or its signature does not fit what it says. */
  | "damaged"
  /** By none of the keys and identities of the policy. */
  | "other-signer"
  /** The certificate was not valid when it signed. */
  | "expired"
  /** No trusted authority or log vouches for the certificate. */
  | "untrusted"
  /** Signed, but about another image. */
  | "other-image"
  /** Signed, but without an annotation that the policy asks for. */
  | "other-claims";

export type Verdict =
  | { readonly status: "valid"; readonly signer: Signer }
  | { readonly status: "invalid"; readonly fault: SignatureFault; readonly reason: string }
  /** There was no policy to check it by. */
  | { readonly status: "unchecked" };

export interface CheckedSignature {
  /** The image that it was found at. */
  readonly digest: Digest;
  /** Where it is, such as `tag sha256-….sig` or `referrer sha256:…`. */
  readonly source: string;
  readonly verdict: Verdict;
  /** What an attestation is about. Like all that follows, it is a mere claim unless the verdict is valid. */
  readonly predicateType?: string;
  /** The name that the signer gave to the image. */
  readonly reference?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SignatureReport {
  readonly signatures: readonly CheckedSignature[];
  readonly attestations: readonly CheckedSignature[];
}

/**
 * Finds and checks all that is signed about images. Of several, such as an index and the image chosen
 * from it, each may be what was signed. Without a policy it only lists.
 */
export async function verifyImageSignatures(
  images: Descriptor | readonly Descriptor[],
  place: ImagePlace,
  policy?: SignaturePolicy,
  limits: Limits = defaultLimits,
): Promise<SignatureReport> {
  const signatures: CheckedSignature[] = [];
  const attestations: CheckedSignature[] = [];
  for (const image of "digest" in images ? [images] : images)
    for await (const found of findSignatures(place, image.digest, limits)) {
      const { kind, ...claims } = readClaims(found.content);
      const verdict: Verdict =
        policy === undefined
          ? { status: "unchecked" }
          : await judge(found, claims, { image, place, policy });
      const { predicateType, reference, annotations = {} } = claims;
      (kind === "signature" ? signatures : attestations).push({
        digest: image.digest,
        source: found.source,
        verdict,
        ...(predicateType === undefined || kind === "signature" ? {} : { predicateType }),
        ...(reference === undefined || reference === "" ? {} : { reference }),
        annotations,
      });
    }
  return { signatures, attestations };
}

/** Characters of what others wrote that stand in a reason. */
const longestQuote = 200;

/** What a document says about itself. */
interface Claims {
  /** The images that it is about; undefined where it cannot be read. */
  readonly digests?: readonly Digest[];
  readonly predicateType?: string;
  readonly reference?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function readClaims(
  content: FoundContent,
): Claims & { readonly kind: "signature" | "attestation" } {
  switch (content.kind) {
    case "damaged":
      return { kind: "signature" };
    case "message":
      return { kind: "signature", digests: [`sha256:${toHex(content.message.digest)}`] };
    case "simple-signing": {
      const payload = tryParsePayload(content.payload);
      if (payload === undefined) return { kind: "signature" };
      const { digest, reference, annotations } = payload;
      return { kind: "signature", digests: [digest], reference, annotations };
    }
    case "envelope": {
      const { payloadType, payload } = content.envelope;
      const statement = payloadType === inTotoPayloadType ? tryParseStatement(payload) : undefined;
      if (statement === undefined) return { kind: "attestation" };
      const { predicateType, subjects } = statement;
      const { name, annotations } = subjects[0] ?? {};
      return {
        kind: predicateType === signaturePredicateType ? "signature" : "attestation",
        digests: subjects.flatMap(({ digest }) => digest ?? []),
        predicateType,
        ...(name === undefined ? {} : { reference: name }),
        // Of one subject: those of another image say nothing about this one.
        ...(subjects.length === 1 && annotations !== undefined ? { annotations } : {}),
      };
    }
  }
}

interface Question {
  readonly image: Descriptor;
  readonly place: ImagePlace;
  readonly policy: SignaturePolicy;
}

async function judge(found: FoundSignature, claims: Claims, question: Question): Promise<Verdict> {
  const { image, policy } = question;
  const authenticated = await authenticate(found, question);
  if (authenticated.status !== "valid") return authenticated;
  if (claims.digests === undefined)
    return invalid("damaged", "what was signed is not what a signature of an image says");
  if (!claims.digests.includes(image.digest))
    return invalid(
      "other-image",
      `it is about ${claims.digests[0] ?? "no image"}, not ${image.digest}`,
    );
  if (claims.predicateType !== undefined && claims.predicateType !== signaturePredicateType)
    return authenticated;
  for (const [name, expected] of Object.entries(policy.annotations ?? {})) {
    const actual = textOf(claims.annotations, name);
    if (actual === expected) continue;
    const said = actual === undefined ? "no such annotation" : quoted(actual);
    return invalid("other-claims", `expected ${name}=${expected}, found ${said}`);
  }
  return authenticated;
}

function textOf(map: Claims["annotations"], name: string): string | undefined {
  return map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}

/** Who signed exactly these bytes. */
async function authenticate(found: FoundSignature, question: Question): Promise<Verdict> {
  const { content, keyHint, certificateBundle } = found;
  const { keys = [], certificates } = question.policy;
  if (content.kind === "damaged") return invalid("damaged", content.reason);
  if (content.kind === "message" && !isMessage(content.message, question.image.digest))
    return invalid("other-image", "it is about another manifest, or about something else");
  const { signed, signatures } = await signedBytes(content, question);
  for (const { key, name, hint } of keys)
    if (signatures.some((signature) => signatureHolds(key, signed, signature)))
      return { status: "valid", signer: { kind: "key", name, hint } };
  const named = keys.find(({ hint }) => hint === keyHint);
  if (named !== undefined) return invalid("damaged", misfit(named));
  if (certificateBundle === undefined)
    return invalid(
      "other-signer",
      keys.length === 0
        ? "it is signed with a key pair, and no key was given"
        : `it is not by ${keys.map(({ name }) => name).join(" or ")}, or was changed since`,
    );
  if (certificates === undefined)
    return invalid("other-signer", "it is signed with a certificate, and no identity was given");

  const message = content.kind === "envelope" ? undefined : signed;
  const outcome = await certificates.root.verify(certificateBundle, message);
  if (outcome.kind === "fault") return invalid(outcome.fault, outcome.reason);
  const { signer } = outcome;
  if (acceptsIdentity(signer, certificates.identities))
    return { status: "valid", signer: { kind: "certificate", ...signer } };
  const who = `${quoted(signer.identity)} of ${quoted(signer.issuer)}`;
  return invalid("other-signer", `it is by ${who}, who may not sign this image`);
}

/** What others wrote, for a reason. */
function quoted(text: string): string {
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}

function misfit({ name, key }: PublicKey): string {
  const reason = `it names ${name}, but does not fit that key and its content`;
  // RFC 8032, section 5.1: cosign 3 signs bundles so, and Node cannot verify it.
  return key.asymmetricKeyType === "ed25519" ? `${reason}, unless it is Ed25519ph` : reason;
}

/** Whether a signature over bytes that it does not hold is over the manifest of the image. */
function isMessage({ digest }: MessageSignature, image: Digest): boolean {
  return image === `sha256:${toHex(digest)}`;
}

async function signedBytes(
  content: Exclude<FoundContent, { kind: "damaged" }>,
  { image, place }: Question,
): Promise<{ readonly signed: Uint8Array; readonly signatures: readonly Uint8Array[] }> {
  switch (content.kind) {
    case "simple-signing":
      return { signed: content.payload, signatures: [content.signature] };
    case "envelope": {
      const { payloadType, payload, signatures } = content.envelope;
      return { signed: preAuthenticationEncoding(payloadType, payload), signatures };
    }
    case "message": {
      const { signature } = content.message;
      return { signed: await (await place.open(image)).rawManifest(), signatures: [signature] };
    }
  }
}

function invalid(fault: SignatureFault, reason: string): Verdict {
  return { status: "invalid", fault, reason };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
