/** Manifests of a repository: asked for, read, put and removed, by tag or by digest. */
import { BivyError, digestOf, isBivyError, tryParseDigest, type Digest } from "../../base/index.ts";
import { type HttpResponse } from "../../http/index.ts";
import { type Descriptor } from "../descriptor.ts";
import { mediaTypeOf, parseManifest, type ManifestDocument } from "../manifest.ts";
import { dockerMediaTypes, isIndexType, isManifestType, mediaTypes } from "../media-type.ts";
import { type Access, type AccessRequest } from "./access.ts";

export interface StoredManifest {
  readonly raw: Uint8Array;
  readonly descriptor: Descriptor;
  readonly document: ManifestDocument;
  /** By which the registry knows whether it has changed. */
  readonly etag: string | undefined;
}

const accept = [
  mediaTypes.index,
  mediaTypes.manifest,
  dockerMediaTypes.index,
  dockerMediaTypes.manifest,
].join(", ");

/** Docker's first schema, as registries before 2017 have it. */
const formerType = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

/** As messages have it: `NAME:TAG` or `NAME@DIGEST`. */
export function manifestSubject(access: Access, reference: string): string {
  return `${access.subject}${tryParseDigest(reference) === undefined ? ":" : "@"}${reference}`;
}

/** Reads a manifest; what its digest should be, by the reference or by the registry, it is. */
export async function readManifest(access: Access, reference: string): Promise<StoredManifest> {
  const request = manifestRequest(access, reference, "GET");
  const { response, bytes: raw } = await access.read(request);
  const { subject } = request;
  const mediaType = mediaTypeOfAnswer(response);
  if (formerType.test(mediaType))
    throw new BivyError("image-invalid", `${subject}: expected schema version 2, found 1`, {
      hint: "The image is older than Docker 1.10, and few tools read it any more: build it anew.",
    });
  const digest = digestOf(raw);
  for (const expected of [tryParseDigest(reference), statedDigest(response)])
    if (expected !== undefined && expected !== digest)
      throw new BivyError("digest-mismatch", `${subject}: expected ${expected}, found ${digest}`, {
        hint: "The registry, or something before it, is damaged or hostile: do not use the image.",
      });
  const isKnown = isManifestType(mediaType) || isIndexType(mediaType);
  const document = parseManifest(raw, subject, isKnown ? mediaType : undefined);
  const { mediaType: own = isKnown ? mediaType : mediaTypeOf(document) } = document.manifest;
  return {
    raw,
    document,
    descriptor: { mediaType: own, digest, size: raw.byteLength },
    etag: response.headers.get("etag"),
  };
}

/**
 * What a tag or digest stands for, without reading it where the registry tells; undefined where there is
 * nothing.
 */
export async function resolveManifest(
  access: Access,
  reference: string,
): Promise<Descriptor | undefined> {
  const request = manifestRequest(access, reference, "HEAD");
  const response = await access.send({ ...request, expects: [200, 400, 404, 405] });
  if (response.status === 404) return undefined;
  const found = response.status === 200 ? describeAnswer(response) : undefined;
  const wanted = tryParseDigest(reference);
  if (found !== undefined && (wanted === undefined || wanted === found.digest)) return found;
  // Not every registry answers HEAD, or says all that is needed.
  return (await orMissing(readManifest(access, reference)))?.descriptor;
}

function describeAnswer(response: HttpResponse): Descriptor | undefined {
  const mediaType = mediaTypeOfAnswer(response);
  const digest = statedDigest(response);
  const length = response.headers.get("content-length") ?? "";
  if (digest === undefined || !/^[1-9]\d{0,14}$/.test(length)) return undefined;
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
  return { mediaType, digest, size: Number(length) };
}

/**
 * Puts a manifest under a tag or its digest; gives the registry's answer, which is 412 where it knows
 * conditions and this one does not hold.
 */
export async function putManifest(
  access: Access,
  reference: string,
  raw: Uint8Array,
  mediaType: string,
  condition: Readonly<Record<string, string>> = {},
): Promise<HttpResponse> {
  const subject = manifestSubject(access, reference);
  const response = await access.send({
    path: `manifests/${reference}`,
    method: "PUT",
    actions: "pull,push",
    subject,
    headers: { "content-type": mediaType, ...condition },
    body: raw,
    expects: [200, 201, 202, 204, ...(Object.keys(condition).length === 0 ? [] : [412])],
  });
  const digest = digestOf(raw);
  const stored = statedDigest(response) ?? digest;
  if (stored === digest) return response;
  throw new BivyError(
    "digest-mismatch",
    `${subject}: expected ${digest} to be stored, found ${stored}`,
    {
      hint: "The registry, or something before it, changes what it is sent: do not use it.",
    },
  );
}

/** Removes a tag, or a manifest with all its tags; false where there was none. */
export async function deleteManifest(access: Access, reference: string): Promise<boolean> {
  const response = await access.send({
    path: `manifests/${reference}`,
    method: "DELETE",
    actions: "*",
    subject: manifestSubject(access, reference),
    expects: [200, 202, 204, 404],
  });
  return response.status !== 404;
}

/** Undefined in place of the failure that there is no such thing. */
export async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export function isMissing(error: unknown): error is BivyError {
  return isBivyError(error, "image-not-found", "http-not-found");
}

function manifestRequest(access: Access, reference: string, method: "GET" | "HEAD"): AccessRequest {
  return {
    path: `manifests/${reference}`,
    method,
    actions: "pull",
    subject: manifestSubject(access, reference),
    headers: { accept },
    expects: [200],
  };
}

/** The media type, without parameters such as a charset. */
function mediaTypeOfAnswer({ headers }: HttpResponse): string {
  return (headers.get("content-type") ?? "").split(";")[0]!.trim();
}

/** The digest that the registry states; one of another algorithm than ours is none. */
function statedDigest({ headers }: HttpResponse): Digest | undefined {
  return tryParseDigest(headers.get("docker-content-digest")?.trim() ?? "");
}
