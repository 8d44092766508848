/** Evidence flags: what the packages of an image are held against. */
import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { Command } from "commander";
import type { Key, Repository } from "../../apk/index.ts";
import { decodeName, readUserFile } from "../../base/index.ts";
import type { EvidenceSources, LockEvidence } from "../../verify/index.ts";
import { absoluteFrom } from "../lock/lock-file.ts";
import { keptCopies } from "../image-arguments.ts";
import { collect, type Session } from "../session.ts";

export interface EvidenceFlags {
  readonly repository?: readonly string[];
  readonly lock?: readonly string[];
  readonly packages?: readonly string[];
  readonly key?: readonly string[];
  readonly trustImageKeys?: boolean;
  readonly deep?: boolean;
}

export function addEvidenceFlags(command: Command): Command {
  return command
    .option(
      "--repository <URL|DIR>",
      "ask this repository instead of those that the image names (may be repeated)",
      collect,
    )
    .option("--lock <FILE>", "take the packages of this bivy.lock for proven", collect)
    .option("--packages <DIR>", "take the signed packages in this folder for proven", collect)
    .option(
      "--key <FILE|alpine>",
      "a key that may sign for repositories other than Alpine's; alpine: Alpine's keys, for all of them",
      collect,
    )
    .option("--trust-image-keys", "let the keys sign that the image itself trusts (proves little)")
    .option(
      "--deep",
      "fetch the packages too, and compare the image's database with their contents",
    );
}

/** Reads what the flags name. */
export async function evidenceSources(
  flags: EvidenceFlags,
  session: Session,
): Promise<EvidenceSources> {
  const words = flags.key ?? [];
  const files = words.filter((word) => word !== "alpine");
  const repositories = await namedRepositories(flags.repository, words.includes("alpine"));
  const keys = await readKeys(files, repositories ?? []);
  const locks = await Promise.all((flags.lock ?? []).map((lock) => readLock(lock, session)));
  return {
    ...(repositories === undefined ? {} : { repositories }),
    ...(flags.lock === undefined ? {} : { locks: locks.map(({ evidence }) => evidence) }),
    ...(flags.packages === undefined ? {} : { packageFolders: flags.packages }),
    keys: [...keys, ...locks.flatMap((lock) => lock.keys)],
    trustImageKeys: flags.trustImageKeys ?? false,
    deep: flags.deep ?? false,
  };
}

/** Where Alpine's keys were named, they may sign for a repository whose address does not look like Alpine's. */
async function namedRepositories(
  urls: readonly string[] | undefined,
  alpineKeys: boolean,
): Promise<Repository[] | undefined> {
  const { isAlpineTree, repositoryAt } = await import("../../apk/index.ts");
  return urls?.map((url) =>
    repositoryAt(url, alpineKeys && !isAlpineTree(url) ? { scoped: true, alpineKeys } : {}),
  );
}

/** A repository that names keys accepts no others, so each key is named for each of those too. */
async function readKeys(
  files: readonly string[],
  repositories: readonly Repository[],
): Promise<Key[]> {
  const { parseKey } = await import("../../apk/index.ts");
  const scopes = [undefined, ...repositories.filter(({ scoped }) => scoped).map(({ url }) => url)];
  const keys: Key[] = [];
  for (const file of files) {
    const pem = decodeName(await readUserFile(file));
    keys.push(...scopes.map((scope) => parseKey(basename(file), pem, scope)));
  }
  return keys;
}

/** The packages of a lock, and the keys that it names. */
async function readLock(
  lockFile: string,
  { access }: Session,
): Promise<{ evidence: LockEvidence; keys: readonly Key[] }> {
  const { parseLock } = await import("../../build/index.ts");
  const folder = resolve(dirname(lockFile));
  const text = decodeName(await readUserFile(lockFile));
  const lock = parseLock(text, lockFile, absoluteFrom(lockFile));
  const all = lock.archs.flatMap(({ packages: locked }) => locked);
  const keptCopy = keptCopies(lockFile, all, access.events);
  const packages = lock.archs.flatMap(({ arch, packages: locked }) =>
    locked.map((each) => {
      const { package: subject, location, signedBy, vendored } = each;
      const isKept = vendored !== undefined && existsSync(resolve(folder, vendored));
      const source = isKept ? keptCopy(each) : undefined;
      return {
        package: subject,
        arch,
        location,
        ...(signedBy === undefined ? {} : { signedBy }),
        ...(source === undefined ? {} : { source }),
      };
    }),
  );
  return {
    evidence: { subject: lockFile, packages },
    keys: [...lock.keys.named, ...lock.keys.runtime],
  };
}
