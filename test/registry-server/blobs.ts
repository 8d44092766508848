/** Blobs and their uploads (OCI distribution-spec, "Pulling blobs" and "Pushing blobs"), checked strictly. */
import type { IncomingHttpHeaders } from "node:http";
import { refusal, type Answer } from "./answer.ts";
import {
  appendTo,
  beginSession,
  blobOf,
  digestOf,
  repositoryOf,
  rewind,
  type Contents,
  type StoredBlob,
  type UploadSession,
} from "./contents.ts";
import type { RegistryRequest } from "./request.ts";

export interface BlobOptions {
  /** Whether parts of a blob can be asked for; otherwise `Range` is ignored, as RFC 9110 allows. */
  readonly ranges: boolean;
  readonly mounts: boolean;
  /** Whether one POST with all of the blob is taken; otherwise it begins a session. */
  readonly singlePost: boolean;
  readonly deletes: boolean;
  /** The smallest chunk, the last aside, in bytes. */
  readonly minimumChunk?: number;
  /** Whether what came of a PATCH that broke is kept. */
  readonly keepsBrokenChunks: boolean;
  /** Writes a Location. */
  readonly location: (path: string) => string;
  /** Writes the Location of an upload, which may be on another server. */
  readonly uploadLocation: (path: string) => string;
}

const digestForm = /^sha256:[0-9a-f]{64}$/;

export function serveBlob(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  digest: string,
  options: BlobOptions,
): Answer {
  const { method, headers } = request;
  if (!digestForm.test(digest)) return refusal(400, "DIGEST_INVALID");
  const blobs = contents.repositories.get(name)?.blobs;
  const blob = blobs?.get(digest);
  if (blob === undefined) return refusal(404, "BLOB_UNKNOWN");
  switch (method) {
    case "GET":
      return (
        (options.ranges ? answerPart(blob, digest, headers) : undefined) ?? answerAll(blob, digest)
      );
    case "HEAD":
      return answerAll(blob, digest);
    case "DELETE":
      if (!options.deletes) return refusal(405, "UNSUPPORTED");
      blobs!.delete(digest);
      return { status: 202 };
    default:
      return refusal(405, "UNSUPPORTED");
  }
}

function answerAll(blob: StoredBlob, digest: string): Answer {
  return {
    status: 200,
    headers: blobHeaders(digest),
    body: { size: blob.size, chunks: () => blob.chunks(0) },
  };
}

