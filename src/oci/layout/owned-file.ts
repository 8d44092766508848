/**
 * Owned files: files that a process needs only while it runs, named `PREFIX` and their owner
 * (base/owner.ts). They go when the process ends; what a killed one left is removed by others.
 */
import { unlinkSync } from "node:fs";
import { lstat, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isOwnerGone, newOwner } from "../../base/index.ts";

const dayMilliseconds = 24 * 60 * 60 * 1000;
/** After this time without a change, a file of a process that cannot be looked for is given up. */
const abandonedAfterMilliseconds = 7 * dayMilliseconds;
/** How often a file must be touched that stays unchanged for long, so that it is not given up. */
export const touchMilliseconds = dayMilliseconds;

const leaving = new Set<string>();

function removeLeaving(): void {
  for (const path of leaving)
    try {
      unlinkSync(path);
    } catch {
      // Another process removes it.
    }
}

/** Removes a file when the process ends, such as on Ctrl-C; the returned function calls that off. */
export function removeAtExit(path: string): () => void {
  if (leaving.size === 0) process.once("exit", removeLeaving);
  leaving.add(path);
  return () => {
    leaving.delete(path);
    if (leaving.size === 0) process.off("exit", removeLeaving);
  };
}

export interface AbandonedFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** The files of a prefix in a folder whose processes are gone. */
export async function findAbandoned(
  folder: string,
  prefix: string,
): Promise<readonly AbandonedFile[]> {
  const found: AbandonedFile[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const path = join(folder, name);
    const info = await lstat(path).catch(() => undefined);
    if (info !== undefined && isAbandoned(name.slice(prefix.length), info.mtimeMs))
      found.push({ path, size: info.size });
  }
  return found;
}

/** Removes them; one that somebody else removes, or that this user may not, stays as it is. */
export async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  for (const { path } of await findAbandoned(folder, prefix))
    await unlink(path).catch(() => undefined);
}

function isAbandoned(owner: string, changed: number): boolean {
  if (isOwnerGone(owner)) return true;
  return isElsewhere(owner) && Date.now() - changed > abandonedAfterMilliseconds;
}

/** Whether an owner is of another host, boot or pid namespace than this process. */
function isElsewhere(owner: string): boolean {
  return placeOf(owner) !== placeOf(newOwner());
}

/** The first three parts of an owner (base/owner.ts). */
function placeOf(owner: string): string {
  return owner.split("-", 3).join("-");
}
