/**
 * Garbage collection: removes from the store every blob that no name in index.json, no record and no
 * lease of a running process leads to. In this order:
 *
 * 1. Files of processes that are gone: unfinished blobs, leases, locks.
 * 2. A rehearsal: all that is needed is gathered without a lock. Nothing is done with the result, but
 *    the manifests, which never change, are known from then on.
 * 3. Rounds, each under the lock `.bivy-collecting.lock`: read the leases, then index.json, gather what
 *    is needed, remove the rest. Others who put or open an image wait for a round that runs (lease.ts),
 *    so a round ends after a while, and another one takes up what is left. The names of signatures
 *    whose subject is gone are removed when all else was, since a full disk may have no room for a new
 *    index.json; what they led to goes in one more round.
 *
 * Why nothing that is needed is removed. A blob is needed if a name or a lease leads to it when the
 * round looks; what is leased after that waits for the end of the round, and is then seen to be there
 * or not. The leases are read before index.json: an image that is put goes from the lease to the name,
 * so if its lease was given up already, its name is there; read the other way around, it could be
 * missed in both. An image that is opened goes from the name to the lease, and whoever opens it looks
 * at the name once more after leasing it (store.ts). A name that appears during a round, by `tag`,
 * leads to what another name led to, for one change of index.json does both. And nobody waits in a
 * circle: whoever holds the lock of index.json never waits for a collection.
 *
 * A crash in between leaves blobs that nothing leads to, for the next collection. Their order does not
 * matter: whoever puts an image looks at each of its blobs, whatever other blobs name it. An index of
 * which only some images are here is kept with those. A signature or attestation is kept as long as
 * its subject is, and its name goes with it.
 */
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  fileError,
  ignoreEvents,
  type Digest,
  type EventSink,
  type Limits,
} from "../../base/index.ts";
import { factsIfPresent } from "../layout/absence.ts";
import { blobPath, listBlobs } from "../layout/blob-folder.ts";
import { type Descriptor } from "../descriptor.ts";
import { openIndexFile, type IndexFile } from "../layout/index-file.ts";
import { nameOf } from "../layout/layout-index.ts";
import { collectionLockName, readLeases, removeAbandonedLeases } from "./lease.ts";
import { removeStaleLocks, withLock } from "../layout/lock.ts";
import { readRecords } from "./records.ts";
import { findAbandoned, removeAbandoned } from "../layout/owned-file.ts";
import { subjectOfEntry } from "../referrers.ts";
import {
  startReach,
  storedManifests,
  type ManifestReader,
  type Reach,
} from "../layout/stored-manifest.ts";
import { unfinishedPrefix } from "../layout/unfinished-file.ts";

export interface CollectOptions {
  /** Says what would be removed, and removes nothing. */
  readonly dryRun?: boolean;
  readonly events?: EventSink;
  readonly limits: Limits;
  /**
   * Records that nobody used since then, in milliseconds since 1970, are forgotten; all are kept where
   * it is absent (records.ts).
   */
  readonly recordsSince?: number;
  /** How long others may be made to wait at a time; default a second. */
  readonly roundMilliseconds?: number;
}

export interface Collected {
  /** The blobs that were removed, or in a dry run would be. */
  readonly removed: readonly Digest[];
  /** What was freed: the bytes of those blobs and of unfinished files. */
  readonly bytes: number;
  /** How many blobs stay. */
  readonly kept: number;
  /** The names of signatures and other referrers that went with their subjects. */
  readonly forgotten: readonly string[];
}

/** What is needed at one moment. */
interface Needed {
  readonly reach: Reach;
  /** Referrers whose subjects are not needed; they are not in `reach`. */
  readonly orphans: readonly Descriptor[];
  /** The files of records that nobody used for long. */
  readonly expired: readonly string[];
}

interface Tally {
  readonly removed: Digest[];
  readonly forgotten: string[];
  bytes: number;
  kept: number;
}

const defaultRoundMilliseconds = 1000;

