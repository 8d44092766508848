/** Scratch folders: temporary folders of a process, and the clearing away of those that a killed one left. */
import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BivyError, fileError } from "./error.ts";
import { isOwnerGone, newOwner } from "./owner.ts";

const scratchForm = /^bivy-[a-z]+-(.+)$/;

/**
 * Makes a new folder below the system's temporary folder, or below another one that is there; `purpose`
 * is one word in lower case.
 */
export async function makeScratchFolder(purpose: string, parent = tmpdir()): Promise<string> {
  await sweepScratch(parent);
  const folder = join(parent, `bivy-${purpose}-${newOwner()}`);
  try {
    await mkdir(folder, { mode: 0o700 });
    return folder;
  } catch (error) {
    const { code, message } = fileError(error, "making a temporary folder", folder);
    throw new BivyError(code, message, {
      cause: error,
      hint:
        parent === tmpdir()
          ? `Temporary folders are made below ${parent}; set TMPDIR to another folder that can be written.`
          : `It is made below ${parent}; set XDG_CACHE_HOME to another folder that can be written.`,
    });
  }
}

export async function removeScratchFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENAMETOOLONG")
      throw fileError(error, "removing", folder);
    await liftDeepFolders(folder);
    // The first rm may still be at work on other branches, and empties a folder that this one removes.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

/** Far enough below PATH_MAX, 4096, for the names of what is in a folder. */
const deepPath = 2048;

/**
 * A command can nest folders until no path leads to the innermost any more. Each that lies deep is
 * moved up to the top, and then what is in it.
 */
async function liftDeepFolders(top: string): Promise<void> {
  const pending = [Buffer.from(top)];
  for (let lifted = 0; pending.length > 0;) {
    const folder = pending.pop()!;
    const entries = await orGone(readdir(folder, { encoding: "buffer", withFileTypes: true }));
    for (const entry of entries ?? []) {
      if (!entry.isDirectory()) continue;
      const path = Buffer.concat([folder, Buffer.from("/"), entry.name]);
      if (path.byteLength < deepPath) {
        pending.push(path);
        continue;
      }
      lifted += 1;
      const higher = Buffer.from(join(top, `.bivy-lifted-${lifted}`));
      if ((await orGone(rename(path, higher).then(() => true))) === true) pending.push(higher);
    }
  }
}

/** Undefined where what is asked for is not there any more. */
async function orGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const swept = new Map<string, Promise<void>>();

/** Once per process. Only folders of this user are touched, and only when their process is gone. */
function sweepScratch(parent: string): Promise<void> {
  const sweeping = swept.get(parent) ?? sweep(parent).catch(() => undefined);
  swept.set(parent, sweeping);
  return sweeping;
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const owner = scratchForm.exec(name)?.[1];
    if (owner === undefined || !isOwnerGone(owner)) continue;
    const folder = join(parent, name);
    const isOurs = (await lstat(folder)).uid === process.geteuid?.();
    if (isOurs) await removeScratchFolder(folder).catch(() => undefined);
  }
}
