/**
 * Applying COPY and ADD: what the sources bring is written into the files of a stage, one source after
 * the other, so that a later one overwrites what an earlier one brought.
 */
import { BivyError, throwIfAborted, type Limits } from "../../../base/index.ts";
import { resolveInRoot, TreeRoot } from "../../../tree/index.ts";
import { type CopyStep } from "../steps.ts";
import { openArchive } from "./archive.ts";
import { layOver } from "./lay-over.ts";
import {
  makeFolders,
  plainDestination,
  prepareLanding,
  type CopyChanges,
  type CopyDating,
} from "./landing.ts";
import { parseMode } from "./mode.ts";
import { resolveOwner, rootOwner, type CopyOwner } from "./owner.ts";
import { type SelectedFiles, type SelectedSource } from "./selection.ts";
import { unpackArchive } from "./unpack.ts";
import { writeEntries } from "./write-entries.ts";

export interface CopyOptions {
  /** Of directories that are made on the way, in seconds since 1970. */
  readonly time: number;
  readonly dating?: CopyDating;
  readonly limits: Limits;
  /** A folder that stays as long as the tree is used: what is unpacked lies in it. */
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes sources to a root, which must be that of the step's stage. Without `--chown`, files of the
 * context belong to root, and those that `--from` names keep their owners. With `--link`, unless
 * `--chmod` is there too, the destination is taken as if the stage were empty (see lay-over.ts).
 *
 * Throws `dockerfile-invalid` where something does not fit, and what reading the sources throws. A root
 * that a copy failed in may hold a part of it.
 */
export async function applyCopy(
  root: TreeRoot,
  step: CopyStep,
  sources: readonly SelectedSource[],
  options: CopyOptions,
): Promise<void> {
  const isLinked = step.link && step.chmod === undefined;
  const archiveOwner =
    step.chown === undefined
      ? undefined
      : await resolveOwner(step.chown, root, options.limits, isLinked);
  const changes: CopyChanges = {
    owner: archiveOwner ?? (step.from === undefined ? rootOwner : undefined),
    mode: step.chmod === undefined ? undefined : parseMode(step.chmod),
    time: options.time,
    dating: options.dating,
  };
  const placing = { changes, archiveOwner, options };
  if (!isLinked) return placeSources(root, step, sources, placing);
  const layer = new TreeRoot();
  await placeSources(layer, step, sources, placing);
  layOver(root, layer.snapshot());
}

interface Placing {
  readonly changes: CopyChanges;
  /** Without `--chown`, an archive's files keep the owners that it states. */
  readonly archiveOwner: CopyOwner | undefined;
  readonly options: CopyOptions;
}

async function placeSources(
  root: TreeRoot,
  step: CopyStep,
  sources: readonly SelectedSource[],
  { changes, archiveOwner, options }: Placing,
): Promise<void> {
  const { destination } = step;
  /** The source that became the destination itself, and is no directory. */
  let alone: string | undefined;
  for (const selected of sources) {
    throwIfAborted(options.signal);
    const subject = `${step.instruction} ${selected.source}`;
    // The last source would be all that is left, which nobody means.
    if (alone !== undefined) throw severalInOne(subject, destination, alone);
    const source = selected.kind === "remote" ? await selected.open() : selected;
    if (await placeArchive(root, destination, source, subject, { changes, archiveOwner, options }))
      continue;
    const { place, isInside } = prepareLanding(root, destination, source, changes, subject);
    writeEntries(root, place, source.entries, changes, subject);
    if (!isInside && source.entries[0]!.node.kind !== "directory") alone = source.source;
  }
}

function severalInOne(subject: string, destination: string, alone: string): BivyError {
  return new BivyError(
    "dockerfile-invalid",
    `${subject}: several sources need a directory, and ${destination} is the file that ${alone} became`,
    { hint: `End the destination with a slash: ${destination}/` },
  );
}

/** Unpacks a source into the destination; false where it is no archive. */
async function placeArchive(
  root: TreeRoot,
  destination: string,
  { unpacks, entries }: SelectedFiles,
  subject: string,
  { changes, archiveOwner, options }: Placing,
): Promise<boolean> {
  const { node } = entries[0]!;
  if (!unpacks || node.kind !== "file") return false;
  const archive = await openArchive(node.content, subject, options);
  if (archive === undefined) return false;
  const place = resolveInRoot(root, plainDestination(destination));
  makeFolders(root, place, { ...changes, mode: undefined }, subject);
  await unpackArchive(root, place, archive, { owner: archiveOwner, subject, ...options });
  return true;
}
