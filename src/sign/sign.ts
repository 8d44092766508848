/**
 * Signing images: a signature or an attestation is made and put beside the image, and those that are
 * there already stay.
 */
import { defaultLimits, encodeText, equalBytes, type Digest, type Limits } from "../base/index.ts";
import { formatCreated, type Descriptor, type ImagePlace } from "../oci/index.ts";
import { encodeBase64 } from "./base64.ts";
import { encodeKeyBundle } from "./bundle.ts";
import {
  inTotoPayloadType,
  preAuthenticationEncoding,
  writeEnvelope,
  type Envelope,
} from "./dsse.ts";
import { findReferring, findTagged } from "./find.ts";
import { signaturePredicateType } from "./predicate-type.ts";
import { signBytes, type PrivateKey } from "./private-key.ts";
import { signatureHolds } from "./public-key.ts";
import {
  appendDocument,
  attestationTag,
  envelopeMediaType,
  makeBundleArtifact,
  signatureAnnotation,
  signatureTag,
  type SignedDocument,
} from "./signature-image.ts";
import { signWithCertificate, type SigningCertificateOptions } from "./signing-certificate.ts";
import { encodePayload, simpleSigningMediaType } from "./simple-signing.ts";
import { encodeStatement } from "./statement.ts";

export type Signing =
  | {
      readonly kind: "key";
      readonly key: PrivateKey;
      /**
       * `tag`: beside the image, under a tag made of its digest, as every version of cosign reads it.
       * `bundle`: as a referrer, as cosign 3 writes it.
       */
      readonly form: "tag" | "bundle";
    }
  /** Always a bundle. */
  | ({ readonly kind: "certificate" } & SigningCertificateOptions);

export interface AttestOptions {
  /** The name of the image, without tag and digest, where it has one. */
  readonly reference?: string;
  /** Seconds since 1970; stands in the manifest of a bundle. */
  readonly created?: number;
  readonly limits?: Limits;
}

export interface SignOptions extends AttestOptions {
  /** What else the signature says; an attestation says all in its predicate. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Predicate {
  /** A URI. */
  readonly type: string;
  /** JSON text. */
  readonly bytes: Uint8Array;
}

/** What was put beside an image. */
export interface Attached {
  /** Of the image. */
  readonly digest: Digest;
  /** Such as `tag sha256-….sig` or `referrer sha256:…`. */
  readonly source: string;
  /** False where the same, by the same key, was there already. */
  readonly isNew: boolean;
}

const noPredicate = encodeText("{}");

/** Signs the image of a descriptor. */
export async function signImage(
  subject: Descriptor,
  place: ImagePlace,
  signing: Signing,
  options: SignOptions = {},
): Promise<Attached> {
  const { digest } = subject;
  const { reference = "", annotations = {}, limits = defaultLimits } = options;
  if (signing.kind === "certificate" || signing.form === "bundle")
    return attachBundle(subject, place, signing, options, {
      type: signaturePredicateType,
      bytes: noPredicate,
    });
  const { key } = signing;
  const payload = encodePayload({ digest, reference, annotations });
  const tag = signatureTag(digest);
  for await (const { content } of findTagged(place, tag, limits))
    if (
      content.kind === "simple-signing" &&
      equalBytes(content.payload, payload) &&
      signatureHolds(key.publicKey.key, payload, content.signature)
    )
      return { digest, source: `tag ${tag}`, isNew: false };
  const signature = encodeBase64(signBytes(key, payload, "sha256"));
  return attachDocument(digest, place, tag, limits, {
    mediaType: simpleSigningMediaType,
    bytes: payload,
    annotations: { [signatureAnnotation]: signature },
  });
}

/** Attests a predicate of the image of a descriptor. */
export async function attestImage(
  subject: Descriptor,
  place: ImagePlace,
  signing: Signing,
  predicate: Predicate,
  options: AttestOptions = {},
): Promise<Attached> {
  if (signing.kind === "certificate" || signing.form === "bundle")
    return attachBundle(subject, place, signing, options, predicate);
  const { digest } = subject;
  const { limits = defaultLimits } = options;
  const { key } = signing;
  const statement = statementOf(digest, options, predicate);
  const tag = attestationTag(digest);
  for await (const { content } of findTagged(place, tag, limits))
    if (content.kind === "envelope" && isSignedBy(key, content.envelope, statement))
      return { digest, source: `tag ${tag}`, isNew: false };
  const envelope = sealStatement(key, statement, "sha256");
  return attachDocument(digest, place, tag, limits, {
    mediaType: envelopeMediaType,
    bytes: encodeText(JSON.stringify(writeEnvelope(envelope))),
    // Empty, but there: older readers take no layer without it.
    annotations: { [signatureAnnotation]: "", predicateType: predicate.type },
  });
}

async function attachDocument(
  digest: Digest,
  place: ImagePlace,
  tag: string,
  limits: Limits,
  document: SignedDocument,
): Promise<Attached> {
  await place.put(await appendDocument(await place.tryOpenTag(tag), document, limits), { tag });
  return { digest, source: `tag ${tag}`, isNew: true };
}

async function attachBundle(
  subject: Descriptor,
  place: ImagePlace,
  signing: Signing,
  options: SignOptions,
  predicate: Predicate,
): Promise<Attached> {
  const { digest } = subject;
  const { created, limits = defaultLimits } = options;
  const statement = statementOf(digest, options, predicate);
  if (signing.kind === "key")
    for await (const { content, source } of findReferring(place, digest, limits))
      if (content.kind === "envelope" && isSignedBy(signing.key, content.envelope, statement))
        return { digest, source, isNew: false };
  const bundle =
    signing.kind === "certificate"
      ? await signWithCertificate(statement, signing)
      : encodeKeyBundle(
          sealStatement(signing.key, statement, "matching"),
          signing.key.publicKey.hint,
        );
  const annotations = {
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": predicate.type,
    ...(created === undefined
      ? {}
      : { "org.opencontainers.image.created": formatCreated(created) }),
  };
  const artifact = await makeBundleArtifact(subject, bundle, annotations, limits);
  await place.put(artifact);
  return { digest, source: `referrer ${artifact.digest}`, isNew: true };
}

function statementOf(
  digest: Digest,
  { reference, annotations }: SignOptions,
  { type, bytes }: Predicate,
): Uint8Array {
  return encodeStatement({
    digest,
    ...(reference === undefined ? {} : { reference }),
    ...(annotations === undefined ? {} : { annotations }),
    predicateType: type,
    predicate: bytes,
  });
}

function sealStatement(
  key: PrivateKey,
  statement: Uint8Array,
  hash: "sha256" | "matching",
): Envelope {
  const signed = preAuthenticationEncoding(inTotoPayloadType, statement);
  return {
    payloadType: inTotoPayloadType,
    payload: statement,
    signatures: [signBytes(key, signed, hash)],
  };
}

function isSignedBy(key: PrivateKey, envelope: Envelope, statement: Uint8Array): boolean {
  const { payloadType, payload, signatures } = envelope;
  if (payloadType !== inTotoPayloadType || !equalBytes(payload, statement)) return false;
  const signed = preAuthenticationEncoding(payloadType, payload);
  return signatures.some((signature) => signatureHolds(key.publicKey.key, signed, signature));
}
