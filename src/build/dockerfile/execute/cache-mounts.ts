/**
 * Cache mounts: folders that outlive builds, such as a package manager's downloads. A shared one is used
 * by many commands at once, a locked one by one after the other, and of a private one every command that
 * runs at the same time has its own.
 */
import { chmod, chown, lstat, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeText, hashHex, isBivyError, makeFolders } from "../../../base/index.ts";
import { withLock } from "../../../oci/index.ts";
import { canSetOwners } from "../../../sandbox/index.ts";
import { findNode, layOut } from "../../../tree/index.ts";
import { type PlannedMount } from "../steps.ts";
import { resolveTarget, type MountSources } from "./run-mounts.ts";
import { makeFolder } from "./stage-files.ts";

/** Runs the command with the folder of each cache mount, while it has those that it need not share. */
export async function withCaches<T>(
  planned: readonly PlannedMount[],
  sources: MountSources,
  work: (folders: ReadonlyMap<PlannedMount, string>) => Promise<T>,
): Promise<T> {
  const caches = planned
    .filter(({ type }) => type === "cache")
    .map((mount) => ({ mount, place: join(sources.caches, nameOf(mount)) }))
    // Everybody takes several locks in one order, so that nobody waits in a circle.
    .toSorted((a, b) => (a.place < b.place ? -1 : 1));
  const folders = new Map<PlannedMount, string>();
  const enter = async (index: number): Promise<T> => {
    const next = caches[index];
    if (next === undefined) return work(folders);
    const { mount, place } = next;
    const enterWith = async (folder: string): Promise<T> => {
      await makeCache(mount, folder, sources);
      folders.set(mount, folder);
      return enter(index + 1);
    };
    const { sharing = "shared" } = mount;
    if (sharing === "shared") return enterWith(join(place, "files"));
    await makeFolders(place);
    if (sharing === "locked")
      return withLock(join(place, ".lock"), () => enterWith(join(place, "files")), {
        timeoutMilliseconds: longestWait,
      });
    return inFreeSlot(place, (slot) => enterWith(join(place, `private-${slot}`)));
  };
  return enter(0);
}

/** Another build may take its time. */
const longestWait = 24 * 3_600_000;

function nameOf({ id = "" }: PlannedMount): string {
  return hashHex("sha256", encodeText(id)).slice(0, 32);
}

async function inFreeSlot<T>(place: string, work: (slot: number) => Promise<T>): Promise<T> {
  for (let slot = 0; ; slot += 1) {
    let entered = false;
    const enter = (): Promise<T> => {
      entered = true;
      return work(slot);
    };
    try {
      return await withLock(join(place, `.lock-${slot}`), enter, { timeoutMilliseconds: 0 });
    } catch (error) {
      if (entered || !isBivyError(error, "lock-timeout")) throw error;
    }
  }
}

/** Made in the build's own folder and renamed: what stands under its name has all that it should begin with. */
async function makeCache(
  mount: PlannedMount,
  folder: string,
  sources: MountSources,
): Promise<void> {
  if ((await lstat(folder).catch(() => undefined)) !== undefined) return;
  const temporary = await makeFolder(sources);
  if (mount.from !== undefined) {
    const tree = await (await sources.filesOf(mount)).tree();
    const node = findNode(tree, resolveTarget(tree, mount.source ?? "/").slice(1));
    if (node?.kind === "directory")
      await layOut(node, temporary, { owners: canSetOwners(), signal: sources.signal });
  }
  await chmod(temporary, mount.mode ?? 0o755);
  if (canSetOwners()) await chown(temporary, mount.uid ?? 0, mount.gid ?? 0);
  await makeFolders(dirname(folder));
  await rename(temporary, folder).catch((error: NodeJS.ErrnoException) => {
    // Somebody else was faster, and the folder is in use already.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
}
