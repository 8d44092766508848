/**
 * Referrers: what was attached to an image, such as signatures (OCI distribution-spec, "Listing
 * Referrers"). A registry that does not keep the list has it kept by its clients, as an index under
 * the tag `sha256-<hex>`. Nobody locks that tag: a change is made, looked at, and made again if somebody
 * else was in between.
 */
import { BivyError, isBivyError, limitExceeded, type Digest } from "../../base/index.ts";
import { type Descriptor } from "../descriptor.ts";
import { encodeIndex, parseManifest, type IndexManifest } from "../manifest.ts";
import { mediaTypes } from "../media-type.ts";
import { referrersTag } from "../referrers.ts";
import { type Access } from "./access.ts";
import {
  deleteManifest,
  manifestSubject,
  orMissing,
  putManifest,
  readManifest,
} from "./manifests.ts";
import { readPages } from "./pages.ts";

/** The referrers of a digest, those of one type if that is given. */
export async function listReferrers(
  access: Access,
  digest: Digest,
  artifactType: string | undefined,
): Promise<readonly Descriptor[]> {
  const all =
    (await askReferrers(access, digest, artifactType)) ??
    (await readFallback(access, digest))?.index.manifests ??
    [];
  // Not every registry filters, and those that do need not tell.
  return artifactType === undefined
    ? all
    : all.filter((descriptor) => descriptor.artifactType === artifactType);
}

/** Undefined where the registry does not keep referrers. */
async function askReferrers(
  access: Access,
  digest: Digest,
  artifactType: string | undefined,
): Promise<readonly Descriptor[] | undefined> {
  const filter = artifactType === undefined ? "" : `?${new URLSearchParams({ artifactType })}`;
  const found: Descriptor[] = [];
  const { limits } = access.connection;
  const subject = `${access.subject}@${digest}: referrers`;
  for await (const { response, bytes } of readPages(access, {
    path: `referrers/${digest}${filter}`,
    actions: "pull",
    subject,
    headers: { accept: mediaTypes.index },
    expects: [200, 400, 404, 405, 406],
  })) {
    // Some answer what they do not know with a page for browsers.
    const type = response.headers.get("content-type") ?? "";
    if (response.status !== 200 || !type.startsWith(mediaTypes.index)) return undefined;
    for (const referrer of parseReferrers(bytes, subject).manifests) found.push(referrer);
    if (found.length > limits.entries) throw limitExceeded("entries", limits, subject);
  }
  return found;
}

function parseReferrers(bytes: Uint8Array, subject: string): IndexManifest {
  const document = parseManifest(bytes, subject);
  if (document.kind === "index") return document.manifest;
  throw new BivyError("image-invalid", `${subject}: expected an index, found a manifest`);
}

/** Undefined where there is none; a tag of that name which is no index is none either. */
async function readFallback(access: Access, digest: Digest): Promise<FallbackList | undefined> {
  const stored = await readListTag(access, digest);
  return stored === "foreign" ? undefined : stored;
}

async function readListTag(
  access: Access,
  digest: Digest,
): Promise<FallbackList | "foreign" | undefined> {
  const stored = await orMissing(readManifest(access, referrersTag(digest)));
  if (stored === undefined) return undefined;
  if (stored.document.kind !== "index") return "foreign";
  return { index: stored.document.manifest, etag: stored.etag };
}

/** What stands under the tag and is no list was put there by somebody, and is not replaced. */
async function listToChange(access: Access, subject: Digest): Promise<FallbackList> {
  const stored = await readListTag(access, subject);
  if (stored !== "foreign") return stored ?? emptyList;
  const tag = referrersTag(subject);
  throw new BivyError(
    "registry-refused",
    `${manifestSubject(access, tag)}: expected the list of what refers to ${subject}, found an image`,
    { hint: "Give that image another tag, and remove this one." },
  );
}

interface FallbackList {
  readonly index: IndexManifest;
  readonly etag: string | undefined;
}

/** Whether the registry keeps referrers itself. */
export async function keepsReferrers(access: Access, digest: Digest): Promise<boolean> {
  return (await askReferrers(access, digest, undefined)) !== undefined;
}

/** Adds a referrer to the list that clients keep. */
export function addToFallback(access: Access, subject: Digest, added: Descriptor): Promise<void> {
  const has = (manifests: readonly Descriptor[]): boolean =>
    manifests.some(({ digest }) => digest === added.digest);
  return changeFallback(access, subject, has, (manifests) => [...manifests, added]);
}

/** Takes a referrer out of the list that clients keep. */
export function removeFromFallback(
  access: Access,
  subject: Digest,
  removed: Digest,
): Promise<void> {
  const lacks = (manifests: readonly Descriptor[]): boolean =>
    manifests.every(({ digest }) => digest !== removed);
  return changeFallback(access, subject, lacks, (manifests) =>
    manifests.filter(({ digest }) => digest !== removed),
  );
}

const mostChanges = 5;
const emptyList: FallbackList = {
  index: { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] },
  etag: undefined,
};

/** Changes the list until it is as it should be, also when others change it at the same time. */
function changeFallback(
  access: Access,
  subject: Digest,
  isDone: (manifests: readonly Descriptor[]) => boolean,
  change: (manifests: readonly Descriptor[]) => readonly Descriptor[],
): Promise<void> {
  const tag = referrersTag(subject);
  return access.inTurn(tag, async () => {
    for (let attempt = 1; ; attempt++) {
      const { index, etag } = await listToChange(access, subject);
      if (isDone(index.manifests)) return;
      if (attempt > 1) {
        const error = changedByOthers(access, tag);
        if (attempt > mostChanges) throw error;
        await access.pause(attempt - 1, error, manifestSubject(access, tag));
      }
      const manifests = change(index.manifests);
      if (manifests.length === 0 && (await deleteList(access, tag))) return;
      const raw = encodeIndex({ ...index, manifests });
      const condition = etag === undefined ? {} : { "if-match": etag };
      await putManifest(access, tag, raw, index.mediaType ?? mediaTypes.index, condition);
    }
  });
}

function changedByOthers(access: Access, tag: string): BivyError {
  return new BivyError(
    "registry-refused",
    `${manifestSubject(access, tag)}: others changed the list of referrers at the same time`,
    { hint: "Somebody pushes to the same image: try again." },
  );
}

/** An empty list is no use to anybody; a registry that does not let go of it keeps it. */
async function deleteList(access: Access, tag: string): Promise<boolean> {
  try {
    return await deleteManifest(access, tag);
  } catch (error) {
    if (isBivyError(error, "registry-refused", "registry-denied")) return false;
    throw error;
  }
}
