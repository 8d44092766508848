/** Stored contents: what of an image is in the store, which may hold some platforms of an index only. */
import { type Digest, type Limits } from "../../base/index.ts";
import { factsIfPresent, readIfPresent } from "../layout/absence.ts";
import { blobPath } from "../layout/blob-folder.ts";
import { parseConfig } from "../config.ts";
import { isAttestation, type Descriptor } from "../descriptor.ts";
import { isConfigType } from "../media-type.ts";
import { type Platform } from "../platform.ts";
import { namedBy, startReach, type ManifestReader } from "../layout/stored-manifest.ts";

/** An image of which at least the manifest is there; an index holds several. */
export interface PresentImage {
  /** Of its manifest. */
  readonly digest: Digest;
  /** The digest of its config, which docker calls the image id. */
  readonly id: Digest;
  /** Absent for an artifact. */
  readonly platform?: Platform;
  /** Whether its config and all its layers are there. */
  readonly isWhole: boolean;
}

export interface StoredContents {
  /** In the order of the index, without attestations. */
  readonly images: readonly PresentImage[];
  /** Bytes of all that is there, compressed as it is, each blob once. */
  readonly size: number;
  /** Whether nothing is seen to be missing: all platforms are there, with their attestations. */
  readonly isWhole: boolean;
}

/** The folder of a store, and how its manifests are read. */
export interface StoreFolder {
  readonly path: string;
  readonly limits: Limits;
  readonly read: ManifestReader;
}

/** Looks at what is there of an image; the bytes of configs and layers are not verified. */
export async function readContents(
  folder: StoreFolder,
  descriptor: Descriptor,
): Promise<StoredContents> {
  const expected = new Map([[descriptor.digest, descriptor.size]]);
  let isDamaged = false;
  const read: ManifestReader = async (digest) => {
    const manifest = await folder.read(digest);
    if (manifest?.document !== undefined)
      for (const named of namedBy(manifest.document)) expected.set(named.digest, named.size);
    isDamaged ||= manifest?.isDamaged === true;
    return manifest;
  };
  const sizes = await presentSizes(folder, await digestsOf({ ...folder, read }, [descriptor]));
  return {
    images: await presentImages(folder, descriptor, sizes),
    size: sum(sizes.values()),
    isWhole: !isDamaged && [...expected].every(([digest, size]) => sizes.get(digest) === size),
  };
}

/** Bytes of what is there of these images together: a blob that several of them have counts once. */
export async function readSize(
  folder: StoreFolder,
  descriptors: readonly Descriptor[],
): Promise<number> {
  return sum((await presentSizes(folder, await digestsOf(folder, descriptors))).values());
}

async function digestsOf(
  { read }: StoreFolder,
  descriptors: readonly Descriptor[],
): Promise<ReadonlySet<Digest>> {
  const reach = startReach(read);
  await reach.addImages(descriptors.map(({ digest }) => digest));
  return reach.reached;
}

async function presentSizes(
  { path }: StoreFolder,
  digests: Iterable<Digest>,
): Promise<ReadonlyMap<Digest, number>> {
  const sizes = new Map<Digest, number>();
  for (const digest of digests) {
    const found = await factsIfPresent(blobPath(path, digest));
    if (found !== undefined) sizes.set(digest, found.size);
  }
  return sizes;
}

function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}

async function presentImages(
  folder: StoreFolder,
  root: Descriptor,
  sizes: ReadonlyMap<Digest, number>,
): Promise<readonly PresentImage[]> {
  const images: PresentImage[] = [];
  const seen = new Set<Digest>();
  const visit = async (descriptor: Descriptor): Promise<void> => {
    if (seen.has(descriptor.digest) || isAttestation(descriptor)) return;
    seen.add(descriptor.digest);
    const document = (await folder.read(descriptor.digest))?.document;
    if (document?.kind === "index")
      for (const child of document.manifest.manifests) await visit(child);
    if (document?.kind !== "image") return;
    const { config } = document.manifest;
    const platform = descriptor.platform ?? (await readPlatform(folder, config));
    images.push({
      digest: descriptor.digest,
      id: config.digest,
      ...(platform === undefined ? {} : { platform }),
      isWhole: namedBy(document).every(({ digest, size }) => sizes.get(digest) === size),
    });
  };
  await visit(root);
  return images;
}

/** The platform that a config says, for an entry that does not; undefined where none can be read. */
async function readPlatform(
  { path, limits }: StoreFolder,
  config: Descriptor,
): Promise<Platform | undefined> {
  if (!isConfigType(config.mediaType) || config.size > limits["document-size"]) return undefined;
  const bytes = await readIfPresent(blobPath(path, config.digest), limits);
  if (bytes === undefined) return undefined;
  try {
    const { architecture, os, variant } = parseConfig(bytes, config.digest);
    if (os === "") return undefined;
    return { architecture, os, ...(variant === undefined ? {} : { variant }) };
  } catch {
    return undefined;
  }
}

/** The digests that an image is known by: its own, and those of the manifests and configs in it. */
export async function readIds(
  folder: StoreFolder,
  descriptor: Descriptor,
): Promise<readonly Digest[]> {
  const images = await presentImages(folder, descriptor, new Map());
  return [descriptor.digest, ...images.flatMap(({ digest, id }) => [digest, id])];
}
