/**
 * Copying referrers: an image moves with the signatures, attestations and SBOMs that stand beside it:
 * the manifests whose subject it is, and cosign's tags of its digest; and with what stands beside those.
 */
import { isBivyError, type Digest } from "../base/index.ts";
import { bareDescriptor } from "./descriptor.ts";
import { checkNesting, type ImageOrIndex, type IndexChild } from "./image.ts";
import { isIndexType } from "./media-type.ts";
import { type ImagePlace } from "./place.ts";
import { attachedTags } from "./referrers.ts";

/** How far referrers of referrers are followed: a signature of an attestation of an image is honest. */
const deepestReferrer = 4;
/** Digests whose referrers are asked for at once. */
const concurrency = 4;

/** What stands beside an image, with the tag that it has there if it is known by one. */
export interface AttachedImage {
  readonly image: ImageOrIndex;
  readonly tag?: string;
}

/** What refers to an image, or to one of an index's. It can be looked for while the image is copied. */
export async function gatherReferrers(
  image: ImageOrIndex,
  from: ImagePlace,
): Promise<readonly AttachedImage[]> {
  const seen = new Set<Digest>();
  const gathered: AttachedImage[] = [];
  const follow = async (subject: Digest, depth: number): Promise<void> => {
    if (seen.has(subject) || depth > deepestReferrer) return;
    seen.add(subject);
    const tags = attachedTags(subject);
    const [referrers, ...tagged] = await Promise.all([
      from.referrers(subject),
      ...tags.map((tag) => from.tryOpenTag(tag)),
    ]);
    for (const referrer of referrers) {
      gathered.push({ image: await from.open(bareDescriptor(referrer)) });
      await follow(referrer.digest, depth + 1);
    }
    for (const [at, attached] of tagged.entries()) {
      if (attached === undefined) continue;
      gathered.push({ image: attached, tag: tags[at]! });
      await follow(attached.digest, depth + 1);
    }
  };
  const pending: Digest[] = [];
  for await (const digest of subjectsOf(image, 0, new Set())) pending.push(digest);
  const work = async (): Promise<void> => {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) await follow(next, 0);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return gathered;
}

/** Puts what stands beside an image to where the image was copied. */
export async function putReferrers(
  gathered: readonly AttachedImage[],
  to: ImagePlace,
): Promise<void> {
  for (const { image, tag } of gathered) await to.put(image, tag === undefined ? {} : { tag });
}

/** An image, or an index with all its children and theirs. */
async function* subjectsOf(
  image: ImageOrIndex,
  depth: number,
  seen: Set<Digest>,
): AsyncGenerator<Digest> {
  yield image.digest;
  if (image.kind === "image") return;
  checkNesting(image, depth);
  for (const { descriptor, open } of await image.children()) {
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const nested = isIndexType(descriptor.mediaType) ? await tryOpen(open) : undefined;
    if (nested === undefined) yield descriptor.digest;
    else yield* subjectsOf(nested, depth + 1, seen);
  }
}

/** Undefined for what is not here, as in a sparse index: it may have referrers all the same. */
async function tryOpen(open: IndexChild["open"]): Promise<ImageOrIndex | undefined> {
  try {
    return await open();
  } catch (error) {
    if (isBivyError(error, "image-invalid")) return undefined;
    throw error;
  }
}
