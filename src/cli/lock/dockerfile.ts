/** bivy lock of a Dockerfile: its base images, and the packages that its RUN lines install. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Key } from "../../apk/index.ts";
import type { DockerfileLock, LockFinding, StepRecordings } from "../../build/index.ts";
import { decodeName, fileError, isBivyError, readUserFile } from "../../base/index.ts";
import type { DockerfileArgument } from "../build/argument.ts";
import { openInputs, type DockerfileInputs, type InputFlags } from "../build/dockerfile-inputs.ts";
import { relativeTo } from "../image-arguments.ts";
import type { Session } from "../session.ts";
import { countOf } from "../term/progress.ts";
import { printNote, printResult } from "../term/streams.ts";
import { formatDifference } from "./difference.ts";
import { lockPackage } from "./keep-package.ts";
import { absoluteFrom, lockFileOf } from "./lock-file.ts";
import { replaceFile } from "./replace-file.ts";
import { describeVulnerabilities, type LockedPlace } from "./vulnerabilities.ts";

export interface DockerfileLockFlags extends InputFlags {
  readonly file?: string;
  readonly lock?: string;
  readonly vendor?: string;
  readonly format: "text" | "json";
  readonly key?: readonly string[];
  /** True without names. */
  readonly update?: true | readonly string[];
}

export async function lockFromDockerfile(
  argument: DockerfileArgument,
  flags: DockerfileLockFlags,
  session: Session,
): Promise<void> {
  const inputs = await openInputs(argument, flags, session);
  try {
    await writeLock(argument, inputs, flags, session);
  } finally {
    await inputs.store.close();
  }
}

interface WriteOptions {
  /** What a build did that could not be read. */
  readonly recordings?: StepRecordings;
  /** Says nothing of the lock: it is not what was asked for. */
  readonly quiet?: boolean;
}

/** Makes the lock and writes it. */
export async function writeLock(
  argument: DockerfileArgument,
  inputs: DockerfileInputs,
  flags: DockerfileLockFlags,
  session: Session,
  { recordings, quiet = false }: WriteOptions = {},
): Promise<void> {
  const { formatDockerfileLock, lockInputs } = await import("../../build/index.ts");
  const { progress, access } = session;
  const lockFile = lockFileOf(argument, flags.lock);
  const before = await readLockIfThere(lockFile);
  const update = Array.isArray(flags.update) ? flags.update : undefined;
  const { lock, findings } = await lockInputs({
    dockerfile: inputs.dockerfile,
    ...(flags.target === undefined ? {} : { target: flags.target }),
    buildArguments: inputs.buildArguments,
    platforms: inputs.platforms,
    contextNames: inputs.contextNames,
    images: inputs.images,
    ...(inputs.openContext === undefined ? {} : { openContext: inputs.openContext }),
    access,
    allowUntrusted: flags.allowUntrusted ?? false,
    keys: await Promise.all((flags.key ?? []).map(readKey)),
    ...(recordings === undefined ? {} : { recordings }),
    ...(update === undefined || before === undefined ? {} : { previous: { lock: before, update } }),
  });
  const whole = await completePackages(lock, lockFile, flags.vendor, session);
  const text = formatDockerfileLock(whole, await relativeTo(lockFile));
  await replaceFile(lockFile, text);
  progress.end();
  for (const finding of findings) printNote(describeFinding(argument.subject, finding));
  if (quiet) return;
  if (flags.format === "json") return printResult(text);
  if (flags.update === undefined) printLock(whole);
  else await printDifference(before, whole, session);
  printResult(`${lockFile}${flags.vendor === undefined ? "" : `, packages in ${flags.vendor}`}`);
  if (findings.some(({ blocking }) => blocking))
    printNote("What is not known a build can tell: bivy build --record.");
}

async function readKey(path: string): Promise<Key> {
  const { parseKey } = await import("../../apk/index.ts");
  return parseKey(basename(path), decodeName(await readUserFile(path)));
}

/** Every package is fetched and verified to its last byte; where copies are wanted, one is kept. */
async function completePackages(
  lock: DockerfileLock,
  lockFile: string,
  vendor: string | undefined,
  { access }: Session,
): Promise<DockerfileLock> {
  const { completeLock } = await import("../../build/index.ts");
  const { fetchPackage } = await import("../../apk/index.ts");
  return completeLock(lock, async (each, arch) => {
    if (each.package.installedSize === 0) return each;
    const source = await fetchPackage(each, access);
    return lockPackage(each, source, arch, lockFile, vendor, access.limits);
  });
}

async function readLockIfThere(lockFile: string): Promise<DockerfileLock | undefined> {
  if (!existsSync(lockFile)) return undefined;
  const { isDockerfileLock, parseDockerfileLock } = await import("../../build/index.ts");
  const text = await readFile(lockFile, "utf8").catch((error: unknown) => {
    throw fileError(error, "reading", lockFile);
  });
  try {
    if (!isDockerfileLock(text, lockFile)) return undefined;
    return parseDockerfileLock(text, lockFile, absoluteFrom(lockFile));
  } catch (error) {
    // What cannot be read is made anew.
    if (isBivyError(error, "lock-invalid")) return undefined;
    throw error;
  }
}

function describeFinding(subject: string, { line, text, reason, hint }: LockFinding): string {
  const help = hint === undefined ? "" : `\n  ${hint}`;
  return `warning: ${subject}:${line}: ${text}: ${reason}${help}`;
}

function printLock({ images, platforms }: DockerfileLock): void {
  for (const [reference, digests] of images)
    for (const [platform, digest] of digests)
      printResult(`${platform}: ${reference} ${digest.slice(0, "sha256:".length + 12)}`);
  for (const { platform, steps } of platforms)
    for (const { id, packages } of steps)
      printResult(`${platform}: ${id.split("/")[0]}: ${countOf(packages.length, "package")}`);
}

async function printDifference(
  before: DockerfileLock | undefined,
  after: DockerfileLock,
  session: Session,
): Promise<void> {
  const { diffLocks } = await import("../../build/index.ts");
  printResult(formatDifference(diffLocks(before, after)));
  const places = await lockedPlaces(before, after);
  for (const line of await describeVulnerabilities(places, session, true)) printResult(line);
}

/** The stages of both locks. */
async function lockedPlaces(
  before: DockerfileLock | undefined,
  after: DockerfileLock,
): Promise<readonly LockedPlace[]> {
  const { lockedStages } = await import("../../build/index.ts");
  const [old, now] = [before === undefined ? [] : lockedStages(before), lockedStages(after)].map(
    (stages) =>
      new Map(stages.map(({ platform, stage, packages }) => [`${platform}: ${stage}`, packages])),
  );
  return Array.from(new Set([...now!.keys(), ...old!.keys()]), (name) => ({
    name,
    before: old!.get(name) ?? [],
    after: now!.get(name) ?? [],
  }));
}
