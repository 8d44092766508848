/** bivy lock: the exact packages of a declarative build, written beside its configuration. */
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import type { PackageSource } from "../apk/index.ts";
import type { LockedArch, LockedPackage, Resolution, ResolvedPackage } from "../build/index.ts";
import { fileError, makeFolders, type Chunks } from "../base/index.ts";
import {
  addConfigFlags,
  findConfig,
  lockPath,
  relativeTo,
  type ConfigFlags,
} from "./image-arguments.ts";
import { withSession, type Session } from "./session.ts";
import { countOf } from "./term/progress.ts";
import { printResult } from "./term/streams.ts";

interface LockFlags extends ConfigFlags {
  readonly lock?: string;
  readonly vendor?: string;
}

export function configure(command: Command): void {
  addConfigFlags(
    command
      .option("--lock <FILE>", "where to write (default: bivy.lock beside the configuration)")
      .option(
        "--vendor <DIR>",
        "keep the signed packages in this folder too, because mirrors drop old revisions",
      ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy lock image.yaml
  $ bivy lock image.yaml --vendor packages
  $ bivy build image.yaml --locked --offline
`,
    )
    .action((config: string, flags: LockFlags) =>
      withSession(flags, (session) => lock(config, flags, session)),
    );
}

async function lock(argument: string, flags: LockFlags, session: Session): Promise<void> {
  const { formatLock, loadBuildKeys, loadImageConfig, requestDigest, resolveImage } =
    await import("../build/index.ts");
  const { access, limits, progress } = session;
  const configPath = await findConfig(argument);
  const lockFile = lockPath(configPath, flags.lock);
  const config = await loadImageConfig(configPath, { limits });
  const keys = await loadBuildKeys(config, access);
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
  printResult(`${lockFile}${flags.vendor === undefined ? "" : `, packages in ${flags.vendor}`}`);
}

/** Fetches every package, verifies it to its last byte, and keeps a copy where one is wanted. */
async function lockPackages(
  resolution: Resolution,
  lockFile: string,
  vendor: string | undefined,
  { access }: Session,
): Promise<LockedArch> {
  const { fetchPackages } = await import("../apk/index.ts");
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

async function lockPackage(
  each: ResolvedPackage,
  source: PackageSource,
  arch: string,
  lockFile: string,
  vendor: string | undefined,
  limits: Session["limits"],
): Promise<LockedPackage> {
  const { readPackageSections, verifyPackage } = await import("../apk/index.ts");
  await verifyPackage(source, { by: "identity", identity: each.package.identity }, limits);
  const sections = await readPackageSections(source, limits);
  if (vendor === undefined) return { ...each, sections };
  const path = join(vendor, arch, `${each.package.name}-${each.package.version}.apk`);
  await keepCopy(source, path);
  return { ...each, sections, vendored: relative(resolve(dirname(lockFile)), resolve(path)) };
}

async function keepCopy(source: PackageSource, path: string): Promise<void> {
  await makeFolders(dirname(path)).catch((error: unknown) => {
    throw fileError(error, "writing", path);
  });
  await putInPlace(path, path, source.open());
}

/** The file has its content from one moment to the next, or stays as it was. */
async function putInPlace(target: string, named: string, content: string | Chunks): Promise<void> {
  const temporary = `${target}.${process.pid}.part`;
  try {
    await writeFile(temporary, content, { flag: "wx" });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, "writing", named);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  // A pipe or a device, such as /dev/stdout, is written to; a file in its place would be a fright.
  if (found !== undefined && !found.isFile() && !found.isDirectory())
    return writeFile(path, text).catch((error: unknown) => {
      throw fileError(error, "writing", path);
    });
  // The target of a symbolic link is replaced, not the link.
  const target = found === undefined ? path : await realpath(path);
  await putInPlace(target, path, text);
}