/** Collects the garbage of the store in a folder. */
export async function collectGarbage(folder: string, options: CollectOptions): Promise<Collected> {
  const { dryRun = false, limits, roundMilliseconds = defaultRoundMilliseconds } = options;
  const index = openIndexFile(folder, limits);
  const read = rememberManifests(storedManifests(folder, limits), options.events ?? ignoreEvents);
  const tally: Tally = { removed: [], forgotten: [], bytes: 0, kept: 0 };
  for (const { size } of await findAbandoned(folder, unfinishedPrefix)) tally.bytes += size;

  const { recordsSince = 0 } = options;
  const rehearsed = await findNeeded(folder, index, read, recordsSince);
  if (dryRun) {
    for (const orphan of rehearsed.orphans) addForgotten(tally, orphan);
    await sweep(folder, rehearsed.reach.reached, tally, { dryRun, deadline: Infinity });
    return tally;
  }
  await removeLeftovers(folder);
  const round = async (): Promise<boolean> => {
    const deadline = performance.now() + roundMilliseconds;
    const { reach, orphans, expired } = await findNeeded(folder, index, read, recordsSince);
    // Before their blobs: a record of what is gone would be found, and be of no use.
    for (const path of expired) await remove(path);
    await reach.addImages(orphans.map(({ digest }) => digest));
    if (!(await sweep(folder, reach.reached, tally, { dryRun, deadline }))) return false;
    await forget(orphans, index, tally);
    return orphans.length === 0;
  };
  while (!(await withLock(join(folder, collectionLockName), round)));
  return tally;
}

async function removeLeftovers(folder: string): Promise<void> {
  await removeAbandoned(folder, unfinishedPrefix);
  await removeAbandonedLeases(folder);
  await removeStaleLocks(folder);
}

/** Remembers what was read, except what may yet change: absent and damaged manifests. */
function rememberManifests(read: ManifestReader, events: EventSink): ManifestReader {
  const known = new Map<Digest, Awaited<ReturnType<ManifestReader>>>();
  const warned = new Set<Digest>();
  return async (digest) => {
    if (known.has(digest)) return known.get(digest);
    const found = await read(digest);
    if (found === undefined) return undefined;
    if (!found.isDamaged) {
      // The parsed document is left out: a store may have many, and only what they name matters here.
      const { document: _, ...links } = found;
      known.set(digest, links);
    } else if (!warned.has(digest)) {
      warned.add(digest);
      events({
        type: "warning",
        text: `${digest}: the manifest is damaged; what can be read of it is kept`,
        hint: "Pull or build its image again, or remove the image.",
      });
    }
    return found;
  };
}

async function findNeeded(
  folder: string,
  index: IndexFile,
  read: ManifestReader,
  recordsSince: number,
): Promise<Needed> {
  // In this order; see above.
  const leased = await readLeases(folder);
  const recorded = await readRecords(folder, recordsSince);
  const { manifests: entries } = await index.read();

  const reach = startReach(read);
  reach.addBlobs(leased.blobs);
  reach.addBlobs(recorded.blobs);
  await reach.addImages(leased.images);
  let orphans: { entry: Descriptor; subject: Digest }[] = [];
  for (const entry of entries) {
    const subject = await subjectOfEntry(entry, read);
    if (subject === undefined) await reach.addImages([entry.digest]);
    else orphans.push({ entry, subject });
  }
  // A referrer may be the subject of another one.
  for (let before = Infinity; orphans.length < before;) {
    before = orphans.length;
    const still: typeof orphans = [];
    for (const orphan of orphans) {
      const { entry, subject } = orphan;
      if (reach.reached.has(subject) || reach.reached.has(entry.digest))
        await reach.addImages([entry.digest]);
      else still.push(orphan);
    }
    orphans = still;
  }
  return { reach, orphans: orphans.map(({ entry }) => entry), expired: recorded.expired };
}

async function forget(
  orphans: readonly Descriptor[],
  index: IndexFile,
  tally: Tally,
): Promise<void> {
  if (orphans.length === 0) return;
  const gone = new Set(orphans.map(keyOf));
  await index.change((before) => ({
    ...before,
    manifests: before.manifests.filter((entry) => !gone.has(keyOf(entry))),
  }));
  for (const orphan of orphans) addForgotten(tally, orphan);
}

function keyOf(entry: Descriptor): string {
  return `${entry.digest} ${nameOf(entry) ?? ""}`;
}

function addForgotten(tally: Tally, orphan: Descriptor): void {
  tally.forgotten.push(nameOf(orphan) ?? orphan.digest);
}

/** Removes what is not needed; false where time ran out before the end. At least one blob goes. */
async function sweep(
  folder: string,
  needed: ReadonlySet<Digest>,
  tally: Tally,
  { dryRun, deadline }: { readonly dryRun: boolean; readonly deadline: number },
): Promise<boolean> {
  const blobs = await listBlobs(folder);
  const doomed = blobs.filter((digest) => !needed.has(digest));
  tally.kept = blobs.length - doomed.length;
  for (const [position, digest] of doomed.entries()) {
    if (position > 0 && performance.now() > deadline) return false;
    const path = blobPath(folder, digest);
    const found = await factsIfPresent(path);
    if (found === undefined) continue;
    if (!dryRun) await remove(path);
    tally.removed.push(digest);
    tally.bytes += found.size;
  }
  return true;
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    throw fileError(error, "removing", path);
  }
}
