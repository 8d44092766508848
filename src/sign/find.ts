/**
 * Finding what is signed about an image: signatures and attestations under its tags, and those that
 * are its referrers. Nothing of it is believed here; what is damaged is found beside the others, so
 * that it cannot hide them.
 */
import {
  type Digest,
  isBivyError,
  type JsonObject,
  type Limits,
  readContent,
} from "../base/index.ts";
import type { Descriptor, Image, ImageOrIndex, ImagePlace } from "../oci/index.ts";
import { tryDecodeBase64 } from "./base64.ts";
import { isBundleType, tryReadBundle, type MessageSignature } from "./bundle.ts";
import { tryReadEnvelope } from "./dsse.ts";
import { textField, tryParseObject } from "./json-object.ts";
import { tryMakeLegacyBundle, type LegacyContent } from "./legacy-bundle.ts";
import {
  attestationTag,
  envelopeMediaType,
  signatureAnnotation,
  signatureArtifactType,
  signatureTag,
} from "./signature-image.ts";
import { simpleSigningMediaType } from "./simple-signing.ts";

export type FoundContent =
  | LegacyContent
  /** A signature over the manifest of the image itself. */
  | { readonly kind: "message"; readonly message: MessageSignature }
  | { readonly kind: "damaged"; readonly reason: string };

/** One signed document about an image. */
export interface FoundDocument {
  readonly content: FoundContent;
  /** What its signer calls the key; only bundles say it. */
  readonly keyHint?: string;
  /** For what is signed with a certificate, the bundle that the library verifies. */
  readonly certificateBundle?: JsonObject;
}

export interface FoundSignature extends FoundDocument {
  /** Where it is, such as `tag sha256-….sig` or `referrer sha256:…`. */
  readonly source: string;
}

/** Documents of one signature image, and referrers of one image: more are a way to keep us busy. */
const mostDocuments = 256;
/** Bytes of a simple signing payload; honest ones have some hundreds. */
const largestPayload = 64 * 1024;

/** All that a place holds about the image of a digest. Fails only where the place cannot be read. */
export async function* findSignatures(
  place: ImagePlace,
  digest: Digest,
  limits: Limits,
): AsyncGenerator<FoundSignature> {
  yield* findTagged(place, signatureTag(digest), limits);
  yield* findTagged(place, attestationTag(digest), limits);
  yield* findReferring(place, digest, limits);
}

/** What a place holds under the tag of signatures or attestations. */
export function findTagged(
  place: ImagePlace,
  tag: string,
  limits: Limits,
): AsyncGenerator<FoundSignature> {
  return readSource(`tag ${tag}`, () => place.tryOpenTag(tag), limits);
}

/** What a place holds as referrers of the image of a digest. */
export async function* findReferring(
  place: ImagePlace,
  digest: Digest,
  limits: Limits,
): AsyncGenerator<FoundSignature> {
  const referrers = (await place.referrers(digest)).filter(mayBeSigned);
  for (const referrer of referrers.slice(0, mostDocuments))
    yield* readSource(`referrer ${referrer.digest}`, () => place.open(referrer), limits);
  if (referrers.length > mostDocuments)
    yield { source: `referrers of ${digest}`, content: tooMany(referrers.length) };
}

/**
 * Referrers are of many kinds. Some registries and clients do not say which, or give the type of the
 * empty config instead; those are looked at.
 */
function mayBeSigned({ artifactType = "" }: Descriptor): boolean {
  const signedTypes = ["", "application/vnd.oci.empty.v1+json", "application/vnd.in-toto+json"];
  return (
    signedTypes.includes(artifactType) ||
    artifactType === signatureArtifactType ||
    isBundleType(artifactType)
  );
}

async function* readSource(
  source: string,
  open: () => Promise<ImageOrIndex | undefined>,
  limits: Limits,
): AsyncGenerator<FoundSignature> {
  try {
    const image = await open();
    if (image === undefined) return;
    for await (const document of readSignatureImage(image, limits)) yield { source, ...document };
  } catch (error) {
    yield { source, content: damagedBy(error) };
  }
}

async function* readSignatureImage(
  image: ImageOrIndex,
  limits: Limits,
): AsyncGenerator<FoundDocument> {
  if (image.kind === "index") {
    yield { content: damaged("expected an image with signatures, found an image index") };
    return;
  }
  const { layers } = await image.manifest();
  for (const descriptor of layers.slice(0, mostDocuments)) {
    const document = await readDocument(image, descriptor, limits);
    if (document !== undefined) yield document;
  }
  if (layers.length > mostDocuments) yield { content: tooMany(layers.length) };
}

/** Undefined for a layer that is nothing signed. */
async function readDocument(
  image: Image,
  descriptor: Descriptor,
  limits: Limits,
): Promise<FoundDocument | undefined> {
  const { mediaType, digest, size, annotations = {} } = descriptor;
  const isPayload = mediaType === simpleSigningMediaType;
  const isEnvelope = mediaType === envelopeMediaType;
  if (!isPayload && !isEnvelope && !isBundleType(mediaType)) return undefined;
  // Said before a byte of it is fetched.
  if (size > (isPayload ? largestPayload : limits["document-size"]))
    return { content: damaged(`${size} bytes are more than is read of such a document`) };
  let bytes: Uint8Array;
  try {
    bytes = await readContent(image.blob(descriptor), limits, `${image.subject}: blob ${digest}`);
  } catch (error) {
    return { content: damagedBy(error) };
  }
  if (isPayload) return readPayload(bytes, annotations);
  const document = tryParseObject(bytes);
  return isEnvelope ? readEnvelope(document, annotations) : readBundle(document);
}

function readPayload(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
): FoundDocument {
  const signature = tryDecodeBase64(textField(annotations, signatureAnnotation) ?? "");
  if (signature === undefined || signature.byteLength === 0)
    return { content: damaged("its signature is missing, or not in base64") };
  return withCertificate({ kind: "simple-signing", payload, signature }, annotations);
}

function readEnvelope(
  document: JsonObject | undefined,
  annotations: Readonly<Record<string, string>>,
): FoundDocument {
  const envelope = tryReadEnvelope(document);
  if (envelope === undefined)
    return { content: damaged("it is no DSSE envelope with a signature") };
  return withCertificate({ kind: "envelope", envelope }, annotations);
}

function withCertificate(
  content: LegacyContent,
  annotations: Readonly<Record<string, string>>,
): FoundDocument {
  const certificateBundle = tryMakeLegacyBundle(content, annotations);
  return certificateBundle === undefined ? { content } : { content, certificateBundle };
}

function readBundle(document: JsonObject | undefined): FoundDocument {
  const bundle = tryReadBundle(document);
  return bundle ?? { content: damaged("it is no sigstore bundle with a signature") };
}

function damaged(reason: string): FoundContent {
  return { kind: "damaged", reason };
}

function tooMany(count: number): FoundContent {
  return damaged(`of ${count}, only the first ${mostDocuments} are read`);
}

/** What is wrong with one document; what keeps us from reading any is thrown on. */
function damagedBy(error: unknown): FoundContent {
  if (
    isBivyError(
      error,
      "digest-mismatch",
      "image-invalid",
      "image-not-found",
      "http-not-found",
      "limit-exceeded",
    )
  )
    return damaged(error.message);
  throw error;
}
