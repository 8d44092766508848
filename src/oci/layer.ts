/** Layers: one tar of an image's files, compressed or not, verified whenever it is read. */
import { decompress } from "../archive/index.ts";
import {
  BivyError,
  isBivyError,
  startHash,
  type Chunks,
  type Digest,
  type Limits,
} from "../base/index.ts";
import { verifyBlob, type BlobSource, type RepositoryName } from "./blobs.ts";
import { type Descriptor } from "./descriptor.ts";

export interface Layer {
  readonly descriptor: Descriptor;
  /** The SHA-256 of the bytes as they are stored. */
  readonly digest: Digest;
  /** The SHA-256 of the uncompressed tar. */
  readonly diffId: Digest;
  /** Stored bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** Bytes of the uncompressed tar, where they are known without reading it. */
  readonly unpackedSize?: number;
  /** The repository that its blob is in, if it is one of a registry. */
  readonly repository?: RepositoryName;
  /** The stored bytes; the stream fails with `digest-mismatch` if they are not what they should be. */
  compressed(): AsyncIterable<Uint8Array>;
  /** The tar; both the stored bytes and the diff id are verified while it streams. */
  uncompressed(): AsyncIterable<Uint8Array>;
}

export interface LayerParts {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly unpackedSize?: number;
}

/** A layer that is known by what a record says of it. */
export function layerFrom(
  { mediaType, digest, size, diffId }: Descriptor & { readonly diffId: Digest },
  source: BlobSource,
  limits: Limits,
): Layer {
  return layerOf({ descriptor: { mediaType, digest, size }, diffId }, source, limits);
}

/** A layer whose blob is in `source`. */
export function layerOf(parts: LayerParts, source: BlobSource, limits: Limits): Layer {
  const { descriptor, diffId } = parts;
  const { digest, size, mediaType } = descriptor;
  const compressed = () => verifyBlob(source.read(descriptor), descriptor, source.subject);
  return {
    ...parts,
    ...(source.repository === undefined ? {} : { repository: source.repository }),
    digest,
    size,
    mediaType,
    compressed,
    // Bytes whose own hash is the diff id are the tar itself.
    uncompressed: () =>
      digest === diffId ? compressed() : unpackVerified(compressed, parts, source.subject, limits),
  };
}

async function* unpackVerified(
  compressed: () => AsyncGenerator<Uint8Array>,
  { descriptor, diffId }: LayerParts,
  subject: string,
  limits: Limits,
): AsyncGenerator<Uint8Array, void, void> {
  const named = `${subject}: layer ${descriptor.digest}`;
  const running = startHash("sha256");
  let readToEnd = false;
  const watched = async function* () {
    yield* compressed();
    readToEnd = true;
  };
  try {
    for await (const chunk of decompress(watched(), { subject: named, limits })) {
      running.update(chunk);
      yield chunk;
    }
  } catch (error) {
    if (isBivyError(error, "gzip-invalid", "gzip-truncated", "zstd-invalid"))
      // Damage shows first as an error of the compression; if the digest is wrong, that is the cause.
      await readThrough(compressed());
    throw error;
  }
  if (!readToEnd) await readThrough(compressed());
  const found = `sha256:${running.hex()}`;
  if (found !== diffId)
    throw new BivyError("digest-mismatch", `${named}: expected diff id ${diffId}, found ${found}`, {
      hint: "The image's config names another layer than its manifest: do not use it.",
    });
}

async function readThrough(chunks: Chunks): Promise<void> {
  for await (const chunk of chunks) void chunk;
}
