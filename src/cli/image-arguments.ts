/** Arguments of build and lock: which configuration, and where its lock is. */
import { existsSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { PackageSource } from "../apk/index.ts";
import type { ImageConfig, Lock, LockedArch, LockedPackage } from "../build/index.ts";
import {
  BivyError,
  fileContent,
  ignoreEvents,
  readUserFile,
  type EventSink,
} from "../base/index.ts";

export function lockPath(configPath: string, flag: string | undefined): string {
  return flag ?? join(dirname(configPath), "bivy.lock");
}

/**
 * Local paths stand in a lock relative to it, so that it means the same in every checkout, and URLs
 * without credentials, since locks are kept where many read them.
 */
export async function relativeTo(lockFile: string): Promise<(location: string) => string> {
  const { withoutUserinfo } = await import("../http/index.ts");
  const folder = resolve(dirname(lockFile));
  return (location) =>
    isUrl(location) ? withoutUserinfo(location) : relative(folder, resolve(location)) || ".";
}

/** What `relativeTo` left out: the folder, and the credentials that the configuration has. */
async function absoluteFrom(
  lockFile: string,
  config: ImageConfig,
): Promise<(location: string) => string> {
  const { withoutUserinfo } = await import("../http/index.ts");
  const folder = resolve(dirname(lockFile));
  // As the configuration has a folder, so must the lock: keys are tied to repositories by their text.
  const known = new Map<string, string>();
  const { repositories, buildRepositories } = config.contents;
  const urls = [...repositories, ...buildRepositories].map(({ url }) => url);
  for (const url of urls.sort((a, b) => b.length - a.length))
    known.set(isUrl(url) ? withoutUserinfo(url) : resolve(url), url);
  return (location) => {
    const plain = isUrl(location) ? location : resolve(folder, location);
    for (const [bare, url] of known)
      if (plain === bare || plain.startsWith(`${bare}/`))
        return `${url}${plain.slice(bare.length)}`;
    return plain;
  };
}

function isUrl(location: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(location);
}

export async function readLock(lockFile: string, config: ImageConfig): Promise<Lock> {
  const { parseLock, requireCurrentLock } = await import("../build/index.ts");
  const bytes = await readUserFile(lockFile).catch((error: unknown) => {
    throw new BivyError("lock-missing", `${lockFile}: there is no lock`, {
      cause: error,
      hint: "Make it with bivy lock, and keep it beside the configuration.",
    });
  });
  const absolute = await absoluteFrom(lockFile, config);
  const lock = parseLock(Buffer.from(bytes).toString("utf8"), lockFile, absolute);
  requireCurrentLock(lock, config, lockFile);
  return lock;
}

export function lockedArch(lock: Lock, arch: string, lockFile: string): LockedArch {
  const locked = lock.archs.find((each) => each.arch === arch);
  if (locked !== undefined) return locked;
  const known = lock.archs.map((each) => each.arch).join(", ");
  throw new BivyError(
    "lock-outdated",
    `${lockFile}: expected packages for ${arch}, found those for ${known}`,
    {
      hint: "Add the architecture to the configuration, and lock again.",
    },
  );
}

/**
 * Finds the kept copies of packages that `bivy lock --vendor` wrote. One that is gone is fetched again,
 * from where it was locked.
 */
export function keptCopies(
  lockFile: string,
  packages: readonly LockedPackage[],
  report: EventSink = ignoreEvents,
): (locked: LockedPackage) => PackageSource | undefined {
  const folder = resolve(dirname(lockFile));
  const vendored = new Map(packages.map((each) => [each.package.identity, each.vendored]));
  return ({ package: subject }) => {
    const kept = vendored.get(subject.identity);
    if (kept === undefined) return undefined;
    const path = resolve(folder, kept);
    if (!existsSync(path)) {
      report({
        type: "warning",
        text: `${path}: the kept copy is gone; its package is fetched`,
        hint: "Keep the packages anew with bivy lock --vendor.",
      });
      return undefined;
    }
    return { subject: path, open: () => fileContent(path, subject.size).chunks() };
  };
}

/** The name of an image that was given none: its folder's. */
export function defaultImageName(configPath: string): string {
  const folder = basename(dirname(resolve(configPath)));
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "image" : name;
}
