/**
 * Leases: which blobs of the store a process works with, whether or not a name in index.json leads to
 * them. A lease is a file of the store, `.bivy-lease-OWNER`, that only grows; each line keeps a blob,
 * or an image: a manifest or index and all that it names.
 *
 * What a line promises: once `keepBlob` or `keepImage` has resolved, no collection removes that blob
 * as long as the lease stands. Whether the blob is there must be looked at afterwards, not before.
 *
 * Why it holds without a lock. A collection takes the lock `.bivy-collecting.lock`, then reads the
 * leases, then removes. A process writes its line, then looks at that lock. If the lock is free, then
 * whoever takes it later reads the line. If it is held, its holder may have read the leases before the
 * line was there; so the process waits until that holder has let go. Either way, what was removed was
 * removed before `keep…` resolved, and is seen to be missing; and nothing is removed afterwards. The
 * cost is one append and one lstat per blob, and processes that write never wait for each other.
 *
 * A holder that was killed removes nothing more, and is not waited for. The lease of a killed process
 * is swept (owned-file.ts). Readers that may not write the folder, or find no room in it, read without
 * a lease; a collection can then leave them with an error, but never with wrong bytes.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  openSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileError, newOwner, type Digest } from "../../base/index.ts";
import { namesIn } from "../layout/absence.ts";
import { waitForRelease } from "../layout/lock.ts";
import {
  findAbandoned,
  removeAbandoned,
  removeAtExit,
  touchMilliseconds,
} from "../layout/owned-file.ts";

export const collectionLockName = ".bivy-collecting.lock";

const leasePrefix = ".bivy-lease-";
const lineForm = /(blob|image) (sha256:[0-9a-f]{64})/g;
/** Others must be able to read it, whatever the umask is. */
const leaseMode = 0o644;

export interface Lease {
  keepBlob(digest: Digest): Promise<void>;
  keepImage(digest: Digest): Promise<void>;
  /**
   * Runs the work that gives an image its name. Should the process exit meanwhile, the lease stays, and
   * others sweep it once the process is gone: until then the name may yet be written.
   */
  whileNaming<T>(work: () => Promise<T>): Promise<T>;
  /** Gives up all that was kept. */
  release(): Promise<void>;
}

/** The lease of this process on a folder; its file is made when something is first kept. */
export function openLease(folder: string): Lease {
  const path = join(folder, `${leasePrefix}${newOwner()}`);
  const lock = join(folder, collectionLockName);
  const kept = new Map<string, Promise<void>>();
  /** While there is a file: calls off its removal at the end of the process. */
  let callOff: (() => void) | undefined;
  let touching: NodeJS.Timeout | undefined;
  let naming = 0;

  const add = async (line: string): Promise<void> => {
    try {
      if (callOff === undefined) {
        create(path);
        callOff = naming === 0 ? removeAtExit(path) : () => {};
        touching = setInterval(() => touch(path), touchMilliseconds).unref();
      }
      append(path, line);
      if (lstatSync(lock, { throwIfNoEntry: false }) !== undefined) await waitForRelease(lock);
    } catch (error) {
      throw fileError(error, "writing the lease", path);
    }
  };
  const keep = (line: string): Promise<void> => {
    let added = kept.get(line);
    if (added === undefined) {
      added = add(line).catch((error: unknown) => {
        kept.delete(line);
        throw error;
      });
      kept.set(line, added);
    }
    return added;
  };

  return {
    keepBlob: (digest) => keep(`blob ${digest}\n`),
    keepImage: (digest) => keep(`image ${digest}\n`),
    async whileNaming(work) {
      if (naming++ === 0) callOff?.();
      try {
        return await work();
      } finally {
        if (--naming === 0 && callOff !== undefined) callOff = removeAtExit(path);
      }
    },
    async release() {
      await Promise.allSettled(kept.values());
      kept.clear();
      if (callOff === undefined) return;
      clearInterval(touching);
      remove(path);
      callOff();
      callOff = undefined;
    },
  };
}

// Synchronous, because it is on the way of every blob: together these calls take some microseconds,
// which is less than a tenth of what waiting for a thread of Node's pool does.

function create(path: string): void {
  const file = openSync(path, "wx", leaseMode);
  try {
    fchmodSync(file, leaseMode);
  } finally {
    closeSync(file);
  }
}

/** Never makes the file anew: what it said before would be lost. */
function append(path: string, line: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    if (writeSync(file, line) < line.length)
      throw Object.assign(new Error("the line was cut short"), { code: "ENOSPC" });
  } finally {
    closeSync(file);
  }
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Whoever keeps something next finds out.
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next process removes it.
  }
}

export interface Leased {
  readonly blobs: ReadonlySet<Digest>;
  /** To be kept with all that they name. */
  readonly images: ReadonlySet<Digest>;
}

/** What the leases of all processes keep, without those of processes that are gone. */
export async function readLeases(folder: string): Promise<Leased> {
  const leased = { blobs: new Set<Digest>(), images: new Set<Digest>() };
  const abandoned = new Set((await findAbandoned(folder, leasePrefix)).map(({ path }) => path));
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (!name.startsWith(leasePrefix) || abandoned.has(path)) continue;
    // A line that was cut short, on a full disk, does not spoil the one after it.
    for (const [, kind, digest] of (await readLease(path)).matchAll(lineForm))
      leased[kind === "image" ? "images" : "blobs"].add(digest as Digest);
  }
  return leased;
}

async function readLease(path: string): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    // Given up in between: what it kept has a name by now, or is not needed any more.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw fileError(error, "reading the lease", path);
  }
}

/** Removes the leases of processes that are gone: they keep nothing that anybody needs. */
export function removeAbandonedLeases(folder: string): Promise<void> {
  return removeAbandoned(folder, leasePrefix);
}