/** The answer to a `Range` (RFC 9110, 14.2); undefined where there is none that counts. */
function answerPart(
  blob: StoredBlob,
  digest: string,
  { range, "if-range": condition }: IncomingHttpHeaders,
): Answer | undefined {
  const headers = blobHeaders(digest);
  if (range === undefined || (condition ?? headers.etag) !== headers.etag) return undefined;
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, blob.size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? blob.size : Math.min(blob.size, Number(last) + 1);
  if (start >= end)
    return refusal(416, "RANGE_INVALID", "requested range not satisfiable", {
      "content-range": `bytes */${blob.size}`,
    });
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${end - 1}/${blob.size}` },
    body: { size: end - start, chunks: () => take(blob.chunks(start), end - start) },
  };
}

function blobHeaders(digest: string) {
  return {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    etag: `"${digest}"`,
  };
}

function* take(chunks: Iterable<Uint8Array>, size: number): Generator<Uint8Array> {
  let left = size;
  for (const chunk of chunks) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
  }
}

/** POST to `blobs/uploads/`: a mount, a whole blob at once, or a new session. */
export async function beginUpload(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  options: BlobOptions,
): Promise<Answer> {
  const { query } = request;
  const mount = query.get("mount");
  const from = query.get("from");
  const source = from === null ? undefined : contents.repositories.get(from);
  const mounted = mount === null ? undefined : source?.blobs.get(mount);
  if (options.mounts && mount !== null && mounted !== undefined) {
    repositoryOf(contents, name).blobs.set(mount, mounted);
    return created(name, mount, options);
  }
  const session = beginSession(contents, name);
  const digest = query.get("digest");
  if (digest !== null && options.singlePost) {
    for await (const chunk of request.body()) appendTo(session, chunk);
    return finish(contents, session, digest, options);
  }
  // Distribution's registry takes the body of such a POST for nothing, and so does this one.
  for await (const chunk of request.body()) void chunk;
  const { minimumChunk } = options;
  const smallest =
    minimumChunk === undefined ? {} : { "oci-chunk-min-length": String(minimumChunk) };
  return sessionAnswer(202, session, options, smallest);
}

/** GET, PATCH, PUT and DELETE of the Location of a session. */
export async function serveUpload(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  id: string,
  options: BlobOptions,
): Promise<Answer> {
  const { method, query } = request;
  const session = contents.sessions.get(id);
  const state = Number(query.get("_state"));
  // The query of a Location belongs to it: whoever drops it names no session.
  const isKnown = session?.repository === name && state >= 1 && state <= session.state;
  if (!isKnown) return refusal(404, "BLOB_UPLOAD_UNKNOWN");
  if (method === "GET") return sessionAnswer(204, session, options);
  if (method === "DELETE") {
    contents.sessions.delete(id);
    return { status: 204 };
  }
  if (method !== "PATCH" && method !== "PUT") return refusal(405, "UNSUPPORTED");
  // An older Location is good for asking where the upload stands, and for nothing else.
  if (state !== session.state) return refusal(400, "BLOB_UPLOAD_INVALID", "stale location");
  return (
    (await append(request, session, method === "PATCH", options)) ??
    (method === "PATCH"
      ? sessionAnswer(202, session, options)
      : finish(contents, session, query.get("digest"), options))
  );
}

async function append(
  request: RegistryRequest,
  session: UploadSession,
  isChunk: boolean,
  options: BlobOptions,
): Promise<Answer | undefined> {
  const { headers } = request;
  const before = session.size;
  const range = headers["content-range"];
  const [, first, last] = /^(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (range !== undefined) {
    if (first === undefined || Number(first) !== before)
      return sessionAnswer(416, session, options);
    const announced = Number(last) - Number(first) + 1;
    if (headers["content-length"] !== String(announced)) return refusal(400, "SIZE_INVALID");
    if (isChunk && session.endsShort) return refusal(400, "SIZE_INVALID", "chunk too small");
    session.endsShort = isChunk && announced < (options.minimumChunk ?? 0);
  }
  const type = headers["content-type"];
  const isEmpty = headers["content-length"] === "0" || (type === undefined && !isChunk);
  if (!isEmpty && type !== "application/octet-stream")
    return refusal(400, "BLOB_UPLOAD_INVALID", "expected application/octet-stream");
  try {
    for await (const chunk of request.body()) appendTo(session, chunk);
  } catch (error) {
    if (!options.keepsBrokenChunks) rewind(session, before);
    throw error;
  }
  return undefined;
}

function finish(
  contents: Contents,
  session: UploadSession,
  digest: string | null,
  options: BlobOptions,
): Answer {
  const bytes = Buffer.concat(session.parts);
  contents.sessions.delete(session.id);
  if (digest === null || digestOf(bytes) !== digest)
    return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  repositoryOf(contents, session.repository).blobs.set(digest, blobOf([bytes]));
  return created(session.repository, digest, options);
}

function created(name: string, digest: string, options: BlobOptions): Answer {
  return {
    status: 201,
    headers: {
      location: options.location(`/v2/${name}/blobs/${digest}`),
      "docker-content-digest": digest,
    },
  };
}

function sessionAnswer(
  status: number,
  session: UploadSession,
  options: BlobOptions,
  more: Readonly<Record<string, string>> = {},
): Answer {
  session.state++;
  const path = `/v2/${session.repository}/blobs/uploads/${session.id}?_state=${session.state}`;
  return {
    status,
    headers: {
      location: options.uploadLocation(path),
      // Of an empty session too, as distribution's registry writes it: there is no word for "nothing".
      range: `0-${Math.max(0, session.size - 1)}`,
      "docker-upload-uuid": session.id,
      ...more,
    },
  };
}
