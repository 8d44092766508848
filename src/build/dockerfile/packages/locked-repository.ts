/**
 * Locked repositories: what a locked step finds in place of the repositories of its root.
 *
 * The folder has an index of exactly the packages that the lock has for the step, signed with a key that
 * lives as long as the build, and their files, each verified by its identity while it is copied. Records
 * of what is installed already stand in the index too, so that it stays as it is. Whatever else the step
 * asks apk for is not there, and apk fails.
 *
 * A repository with a tag has an index of its own, so that what was asked for as `name@tag` comes from
 * there, and the database says so.
 *
 * `programs` comes first in the step's PATH. The `apk` in there runs the root's own apk with the
 * repositories and the key of the folder, whatever etc/apk/repositories says and whatever `-X` names. The
 * step can change etc/apk/repositories as it likes, and nothing of it has to be put back. An apk that is
 * called by its path finds no network, and fails.
 */
import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  createIndexFile,
  packageLabel,
  requirePlainPackage,
  verifyPackage,
  type InstalledPackage,
  type Package,
  type PackageSource,
  type SigningKey,
} from "../../../apk/index.ts";
import {
  BivyError,
  fileError,
  makeFolders,
  type Chunks,
  type Limits,
} from "../../../base/index.ts";
import { type LockedPackage } from "../../lock.ts";
import { type LockedStep } from "./dockerfile-lock.ts";
import { isVirtual } from "./virtual-package.ts";

export interface LockedRepositoryOptions {
  /** Where to write; it is made where it is missing. */
  readonly folder: string;
  /** Where the step sees that folder: an absolute path without quotes, such as `/dev/bivy-packages`. */
  readonly mountedAt: string;
  /** What is installed in the stage before the step. */
  readonly installed: readonly InstalledPackage[];
  /** A key of the build's own (`generateSigningKey`), and its public half. */
  readonly key: SigningKey;
  readonly publicPem: string;
  /** Where the bytes of a package are: its kept copy, or the cache. */
  readonly source: (locked: LockedPackage) => PackageSource | Promise<PackageSource>;
  readonly limits: Limits;
}

/** What a step sees while it runs. */
export interface LockedRepository {
  /** To be mounted, read-only, at `mountedAt`. */
  readonly folder: string;
  readonly mountedAt: string;
  /** The folder to put first in PATH, as the step sees it. */
  readonly programs: string;
}

/** Writes the repository of a step. */
export async function writeLockedRepository(
  { packages, tags, arch }: Pick<LockedStep, "packages" | "tags" | "arch">,
  options: LockedRepositoryOptions,
): Promise<LockedRepository> {
  const { folder, mountedAt, key, publicPem, installed } = options;
  const locked = new Set(packages.map((each) => each.package.name));
  const kept = installed.filter((each) => !locked.has(each.name) && !isVirtual(each));
  const all = new Set([...tags, ...packages.flatMap(({ tag }) => tag ?? [])]);
  const lines: string[] = [];
  for (const tag of [undefined, ...Array.from(all).sort()]) {
    const name = tag === undefined ? "packages" : `tagged-${tag}`;
    const own = packages.filter((each) => each.tag === tag);
    const records = [
      ...own.map((each) => each.package),
      ...kept.filter(
        (each) => (each.tag !== undefined && all.has(each.tag) ? each.tag : undefined) === tag,
      ),
    ];
    await writeIndex(join(folder, name, arch), records, key);
    for (const each of own) await copyPackage(each, join(folder, name, arch), options);
    lines.push(`${tag === undefined ? "" : `@${tag} `}${mountedAt}/${name}`);
  }
  const repositories = lines.map((line) => `${line}\n`).join("");
  await writeText(join(folder, "repositories"), repositories);
  await writeText(join(folder, "keys", key.name), publicPem);
  await writeText(join(folder, "bin", "apk"), apkScript(mountedAt), 0o755);
  return {
    folder,
    mountedAt,
    programs: `${mountedAt}/bin`,
  };
}

/** Runs the root's apk with these repositories and no others. */
function apkScript(mountedAt: string): string {
  return `#!/bin/sh
# In place of the repositories that are named: those of bivy.lock.
left=$#
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  case $word in
    -X | --repository | --repositories-file | --keys-dir)
      [ "$left" -eq 0 ] || { shift; left=$((left - 1)); } ;;
    -X* | --repository=* | --repositories-file=* | --keys-dir=*) ;;
    *) set -- "$@" "$word" ;;
  esac
done
for apk in /sbin/apk /usr/sbin/apk /usr/bin/apk /bin/apk; do
  [ ! -x "$apk" ] ||
    exec "$apk" --repositories-file '${mountedAt}/repositories' --keys-dir '${mountedAt}/keys' "$@"
done
echo "apk: not found" >&2
exit 127
`;
}

async function writeText(path: string, text: string, mode = 0o644): Promise<void> {
  try {
    await makeFolders(dirname(path));
    await writeFile(path, text, { mode });
  } catch (error) {
    throw fileError(error, "writing", path);
  }
}

async function writeIndex(
  folder: string,
  records: readonly Package[],
  key: SigningKey,
): Promise<void> {
  // SHA-1 is what every apk knows; the key is trusted in one sandbox, and for its time.
  const bytes = createIndexFile(records, "bivy.lock", [{ key, algorithm: "RSA" }]);
  const path = join(folder, "APKINDEX.tar.gz");
  try {
    await makeFolders(folder);
    await writeFile(path, bytes);
  } catch (error) {
    throw fileError(error, "writing", path);
  }
}

async function copyPackage(
  locked: LockedPackage,
  folder: string,
  { source, limits }: LockedRepositoryOptions,
): Promise<void> {
  const { name, version, identity, size, installedSize } = locked.package;
  // apk never fetches a package without files.
  if (installedSize === 0) return;
  requirePlainPackage(name, version, "bivy.lock");
  const path = join(folder, `${name}-${version}.apk`);
  const copied = await keepCopy(await source(locked), path, identity, limits);
  if (size === 0 || copied === size) return;
  await rm(path, { force: true });
  throw new BivyError(
    "package-invalid",
    `${packageLabel(locked.package)}: expected ${size} bytes, found ${copied}`,
    { hint: "The file is not the one that was locked; fetch it again, or lock anew." },
  );
}

/** Copies a package while it is verified; gives the number of bytes. The file is whole, or not there. */
async function keepCopy(
  source: PackageSource,
  path: string,
  identity: string,
  limits: Limits,
): Promise<number> {
  const temporary = `${path}.part`;
  const file = await open(temporary, "wx").catch((error: unknown) => {
    throw fileError(error, "writing", path);
  });
  let copied = 0;
  const copying: PackageSource = {
    ...source,
    open: () =>
      copyChunks(
        source.open(),
        (chunk) => file.writeFile(chunk),
        (size) => (copied += size),
      ),
  };
  try {
    await verifyPackage(copying, { by: "identity", identity }, limits);
    await file.close();
    await rename(temporary, path);
    return copied;
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw fileError(error, "writing", path);
  }
}

async function* copyChunks(
  chunks: Chunks,
  write: (chunk: Uint8Array) => Promise<void>,
  count: (size: number) => void,
): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    await write(chunk);
    count(chunk.byteLength);
    yield chunk;
  }
}
