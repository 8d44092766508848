/**
 * Blob folders: `blobs/sha256/<hex>` of an OCI layout. Unfinished blobs stand beside `blobs`, since
 * other tools expect nothing but blobs in it.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import {
  BivyError,
  fileError,
  isBivyError,
  makeFolders,
  tryParseDigest,
  type Chunks,
  type Digest,
} from "../../base/index.ts";
import { factsIfPresent, namesIn } from "./absence.ts";
import { missingBlob, verifyBlob, type BlobAddress, type BlobStore } from "../blobs.ts";
import { removeAbandonedLeases, type Lease } from "../store/lease.ts";
import { beginFile, removeUnfinishedFiles } from "./unfinished-file.ts";

const readSize = 256 * 1024;
/** Only its owner writes in it, whatever the umask is, as for files (see unfinished-file.ts). */
export const folderMode = 0o755;

/** The folder of the blobs of an OCI layout. */
export function blobDirectory(folder: string): string {
  return join(folder, "blobs", "sha256");
}

export function blobPath(folder: string, digest: Digest): string {
  return join(blobDirectory(folder), digest.slice("sha256:".length));
}

/** The digests of the blobs in a folder; what has another name is none of them. */
export async function listBlobs(folder: string): Promise<readonly Digest[]> {
  const names = await namesIn(blobDirectory(folder));
  return names
    .map((name) => tryParseDigest(`sha256:${name}`))
    .filter((digest) => digest !== undefined);
}

/**
 * The blobs in a folder that holds (or will hold) `blobs/sha256`. With a lease, those that were found
 * or written stay there as long as it stands.
 */
export function folderBlobs(folder: string, lease?: Lease): BlobStore {
  /** What was written or checked through this value: it need not be read again before it counts. */
  const known = new Set<Digest>();
  let prepared: Promise<void> | undefined;

  return {
    subject: folder,
    read: ({ digest }) => readBlobFile(blobPath(folder, digest), folder, digest),
    async holds(blob) {
      const path = blobPath(folder, blob.digest);
      const isThere = async () => (await factsIfPresent(path))?.size === blob.size;
      if (!(await isThere())) return false;
      if (lease !== undefined) {
        await lease.keepBlob(blob.digest);
        // Until it was kept, it could go.
        if (!(await isThere())) return false;
      }
      if (known.has(blob.digest)) return true;
      // What another process left is hashed before it is trusted; damage is repaired by writing again.
      if (!(await isWhole(readBlobFile(path, folder, blob.digest), blob, folder))) return false;
      known.add(blob.digest);
      return true;
    },
    async begin() {
      prepared ??= prepare(folder);
      await prepared;
      const file = await beginFile(folder);
      return {
        write: (chunk) => file.write(chunk),
        async commit({ digest }) {
          await lease?.keepBlob(digest);
          await file.commit(blobPath(folder, digest));
          known.add(digest);
        },
        abort: () => file.abort(),
      };
    },
  };
}

async function* readBlobFile(
  path: string,
  folder: string,
  digest: Digest,
): AsyncGenerator<Uint8Array> {
  // Reading a pipe may never end.
  if ((await factsIfPresent(path))?.isFile === false)
    throw new BivyError("image-invalid", `${path}: expected a blob, found no regular file`);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: readSize }))
      yield chunk as Uint8Array;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw missingBlob(folder, digest);
    throw fileError(error, "reading", path);
  }
}

async function isWhole(chunks: Chunks, blob: BlobAddress, subject: string): Promise<boolean> {
  try {
    for await (const chunk of verifyBlob(chunks, blob, subject)) void chunk;
    return true;
  } catch (error) {
    if (isBivyError(error, "digest-mismatch", "image-invalid")) return false;
    throw error;
  }
}

async function prepare(folder: string): Promise<void> {
  const directory = blobDirectory(folder);
  try {
    await makeFolders(directory, folderMode);
    await removeUnfinishedFiles(folder);
    await removeAbandonedLeases(folder);
  } catch (error) {
    throw fileError(error, "preparing", directory);
  }
}
