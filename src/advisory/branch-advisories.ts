/**
 * Branch advisories: what the files of secdb for one branch say together about an origin: for each
 * vulnerability the version below which it is there.
 */
import { compareVersions } from "../apk/index.ts";
import { compareNames } from "../base/index.ts";
import type { Secdb, UnreadableFix } from "./secdb.ts";

/** One vulnerability of one origin in a branch. */
export interface Advisory {
  readonly origin: string;
  readonly id: string;
  readonly aliases: readonly string[];
  /**
   * The highest version that fixes it. A vulnerability may stand under several: it was fixed again, and
   * whatever is below any of them is vulnerable.
   */
  readonly fixed: string;
  /** All versions that it stands under, oldest first. */
  readonly fixes: readonly string[];
  readonly branch: string;
  /** The repository whose file has the highest version. */
  readonly repository: string;
}

/** That an origin was never affected by a vulnerability (secdb's version `0`). */
export interface NeverAffected {
  readonly origin: string;
  readonly id: string;
  readonly branch: string;
  readonly repository: string;
}

export interface OriginAdvisories {
  /** By id. */
  readonly advisories: readonly Advisory[];
  readonly neverAffected: readonly NeverAffected[];
  readonly unreadable: readonly (UnreadableFix & { readonly repository: string })[];
}

export interface BranchAdvisories {
  readonly branch: string;
  /** Such as `main` and `community`. */
  readonly repositories: readonly string[];
  /** Undefined where no row is about the origin: then nothing is known, which is not "not affected". */
  of(origin: string): OriginAdvisories | undefined;
  /** All origins that have a row, in no order. */
  origins(): Iterable<string>;
}

/** Of files of one branch. What is asked for is put together once. */
export function branchAdvisories(branch: string, files: readonly Secdb[]): BranchAdvisories {
  const known = new Map<string, OriginAdvisories>();
  return {
    branch,
    repositories: files.map(({ repository }) => repository),
    of(origin) {
      const found = known.get(origin);
      if (found !== undefined) return found;
      if (!files.some(({ origins }) => origins.has(origin))) return undefined;
      const made = putTogether(branch, origin, files);
      known.set(origin, made);
      return made;
    },
    origins: () => new Set(files.flatMap(({ origins }) => [...origins.keys()])),
  };
}

interface OpenAdvisory {
  readonly aliases: Set<string>;
  readonly fixes: { readonly version: string; readonly repository: string }[];
}

function putTogether(branch: string, origin: string, files: readonly Secdb[]): OriginAdvisories {
  const open = new Map<string, OpenAdvisory>();
  const neverAffected: NeverAffected[] = [];
  const unreadable: (UnreadableFix & { readonly repository: string })[] = [];
  for (const { repository, origins } of files) {
    const row = origins.get(origin);
    if (row === undefined) continue;
    for (const { version, vulnerabilities } of row.fixes)
      for (const { id, aliases } of vulnerabilities) {
        let advisory = open.get(id);
        if (advisory === undefined) open.set(id, (advisory = { aliases: new Set(), fixes: [] }));
        advisory.fixes.push({ version, repository });
        for (const alias of aliases) advisory.aliases.add(alias);
      }
    const never = new Set(row.neverAffected.map(({ id }) => id));
    for (const id of never) neverAffected.push({ origin, id, branch, repository });
    for (const each of row.unreadable) unreadable.push({ ...each, repository });
  }
  const advisories = Array.from(open, ([id, { aliases, fixes }]): Advisory => {
    fixes.sort((a, b) => compareVersions(a.version, b.version));
    const { version: fixed, repository } = fixes.at(-1)!;
    const versions = [...new Set(fixes.map(({ version }) => version))];
    return { origin, id, aliases: [...aliases], fixed, fixes: versions, branch, repository };
  });
  advisories.sort((a, b) => compareNames(a.id, b.id));
  // Rows that contradict each other: a fix says that there was something to fix.
  return { advisories, neverAffected: neverAffected.filter(({ id }) => !open.has(id)), unreadable };
}
