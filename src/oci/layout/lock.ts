/**
 * Lock files: mutual exclusion between processes that write the same folder.
 *
 * Node has no flock(2), so the lock is a symbolic link whose target is its owner: symlink(2) creates
 * it and its contents in one step, and fails where one exists. A process that is killed leaves its
 * lock behind, and others must remove it without ever removing a live one that took its place in
 * between. Hence the rule: the lock of owner X is unlinked only by X itself, or, once X is gone, by
 * whoever holds the lock `NAME.break-X` and has read X in the lock again while holding it. X is
 * unique and gone, so nothing else can change the lock between that reading and the unlinking. The
 * breaking lock is an ordinary lock; a process killed while it holds it is dealt with the same way.
 *
 * Locks are held for the moment in which an index.json is replaced or a round of a collection runs,
 * never while blobs are written.
 */
import { lstat, readlink, symlink, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BivyError, fileError, isOwnerGone, newOwner } from "../../base/index.ts";
import { namesIn } from "./absence.ts";

const defaultTimeoutMilliseconds = 30_000;
const longestPauseMilliseconds = 50;

export interface LockOptions {
  /** How long to wait for another process. */
  readonly timeoutMilliseconds?: number;
}

/** Runs `work` while holding the lock at `path`; fails with `lock-timeout` when it stays taken. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await acquire(path, deadlineOf(options));
  try {
    return await work();
  } finally {
    await unlink(path).catch((error: unknown) => {
      throw fileError(error, "unlocking", path);
    });
  }
}

/**
 * Waits until whoever holds a lock at this moment has released it or is gone; not at all where it is
 * free. Whoever takes it afterwards is not waited for.
 */
export async function waitForRelease(path: string, options: LockOptions = {}): Promise<void> {
  const holder = await readHolder(path);
  if (holder === undefined) return;
  const deadline = deadlineOf(options);
  for (let pause = 1; ; pause = nextPause(pause)) {
    if (isOwnerGone(holder) || (await readHolder(path)) !== holder) return;
    await waitToTryAgain(path, pause, deadline);
  }
}

/** Removes the locks in a folder that killed processes left, those for breaking locks among them. */
export async function removeStaleLocks(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (!/^\.bivy.*\.lock/.test(name)) continue;
    const path = join(folder, name);
    const holder = await readHolder(path).catch(() => undefined);
    if (holder !== undefined && isOwnerGone(holder)) await withLock(path, async () => {});
  }
}

function deadlineOf({ timeoutMilliseconds = defaultTimeoutMilliseconds }: LockOptions): number {
  return performance.now() + timeoutMilliseconds;
}

async function acquire(path: string, deadline: number): Promise<void> {
  const owner = newOwner();
  for (let pause = 1; ; pause = nextPause(pause)) {
    if (await tryCreate(path, owner)) return;
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (isOwnerGone(holder)) await breakLock(path, holder, deadline);
    else await waitToTryAgain(path, pause, deadline);
  }
}

function nextPause(pause: number): number {
  return Math.min(pause * 2, longestPauseMilliseconds);
}

async function waitToTryAgain(path: string, pause: number, deadline: number): Promise<void> {
  if (performance.now() > deadline)
    throw new BivyError("lock-timeout", `${path}: expected the lock to be free, found it held`, {
      hint: `Another bivy is writing there; try again. If none is running, remove ${basename(path)}.`,
    });
  await sleep(pause + Math.random() * pause);
}

async function tryCreate(path: string, owner: string): Promise<boolean> {
  try {
    await symlink(owner, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(error, "locking", path);
  }
}

/** The owner that a lock names; undefined once the lock is gone. */
async function readHolder(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return undefined;
    if (code === "EINVAL" && (await lstat(path).catch(() => undefined)) !== undefined)
      throw new BivyError("io-failed", `${path}: expected a lock, found a file or folder`, {
        hint: "Remove it.",
      });
    throw fileError(error, "reading the lock", path);
  }
}

async function breakLock(path: string, holder: string, deadline: number): Promise<void> {
  const breaking = `${path}.break-${holder.slice(-12)}`;
  await acquire(breaking, deadline);
  try {
    if ((await readHolder(path)) === holder) await unlink(path);
  } catch (error) {
    throw fileError(error, "removing the lock of a process that is gone", path);
  } finally {
    await unlink(breaking);
  }
}
