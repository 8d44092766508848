/** The lock of a Dockerfile: bivy.lock with the images and, step by step, the packages of a build (docs/formats/bivy-lock.md). */
import { type Key } from "../../../apk/index.ts";
import {
  describeKey,
  describePackage,
  LockReader,
  lockVersion,
  parseLockDocument,
  type Fields,
  type LockedPackage,
} from "../../lock.ts";
import { type Finding } from "./finding.ts";

export interface LockedStep {
  /** `identifySteps` */
  readonly id: string;
  /** apk's name of the architecture. */
  readonly arch: string;
  /** The apk commands that change something, as they were understood. */
  readonly commands: readonly string[];
  /** Variables that the commands depend on; undefined for one that was not set. */
  readonly variables: ReadonlyMap<string, string | undefined>;
  /** All that is installed at some time during the step, in the order of installation. */
  readonly packages: readonly LockedPackage[];
  /** Labels of packages that are taken away during the step. */
  readonly removed: readonly string[];
  /** Tags of repositories that commands of the step can name. */
  readonly tags: readonly string[];
  /** The text of etc/apk/repositories after the step, where the step changes it. */
  readonly repositories?: string;
  /** Why the packages are not all of them. */
  readonly unresolved: readonly Finding[];
  /** Whether a recording build told the packages, or some of them. */
  readonly recorded: boolean;
}

export interface LockedPlatform {
  /** Such as `linux/amd64`. */
  readonly platform: string;
  /** What was asked for when the lock was made (`dockerfileRequest`). */
  readonly request: string;
  /** In the order of the build. */
  readonly steps: readonly LockedStep[];
}

export interface DockerfileLock {
  /** Digests by reference, and by platform. */
  readonly images: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Keys, beside Alpine's own, whose signatures the lock rests on. */
  readonly keys: readonly Key[];
  readonly platforms: readonly LockedPlatform[];
}

/** The text of the lock file; the same lock gives the same text. */
export function formatDockerfileLock(
  { images, keys, platforms }: DockerfileLock,
  relative: (location: string) => string,
): string {
  const document = {
    version: lockVersion,
    kind: "dockerfile",
    images: Object.fromEntries(
      sorted(images).map(([reference, digests]) => [
        reference,
        Object.fromEntries(sorted(digests)),
      ]),
    ),
    keys: keys.map((key) => describeKey(key, relative)),
    platforms: Object.fromEntries(
      platforms.map(({ platform, request, steps }) => [
        platform,
        { request, steps: steps.map((step) => describeStep(step, relative)) },
      ]),
    ),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function sorted<Value>(map: ReadonlyMap<string, Value>): (readonly [string, Value])[] {
  return Array.from(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

function describeStep(step: LockedStep, relative: (location: string) => string): object {
  const { id, arch, commands, variables, packages, removed, tags, repositories } = step;
  return {
    id,
    arch,
    commands,
    variables: Object.fromEntries(sorted(variables).map(([name, value]) => [name, value ?? null])),
    ...(tags.length === 0 ? {} : { tags }),
    ...(repositories === undefined ? {} : { repositories }),
    ...(step.recorded ? { recorded: true } : {}),
    ...(step.unresolved.length === 0 ? {} : { unresolved: step.unresolved }),
    removed,
    packages: packages.map((each) => describePackage(each, relative)),
  };
}

/** Whether a lock file is one of a Dockerfile. */
export function isDockerfileLock(text: string, subject: string): boolean {
  return parseLockDocument(text, subject)["kind"] === "dockerfile";
}

/** Reads a lock file. `absolute` undoes `relative`. */
export function parseDockerfileLock(
  text: string,
  subject: string,
  absolute: (location: string) => string,
): DockerfileLock {
  const document = parseLockDocument(text, subject);
  const reader = new LockReader(subject, absolute);
  const images = reader.object(document, "images");
  const platforms = reader.object(document, "platforms");
  return {
    images: new Map(
      Object.keys(images).map((reference) => {
        const digests = reader.object(images, reference);
        return [
          reference,
          new Map(Object.keys(digests).map((each) => [each, reader.text(digests, each)])),
        ];
      }),
    ),
    keys: reader.keys(document, "keys"),
    platforms: Object.keys(platforms).map((platform) => ({
      platform,
      request: reader.text(reader.object(platforms, platform), "request"),
      steps: reader
        .list(reader.object(platforms, platform), "steps")
        .map((fields) => readStep(fields, reader)),
    })),
  };
}

function readStep(fields: Fields, reader: LockReader): LockedStep {
  const variables = reader.object(fields, "variables");
  const repositories = reader.maybeText(fields, "repositories");
  return {
    id: reader.text(fields, "id"),
    arch: reader.text(fields, "arch"),
    commands: reader.texts(fields, "commands"),
    variables: new Map(
      Object.keys(variables).map((name) => [
        name,
        variables[name] === null ? undefined : reader.text(variables, name),
      ]),
    ),
    packages: reader.packages(fields, "packages"),
    removed: reader.texts(fields, "removed"),
    tags: fields["tags"] === undefined ? [] : reader.texts(fields, "tags"),
    ...(repositories === undefined ? {} : { repositories }),
    unresolved:
      fields["unresolved"] === undefined
        ? []
        : reader.list(fields, "unresolved").map((finding) => readFinding(finding, reader)),
    recorded: fields["recorded"] === true,
  };
}

function readFinding(fields: Fields, reader: LockReader): Finding {
  const hint = reader.maybeText(fields, "hint");
  return {
    line: reader.number(fields, "line"),
    text: reader.text(fields, "text"),
    reason: reader.text(fields, "reason"),
    blocking: fields["blocking"] === true,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The steps of a platform; none where the lock does not have it. */
export function stepsOf(lock: DockerfileLock, platform: string): readonly LockedStep[] {
  return lock.platforms.find((each) => each.platform === platform)?.steps ?? [];
}

/**
 * The lock with each package as `complete` gives it: fetched, verified, with its sections, and kept where
 * that is wanted. A package that several steps have is completed once.
 */
export async function completeLock(
  lock: DockerfileLock,
  complete: (each: LockedPackage, arch: string) => Promise<LockedPackage>,
): Promise<DockerfileLock> {
  const known = new Map<string, LockedPackage>();
  const platforms: LockedPlatform[] = [];
  for (const { platform, request, steps } of lock.platforms) {
    const completed: LockedStep[] = [];
    for (const step of steps) {
      const packages: LockedPackage[] = [];
      for (const each of step.packages) {
        const key = JSON.stringify([step.arch, each.location, each.package.identity]);
        const done = known.get(key) ?? (await complete(each, step.arch));
        known.set(key, done);
        packages.push(done);
      }
      completed.push({ ...step, packages });
    }
    platforms.push({ platform, request, steps: completed });
  }
  return { ...lock, platforms };
}
