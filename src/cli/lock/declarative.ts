/** bivy lock of an image configuration: the exact packages of each architecture. */
import { readFile, stat } from "node:fs/promises";
import { isBivyError } from "../../base/index.ts";
import type {
  Lock,
  LockedArch,
  LockedPackage,
  Resolution,
  ResolvedPackage,
} from "../../build/index.ts";
import { lockPath, relativeTo } from "../image-arguments.ts";
import type { Session, SessionFlags } from "../session.ts";
import { countOf } from "../term/progress.ts";
import { printResult } from "../term/streams.ts";
import { lockPackage } from "./keep-package.ts";
import { absoluteFrom } from "./lock-file.ts";
import { replaceFile } from "./replace-file.ts";
import { describeVulnerabilities } from "./vulnerabilities.ts";

export interface DeclarativeLockFlags extends SessionFlags {
  readonly lock?: string;
  readonly vendor?: string;
  readonly allowUntrusted?: boolean;
  readonly format: "text" | "json";
  readonly update?: true | readonly string[];
}

/** Locks the packages of a configuration. */
export async function lockConfiguration(
  configPath: string,
  flags: DeclarativeLockFlags,
  session: Session,
): Promise<void> {
  const { formatLock, loadBuildKeys, loadImageConfig, requestDigest, resolveImage } =
    await import("../../build/index.ts");
  const { access, limits, progress } = session;
  const lockFile = lockPath(configPath, flags.lock);
  const config = await loadImageConfig(configPath, { limits });
  const keys = await loadBuildKeys(config, access);
  const before = await readEarlierLock(lockFile);
  const archs: LockedArch[] = [];
  for (const arch of config.archs) {
    const resolution = await resolveImage(config, arch, access, {
      keys,
      allowUntrusted: flags.allowUntrusted ?? false,
    });
    archs.push(await lockPackages(resolution, lockFile, flags.vendor, session));
  }
  const locked = { request: requestDigest(config), keys, archs };
  const text = formatLock(locked, await relativeTo(lockFile));
  await replaceFile(lockFile, text);
  progress.end();
  if (flags.format === "json") return printResult(text);
  for (const { arch, packages } of archs)
    printResult(`${arch}: ${countOf(packages.length, "package")}`);
  if (before !== undefined) {
    const places = archs.map(({ arch, packages }) => ({
      name: arch,
      before: before.archs.find((each) => each.arch === arch)?.packages ?? [],
      after: packages,
    }));
    const isAsked = flags.update !== undefined;
    for (const line of await describeVulnerabilities(places, session, isAsked)) printResult(line);
  }
  printResult(`${lockFile}${flags.vendor === undefined ? "" : `, packages in ${flags.vendor}`}`);
}

/** The lock that is replaced, to say what changes; undefined where none can be read. */
async function readEarlierLock(lockFile: string): Promise<Lock | undefined> {
  const { parseLock } = await import("../../build/index.ts");
  // A pipe or a device, such as /dev/stdout, would be waited for.
  const found = await stat(lockFile).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  const text = await readFile(lockFile, "utf8").catch(() => undefined);
  try {
    return text === undefined ? undefined : parseLock(text, lockFile, absoluteFrom(lockFile));
  } catch (error) {
    if (isBivyError(error)) return undefined;
    throw error;
  }
}

/** Fetches every package, verifies it to its last byte, and keeps a copy where one is wanted. */
async function lockPackages(
  resolution: Resolution,
  lockFile: string,
  vendor: string | undefined,
  { access }: Session,
): Promise<LockedArch> {
  const { fetchPackages } = await import("../../apk/index.ts");
  const withFiles = resolution.packages.filter((each) => each.package.installedSize > 0);
  const sources = await fetchPackages(withFiles, access);
  const locked = new Map<ResolvedPackage, LockedPackage>();
  for (const [index, each] of withFiles.entries())
    locked.set(
      each,
      await lockPackage(each, sources[index]!, resolution.arch, lockFile, vendor, access.limits),
    );
  return { ...resolution, packages: resolution.packages.map((each) => locked.get(each) ?? each) };
}
