/**
 * Selecting a platform: which image of an index a machine runs. Attestations are never chosen,
 * nested indexes are followed, and of equally good images the first wins.
 */
import { BivyError, type Digest } from "../base/index.ts";
import { platformOf } from "./assemble.ts";
import { attestedDigest, isAttestation, type Descriptor } from "./descriptor.ts";
import { checkNesting, type Image, type ImageIndex, type ImageOrIndex } from "./image.ts";
import { isConfigType, isIndexType } from "./media-type.ts";
import { formatPlatform, hostPlatform, platformDistance, type Platform } from "./platform.ts";

interface Candidate {
  readonly platform: Platform;
  open(): Promise<ImageOrIndex>;
}

/**
 * The image for a platform: by default that of this machine, or, where there is no index to choose
 * from, the image as it is. Fails with `platform-not-found`.
 */
export async function selectPlatform(from: ImageOrIndex, wanted?: Platform): Promise<Image> {
  if (from.kind === "image") {
    if (wanted === undefined) return from;
    const offered = await platformOf(from);
    if (platformDistance(wanted, offered) !== undefined) return from;
    throw notFound(from, wanted, [offered]);
  }
  const target = wanted ?? hostPlatform();
  const offered: Platform[] = [];
  let best: Candidate | undefined;
  let shortest = Infinity;
  for await (const candidate of candidates(from, 0)) {
    offered.push(candidate.platform);
    const distance = platformDistance(target, candidate.platform);
    if (distance === undefined || distance >= shortest) continue;
    best = candidate;
    shortest = distance;
    if (distance === 0) break;
  }
  const image = await best?.open();
  if (image?.kind === "image") return image;
  throw notFound(from, target, offered);
}

/** The platforms that there are images for, in order; an image has one. */
export async function platformsOf(from: ImageOrIndex): Promise<readonly Platform[]> {
  if (from.kind === "image") return [await platformOf(from)];
  const platforms: Platform[] = [];
  for await (const candidate of candidates(from, 0)) platforms.push(candidate.platform);
  return platforms;
}

/**
 * Which children of an index are copied so that the images of these platforms are there whole: the
 * images, the attestations that are about them, and the indexes in between.
 */
export async function childrenOf(
  from: ImageOrIndex,
  platforms: readonly Platform[],
): Promise<(child: Descriptor) => boolean> {
  const chosen = new Set<Digest>();
  for (const platform of platforms) chosen.add((await selectPlatform(from, platform)).digest);
  return (child) => {
    if (isIndexType(child.mediaType) || chosen.has(child.digest)) return true;
    const subject = attestedDigest(child);
    return subject !== undefined && chosen.has(subject);
  };
}

/** What is opened is opened once: indexes that name each other many times have no end otherwise. */
async function* candidates(
  index: ImageIndex,
  depth: number,
  seen = new Set<Digest>(),
): AsyncGenerator<Candidate> {
  checkNesting(index, depth);
  for (const child of await index.children()) {
    const { descriptor } = child;
    if (isAttestation(descriptor)) continue;
    if (descriptor.platform !== undefined && !isIndexType(descriptor.mediaType)) {
      yield { platform: descriptor.platform, open: child.open };
      continue;
    }
    if (seen.has(descriptor.digest)) continue;
    seen.add(descriptor.digest);
    const opened = await child.open();
    if (opened.kind === "index") yield* candidates(opened, depth + 1, seen);
    else if (isConfigType((await opened.manifest()).config.mediaType))
      yield { platform: await platformOf(opened), open: async () => opened };
  }
}

function notFound(from: ImageOrIndex, wanted: Platform, offered: readonly Platform[]): BivyError {
  const found = [...new Set(offered.map(formatPlatform))];
  return new BivyError(
    "platform-not-found",
    `${from.subject}: expected an image for ${formatPlatform(wanted)}, found ${found.join(", ") || "none"}`,
    found.length === 0
      ? {}
      : { hint: `Choose one with --platform, such as --platform ${found[0]}.` },
  );
}
