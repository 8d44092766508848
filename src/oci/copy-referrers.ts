/**
 * Copying referrers: an image moves with the signatures, attestations and SBOMs that stand beside it:
 * the manifests whose subject it is, and cosign's tags of its digest; and with what stands beside those.
 */
import { type Digest } from "../base/index.ts";
import { bareDescriptor, type Descriptor } from "./descriptor.ts";
import { checkNesting, type ImageOrIndex } from "./image.ts";
import { type ImagePlace } from "./place.ts";
import { attachedTags } from "./referrers.ts";

/** How far referrers of referrers are followed: a signature of an attestation of an image is honest. */
const deepestReferrer = 4;
/** Digests whose referrers are asked for at once. */
const concurrency = 4;

/** Copies what refers to an image, or to one of an index's; gives the number of manifests. */
export async function copyReferrers(
  image: ImageOrIndex,
  from: ImagePlace,
  to: ImagePlace,
): Promise<number> {
  const seen = new Set<Digest>();
  let copied = 0;
  const take = async (found: ImageOrIndex, tag?: string): Promise<void> => {
    await to.put(found, tag === undefined ? {} : { tag });
    copied += 1;
  };
  const follow = async (subject: Digest, depth: number): Promise<void> => {
    if (seen.has(subject) || depth > deepestReferrer) return;
    seen.add(subject);
    for (const referrer of await from.referrers(subject)) {
      await take(await from.open(bareDescriptor(referrer)));
      await follow(referrer.digest, depth + 1);
    }
    for (const tag of attachedTags(subject)) {
      const attached = await from.tryOpenTag(tag);
      if (attached === undefined) continue;
      await take(attached, tag);
      await follow(attached.digest, depth + 1);
    }
  };
  const pending: Digest[] = [];
  for await (const { digest } of subjectsOf(image, 0)) pending.push(digest);
  const work = async (): Promise<void> => {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) await follow(next, 0);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return copied;
}

/** An image, or an index with all its children. */
async function* subjectsOf(
  image: ImageOrIndex,
  depth: number,
): AsyncGenerator<Pick<Descriptor, "digest">> {
  yield image;
  if (image.kind === "image") return;
  checkNesting(image, depth);
  for (const { descriptor } of await image.children()) yield descriptor;
}
