/**
 * Stored manifests: what the manifests and indexes in a blob folder name, as far as they are there and
 * can be read. Unlike an Image, this is for looking over a store that may be sparse or damaged.
 */
import { digestOf, type Digest, type Limits } from "../../base/index.ts";
import { factsIfPresent, readIfPresent } from "./absence.ts";
import { blobPath } from "./blob-folder.ts";
import { type Descriptor } from "../descriptor.ts";
import { parseManifest, type ManifestDocument } from "../manifest.ts";

export interface StoredManifest {
  /** Undefined where the bytes are neither a manifest nor an index. */
  readonly document?: ManifestDocument;
  /** Whether the bytes are other than the digest says. */
  readonly isDamaged: boolean;
  /** The manifests that it names: the children of an index. */
  readonly manifests: readonly Digest[];
  /** The configs and layers that it names. */
  readonly blobs: readonly Digest[];
  /** What it refers to; a manifest does not need its subject. */
  readonly subject?: Digest;
}

export type ManifestReader = (digest: Digest) => Promise<StoredManifest | undefined>;

/**
 * Reads the manifests of a folder; undefined for one that is absent. Fails where one is there but may
 * not be read, since nobody could say then what it names.
 */
export function storedManifests(folder: string, limits: Limits): ManifestReader {
  return async (digest) => {
    const path = blobPath(folder, digest);
    const found = await factsIfPresent(path);
    // What is larger is no manifest: it was never accepted as one.
    if (found !== undefined && found.size > limits["document-size"])
      return { isDamaged: false, manifests: [], blobs: [] };
    const bytes = await readIfPresent(path, limits);
    return bytes === undefined ? undefined : interpret(bytes, digest);
  };
}

function interpret(bytes: Uint8Array, digest: Digest): StoredManifest {
  const isDamaged = digestOf(bytes) !== digest;
  const document = tryParseManifest(bytes, digest);
  // A damaged manifest, or one of a kind that is not known here, needs whatever it mentions.
  if (document === undefined) return { isDamaged, manifests: digestsIn(bytes), blobs: [] };
  const digests = namedBy(document).map((descriptor) => descriptor.digest);
  const isIndex = document.kind === "index";
  const { subject } = document.manifest;
  return {
    document,
    isDamaged,
    manifests: isIndex ? digests : [],
    blobs: isIndex ? [] : digests,
    ...(subject === undefined ? {} : { subject: subject.digest }),
  };
}

/** What a manifest needs: the config and layers of an image, the children of an index. */
export function namedBy({ kind, manifest }: ManifestDocument): readonly Descriptor[] {
  return kind === "index" ? manifest.manifests : [manifest.config, ...manifest.layers];
}

function tryParseManifest(bytes: Uint8Array, digest: Digest): ManifestDocument | undefined {
  try {
    return parseManifest(bytes, digest);
  } catch {
    return undefined;
  }
}

function digestsIn(bytes: Uint8Array): readonly Digest[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return [...new Set(text.match(/sha256:[0-9a-f]{64}/g) as Digest[] | null)];
}

export interface Reach {
  /** All that was reached: manifests, configs and layers, be they there or not. */
  readonly reached: ReadonlySet<Digest>;
  addBlobs(blobs: Iterable<Digest>): void;
  /** Adds images, and all that they consist of. */
  addImages(images: Iterable<Digest>): Promise<void>;
}

/** Gathers the blobs that images consist of. */
export function startReach(read: ManifestReader): Reach {
  const reached = new Set<Digest>();
  const walked = new Set<Digest>();
  return {
    reached,
    addBlobs(blobs) {
      for (const digest of blobs) reached.add(digest);
    },
    async addImages(images) {
      const pending = [...images];
      for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
        reached.add(digest);
        if (walked.has(digest)) continue;
        walked.add(digest);
        const manifest = await read(digest);
        for (const blob of manifest?.blobs ?? []) reached.add(blob);
        for (const child of manifest?.manifests ?? []) pending.push(child);
      }
    },
  };
}
