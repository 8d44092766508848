/** Difference: which rows of secdb one database has and the other has not, by branch, origin and fixed version. */
import { compareVersions } from "../apk/index.ts";
import { compareNames } from "../base/index.ts";
import type { AdvisoryDatabase } from "./database.ts";
import type { Secdb } from "./secdb.ts";

/** What secdb says that a version of an origin fixed, as one of the two has it alone. */
export interface ChangedFix {
  readonly branch: string;
  readonly repository: string;
  readonly origin: string;
  /** `0`: the origin was never affected. */
  readonly version: string;
  readonly ids: readonly string[];
}

export interface DatabaseDifference {
  /** By branch, repository, origin and version. */
  readonly added: readonly ChangedFix[];
  readonly withdrawn: readonly ChangedFix[];
  /** Branches that only one of them has; their rows are not listed. */
  readonly newBranches: readonly string[];
  readonly goneBranches: readonly string[];
}

export async function compareDatabases(
  before: AdvisoryDatabase,
  after: AdvisoryDatabase,
): Promise<DatabaseDifference> {
  const added: ChangedFix[] = [];
  const withdrawn: ChangedFix[] = [];
  const newBranches = after.branches.filter((branch) => !before.branches.includes(branch));
  for (const branch of after.branches) {
    if (newBranches.includes(branch)) continue;
    for (const repository of repositoriesOf(branch, before, after)) {
      const old = await before.secdb(branch, repository);
      const now = await after.secdb(branch, repository);
      added.push(...missingFrom(old, now));
      withdrawn.push(...missingFrom(now, old));
    }
  }
  return {
    added,
    withdrawn,
    newBranches,
    goneBranches: before.branches.filter((branch) => !after.branches.includes(branch)),
  };
}

function repositoriesOf(branch: string, ...databases: readonly AdvisoryDatabase[]): string[] {
  const feeds = databases.flatMap((database) => database.feeds);
  const names = feeds
    .filter((feed) => feed.name === "secdb" && feed.branch === branch)
    .map((feed) => feed.repository!);
  return [...new Set(names)].sort(compareNames);
}

/** What a file has and another has not. */
function missingFrom(other: Secdb | undefined, file: Secdb | undefined): readonly ChangedFix[] {
  if (file === undefined) return [];
  const changes: ChangedFix[] = [];
  for (const [origin, rows] of rowsOf(file)) {
    const known = other === undefined ? undefined : rowsOfOrigin(other, origin);
    for (const [version, ids] of rows) {
      const missing = [...ids].filter((id) => known?.get(version)?.has(id) !== true);
      if (missing.length === 0) continue;
      const { branch, repository } = file;
      changes.push({ branch, repository, origin, version, ids: missing.sort(compareNames) });
    }
  }
  return changes.sort(
    (a, b) => compareNames(a.origin, b.origin) || compareVersions(a.version, b.version),
  );
}

type Rows = ReadonlyMap<string, ReadonlySet<string>>;

function* rowsOf(file: Secdb): Generator<readonly [string, Rows]> {
  for (const origin of file.origins.keys()) yield [origin, rowsOfOrigin(file, origin)];
}

function rowsOfOrigin(file: Secdb, origin: string): Rows {
  const rows = new Map<string, Set<string>>();
  const add = (version: string, id: string): void => {
    const ids = rows.get(version);
    if (ids === undefined) rows.set(version, new Set([id]));
    else ids.add(id);
  };
  const row = file.origins.get(origin);
  for (const { version, vulnerabilities } of row?.fixes ?? [])
    for (const { id } of vulnerabilities) add(version, id);
  for (const { id } of row?.neverAffected ?? []) add("0", id);
  return rows;
}
