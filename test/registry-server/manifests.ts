/** Manifests, tags and referrers (OCI distribution-spec 1.1), checked strictly. */
import { json, refusal, type Answer } from "./answer.ts";
import {
  digestOf,
  repositoryOf,
  type Contents,
  type Repository,
  type StoredManifest,
} from "./contents.ts";
import { readBody, type RegistryRequest } from "./request.ts";

export interface ManifestOptions {
  readonly deletes: boolean;
  /** Whether there is the referrers API; without it, it answers 404 and subjects mean nothing. */
  readonly referrers: boolean;
  /** Whether the referrers API filters by artifact type. */
  readonly filters: boolean;
  /** The most tags or referrers in one answer. */
  readonly pageSize: number;
  readonly location: (path: string) => string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly urls?: readonly string[];
}

interface Document {
  readonly schemaVersion?: unknown;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

const imageTypes = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);
const indexTypes = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const digestForm = /^sha256:[0-9a-f]{64}$/;
const tagForm = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const largestManifest = 4 * 1024 * 1024;

export async function serveManifest(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  reference: string,
  options: ManifestOptions,
): Promise<Answer> {
  if (!digestForm.test(reference) && !tagForm.test(reference))
    return refusal(400, "MANIFEST_INVALID", "expected a tag or a digest");
  if (request.method === "PUT") return putManifest(request, contents, name, reference, options);
  const repository = contents.repositories.get(name);
  const digest = repository?.tags.get(reference) ?? reference;
  const manifest = repository?.manifests.get(digest);
  if (repository === undefined) return refusal(404, "NAME_UNKNOWN");
  if (manifest === undefined) return refusal(404, "MANIFEST_UNKNOWN");
  if (request.method === "DELETE") return deleteManifest(repository, reference, options);
  if (request.method !== "GET" && request.method !== "HEAD") return refusal(405, "UNSUPPORTED");
  // Distribution's registry answers so to a client that does not say that it reads this type.
  const accepted = new Set((request.headers.accept ?? "").split(",").map((type) => type.trim()));
  if (!accepted.has(manifest.mediaType) && !accepted.has("*/*"))
    return refusal(404, "MANIFEST_UNKNOWN", `${manifest.mediaType} is not accepted`);
  return {
    status: 200,
    headers: {
      "content-type": manifest.mediaType,
      "docker-content-digest": digest,
      etag: `"${digest}"`,
    },
    body: manifest.bytes,
  };
}

async function putManifest(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  reference: string,
  options: ManifestOptions,
): Promise<Answer> {
  const bytes = await readBody(request);
  if (bytes.byteLength > largestManifest) return refusal(413, "SIZE_INVALID");
  const digest = digestOf(bytes);
  if (digestForm.test(reference) && reference !== digest) return refusal(400, "DIGEST_INVALID");
  const mediaType = request.headers["content-type"] ?? "";
  const document = readDocument(bytes, mediaType);
  if (typeof document === "string") return refusal(400, "MANIFEST_INVALID", document);
  const repository = repositoryOf(contents, name);
  const missing = missingPart(repository, document);
  if (missing !== undefined) return refusal(400, "MANIFEST_BLOB_UNKNOWN", missing);
  repository.manifests.set(digest, { mediaType, bytes: Uint8Array.from(bytes) });
  if (!digestForm.test(reference)) repository.tags.set(reference, digest);
  const { subject } = document;
  return {
    status: 201,
    headers: {
      location: options.location(`/v2/${name}/manifests/${digest}`),
      "docker-content-digest": digest,
      ...(options.referrers && subject !== undefined ? { "oci-subject": subject.digest } : {}),
    },
  };
}

