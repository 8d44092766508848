/**
 * Blob folders: `blobs/sha256/<hex>` of an OCI layout. Unfinished blobs stand beside `blobs`, since
 * other tools expect nothing but blobs in it.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError, isBivyError, type Chunks, type Digest, makeFolders } from "../base/index.ts";
import { missingBlob, verifyBlob, type BlobAddress, type BlobStore } from "./blobs.ts";
import { beginFile, removeUnfinishedFiles } from "./unfinished-file.ts";

const readSize = 256 * 1024;
/** Only its owner writes in it, whatever the umask is, as for files (see unfinished-file.ts). */
export const folderMode = 0o755;

/** The blobs in a folder that holds (or will hold) `blobs/sha256`. */
export function folderBlobs(folder: string): BlobStore {
  const directory = join(folder, "blobs", "sha256");
  const pathOf = (digest: Digest) => join(directory, digest.slice("sha256:".length));
  /** What was written or checked through this value: it need not be read again before it counts. */
  const known = new Set<Digest>();
  let prepared: Promise<void> | undefined;

  return {
    subject: folder,
    read: ({ digest }) => readBlobFile(pathOf(digest), folder, digest),
    async holds(blob) {
      const path = pathOf(blob.digest);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined || found.size !== blob.size) return false;
      if (known.has(blob.digest)) return true;
      // What another process left is hashed before it is trusted; damage is repaired by writing again.
      if (!(await isWhole(readBlobFile(path, folder, blob.digest), blob, folder))) return false;
      known.add(blob.digest);
      return true;
    },
    async begin() {
      prepared ??= prepare(folder, directory);
      await prepared;
      const file = await beginFile(folder);
      return {
        write: (chunk) => file.write(chunk),
        async commit({ digest }) {
          await file.commit(pathOf(digest));
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

async function prepare(folder: string, directory: string): Promise<void> {
  try {
    await makeFolders(directory, folderMode);
    await removeUnfinishedFiles(folder);
  } catch (error) {
    throw fileError(error, "preparing", directory);
  }
}
