/** What a registry holds: repositories of blobs, manifests and tags, and the uploads that are under way. */
import { createHash, randomUUID } from "node:crypto";

export interface StoredBlob {
  /** In bytes. */
  readonly size: number;
  chunks(from: number): Iterable<Uint8Array>;
}

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A blob or manifest counts as there only in the repositories that it was pushed to or mounted into. */
export interface Repository {
  readonly blobs: Map<string, StoredBlob>;
  readonly manifests: Map<string, StoredManifest>;
  /** Tag to digest. */
  readonly tags: Map<string, string>;
}

export interface UploadSession {
  readonly id: string;
  readonly repository: string;
  readonly parts: Uint8Array[];
  size: number;
  /** Changes with each answer that has a Location, so that an older Location shows. */
  state: number;
  /** Whether the last chunk was smaller than chunks must be: nothing may come after it. */
  endsShort: boolean;
}

export interface Contents {
  readonly repositories: Map<string, Repository>;
  readonly sessions: Map<string, UploadSession>;
}

export function emptyContents(): Contents {
  return { repositories: new Map(), sessions: new Map() };
}

/** The repository of a name, which is there as soon as something is put into it. */
export function repositoryOf({ repositories }: Contents, name: string): Repository {
  const found = repositories.get(name);
  if (found !== undefined) return found;
  const made = { blobs: new Map(), manifests: new Map(), tags: new Map() };
  repositories.set(name, made);
  return made;
}

export function beginSession({ sessions }: Contents, repository: string): UploadSession {
  const session = {
    id: randomUUID(),
    repository,
    parts: [],
    size: 0,
    state: 0,
    endsShort: false,
  };
  sessions.set(session.id, session);
  return session;
}

export function appendTo(session: UploadSession, chunk: Uint8Array): void {
  session.parts.push(Uint8Array.from(chunk));
  session.size += chunk.byteLength;
}

/** Forgets what came after `size` bytes. */
export function rewind(session: UploadSession, size: number): void {
  const kept = Buffer.concat(session.parts).subarray(0, size);
  session.parts.splice(0, session.parts.length, kept);
  session.size = size;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function blobOf(parts: readonly Uint8Array[]): StoredBlob {
  return {
    size: parts.reduce((sum, part) => sum + part.byteLength, 0),
    *chunks(from) {
      let at = 0;
      for (const part of parts) {
        if (at + part.byteLength > from) yield part.subarray(Math.max(0, from - at));
        at += part.byteLength;
      }
    },
  };
}

const block = 64 * 1024;

/** A blob of any size that takes no memory; no two of its blocks, and no two seeds, are the same. */
export function generatedBlob(
  size: number,
  seed: number,
): StoredBlob & { readonly digest: string } {
  const pattern = Buffer.alloc(block);
  for (let at = 0; at < block; at += 4)
    pattern.writeUInt32LE(Math.imul(at + 1 + seed, 2_654_435_761) >>> 0, at);
  const chunks = function* (from: number): Generator<Uint8Array> {
    for (let start = from - (from % block); start < size; start += block) {
      const bytes = Buffer.from(pattern);
      bytes.writeUInt32LE(start / block, 0);
      yield bytes.subarray(Math.max(0, from - start), Math.min(block, size - start));
    }
  };
  const hash = createHash("sha256");
  for (const chunk of chunks(0)) hash.update(chunk);
  return { size, chunks, digest: `sha256:${hash.digest("hex")}` };
}

/** What does not have the digest that it is kept under; nothing in a registry that is whole. */
export function damaged({ repositories }: Contents): string[] {
  const found: string[] = [];
  for (const [name, { blobs, manifests, tags }] of repositories) {
    for (const [digest, blob] of blobs)
      if (digestOf(Buffer.concat([...blob.chunks(0)])) !== digest) found.push(`${name}@${digest}`);
    for (const [digest, { bytes }] of manifests)
      if (digestOf(bytes) !== digest) found.push(`${name}@${digest}`);
    for (const [tag, digest] of tags) if (!manifests.has(digest)) found.push(`${name}:${tag}`);
  }
  return found;
}