/** The document, or what is wrong with it. */
function readDocument(bytes: Uint8Array, mediaType: string): Document | string {
  let document: Document;
  try {
    document = JSON.parse(Buffer.from(bytes).toString()) as Document;
  } catch {
    return "expected JSON";
  }
  if (document.schemaVersion !== 2) return "expected schemaVersion 2";
  const isIndex = indexTypes.has(mediaType);
  if (!isIndex && !imageTypes.has(mediaType)) return `unknown Content-Type ${mediaType}`;
  if (document.mediaType !== undefined && document.mediaType !== mediaType)
    return `its mediaType ${document.mediaType} is not the Content-Type ${mediaType}`;
  const { config, layers, manifests } = document;
  if (isIndex ? !Array.isArray(manifests) : config === undefined || !Array.isArray(layers))
    return `it is no ${mediaType}`;
  return document;
}

/** A config, layer or child that is not in the repository as it is described; a subject need not be. */
function missingPart(repository: Repository, document: Document): string | undefined {
  const { config, layers = [], manifests = [] } = document;
  for (const { digest, size } of [
    ...(config === undefined ? [] : [config]),
    ...layers.filter(({ urls }) => urls === undefined),
  ])
    if (repository.blobs.get(digest)?.size !== size) return `blob ${digest} of ${size} bytes`;
  for (const { digest, size } of manifests)
    if (repository.manifests.get(digest)?.bytes.byteLength !== size)
      return `manifest ${digest} of ${size} bytes`;
  return undefined;
}

function deleteManifest(
  { manifests, tags }: Repository,
  reference: string,
  options: ManifestOptions,
): Answer {
  if (!options.deletes) return refusal(405, "UNSUPPORTED");
  if (tags.delete(reference)) return { status: 202 };
  manifests.delete(reference);
  for (const [tag, digest] of tags) if (digest === reference) tags.delete(tag);
  return { status: 202 };
}

export function serveTags(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  options: ManifestOptions,
): Answer {
  const repository = contents.repositories.get(name);
  if (repository === undefined) return refusal(404, "NAME_UNKNOWN");
  const { query } = request;
  const last = query.get("last") ?? "";
  const wanted = query.has("n") ? Number(query.get("n")) : Infinity;
  const size = Math.min(wanted, options.pageSize);
  const after = [...repository.tags.keys()].sort().filter((tag) => tag > last);
  const tags = after.slice(0, size);
  const link = new URLSearchParams({ n: String(size), last: tags.at(-1) ?? "" });
  return json(
    200,
    { name, tags },
    size > 0 && after.length > tags.length
      ? { link: `<${options.location(`/v2/${name}/tags/list?${link}`)}>; rel="next"` }
      : {},
  );
}

export function serveReferrers(
  request: RegistryRequest,
  contents: Contents,
  name: string,
  subject: string,
  options: ManifestOptions,
): Answer {
  if (!options.referrers) return refusal(404, "UNSUPPORTED");
  if (!digestForm.test(subject)) return refusal(400, "DIGEST_INVALID");
  const { query } = request;
  const wanted = options.filters ? query.get("artifactType") : null;
  const manifests = contents.repositories.get(name)?.manifests ?? new Map();
  const all = [...manifests]
    .filter(([, { bytes }]) => parse(bytes).subject?.digest === subject)
    .map(([digest, manifest]) => describeReferrer(digest, manifest))
    .filter(({ artifactType }) => wanted === null || artifactType === wanted);
  const start = Number(query.get("start") ?? 0);
  const end = start + options.pageSize;
  const next = new URLSearchParams(query);
  next.set("start", String(end));
  return json(
    200,
    {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: all.slice(start, end),
    },
    {
      "content-type": "application/vnd.oci.image.index.v1+json",
      ...(wanted === null ? {} : { "oci-filters-applied": "artifactType" }),
      ...(end < all.length
        ? { link: `<${options.location(`/v2/${name}/referrers/${subject}?${next}`)}>; rel="next"` }
        : {}),
    },
  );
}

function parse(bytes: Uint8Array): Document {
  return JSON.parse(Buffer.from(bytes).toString()) as Document;
}

/** As the specification has it: an image without a type of its own has that of its config. */
function describeReferrer(
  digest: string,
  { bytes, mediaType }: StoredManifest,
): Descriptor & { readonly artifactType?: string } {
  const { artifactType, config, annotations } = parse(bytes);
  const type = artifactType ?? config?.mediaType;
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}
