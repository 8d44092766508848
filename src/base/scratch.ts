/** Scratch folders: temporary folders of a process, and the clearing away of those that a killed one left. */
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileError } from "./error.ts";
import { isOwnerGone, newOwner } from "./owner.ts";

const scratchForm = /^bivy-[a-z]+-(.+)$/;

/** Makes a new folder below the system's temporary folder; `purpose` is one word in lower case. */
export async function makeScratchFolder(purpose: string): Promise<string> {
  await sweepScratch();
  const folder = join(tmpdir(), `bivy-${purpose}-${newOwner()}`);
  try {
    await mkdir(folder, { mode: 0o700 });
    return folder;
  } catch (error) {
    throw fileError(error, "making a temporary folder", folder);
  }
}

export async function removeScratchFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

let swept: Promise<void> | undefined;

/** Once per process. Only folders of this user are touched, and only when their process is gone. */
function sweepScratch(): Promise<void> {
  swept ??= sweep().catch(() => undefined);
  return swept;
}

async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = scratchForm.exec(name)?.[1];
    if (owner === undefined || !isOwnerGone(owner)) continue;
    const folder = join(tmpdir(), name);
    const isOurs = (await lstat(folder)).uid === process.geteuid?.();
    if (isOurs) await removeScratchFolder(folder).catch(() => undefined);
  }
}
