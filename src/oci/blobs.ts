/**
 * Blobs: bytes addressed by their digest. A source gives stored bytes, which whoever reads them
 * verifies; a sink takes bytes and keeps them only if they are what they should be.
 */
import {
  BivyError,
  collectBytes,
  concatBytes,
  digestOf,
  limitExceeded,
  startHash,
  type Chunks,
  type Content,
  type Digest,
  type Limits,
} from "../base/index.ts";
import { type Reference } from "./reference.ts";

/** What a blob is known by. */
export interface BlobAddress {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Where it is known: a registry keeps manifests apart from other blobs. */
  readonly mediaType?: string;
}

/** A repository of a registry. Others of the same registry can take blobs from it. */
export type RepositoryName = Pick<Reference, "registry" | "repository">;

/** The bytes of a blob, and the repository that they are in, if it is one of a registry. */
export interface BlobContent extends Content {
  readonly repository?: RepositoryName;
}

export interface BlobSource {
  /** What messages call it, such as the path of a layout. */
  readonly subject: string;
  readonly repository?: RepositoryName;
  /** The bytes as they are stored, not verified; fails with `image-invalid` where there are none. */
  read(blob: BlobAddress): Chunks;
}

/** A blob that is being written; it exists for others only once it is committed. */
export interface BlobWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Keeps the bytes under the digest, which the caller has computed from what it wrote. */
  commit(blob: BlobAddress): Promise<void>;
  /** Throws the bytes away; does nothing after `commit`. */
  abort(): Promise<void>;
}

export interface BlobSink {
  /** Whether the blob is there and whole. */
  holds(blob: BlobAddress): Promise<boolean>;
  begin(): Promise<BlobWriter>;
}

export interface BlobStore extends BlobSource, BlobSink {}

export function missingBlob(subject: string, digest: Digest): BivyError {
  return new BivyError("image-invalid", `${subject}: blob ${digest} is missing`, {
    hint: "The image is not whole: it may hold one platform only (name it with --platform), or be damaged.",
  });
}

/** Passes a blob on while checking it; fails with `digest-mismatch` before its last byte counts as read. */
export async function* verifyBlob(
  chunks: Chunks,
  { digest, size }: BlobAddress,
  subject: string,
): AsyncGenerator<Uint8Array, void, void> {
  const running = startHash("sha256");
  let read = 0;
  for await (const chunk of chunks) {
    read += chunk.byteLength;
    if (read > size) break;
    running.update(chunk);
    yield chunk;
  }
  if (read !== size)
    throw mismatch(subject, digest, `${size} bytes`, read > size ? "more" : `${read}`);
  const found = `sha256:${running.hex()}`;
  if (found !== digest) throw mismatch(subject, digest, digest, found);
}

function mismatch(subject: string, digest: Digest, expected: string, found: string): BivyError {
  return new BivyError(
    "digest-mismatch",
    `${subject}: blob ${digest}: expected ${expected}, found ${found}`,
    { hint: "The bytes were damaged or replaced; fetch or build the image again." },
  );
}

/** A whole small blob, verified; at most the limit `document-size`. */
export async function readBlob(
  source: BlobSource,
  blob: BlobAddress,
  limits: Limits,
): Promise<Uint8Array> {
  const excess = () =>
    limitExceeded("document-size", limits, `${source.subject}: blob ${blob.digest}`);
  if (blob.size > limits["document-size"]) throw excess();
  return collectBytes(
    verifyBlob(source.read(blob), blob, source.subject),
    limits["document-size"],
    excess,
  );
}

/** Puts a blob into a sink, unless it is there already; the chunks must come verified. */
export async function putBlob(
  sink: BlobSink,
  blob: BlobAddress,
  chunks: () => Chunks,
): Promise<void> {
  if (await sink.holds(blob)) return;
  const writer = await sink.begin();
  try {
    for await (const chunk of chunks()) await writer.write(chunk);
    await writer.commit(blob);
  } finally {
    await writer.abort();
  }
}

/** Blobs in memory: for documents, and for small images. */
export function memoryBlobs(subject = "memory"): BlobStore {
  const blobs = new Map<Digest, Uint8Array>();
  return {
    subject,
    read({ digest }) {
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw missingBlob(subject, digest);
      return [bytes];
    },
    holds: async ({ digest }) => blobs.has(digest),
    async begin() {
      const parts: Uint8Array[] = [];
      return {
        async write(chunk) {
          parts.push(chunk);
        },
        async commit({ digest }) {
          blobs.set(digest, concatBytes(parts));
        },
        async abort() {},
      };
    },
  };
}

/** The address of bytes. */
export function addressOf(bytes: Uint8Array): BlobAddress {
  return { digest: digestOf(bytes), size: bytes.byteLength };
}
