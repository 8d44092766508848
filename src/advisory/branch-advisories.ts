/**
 * Branch advisories: what the files of secdb for one branch say together about an origin: for each
 * vulnerability the version below which it is there.
 */
import { compareVersions } from "../apk/index.ts";
import type { Fix, Secdb, UnreadableFix } from "./secdb.ts";

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
  readonly branch: string;
  /** The repository whose file has that version. */
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
  /** Those that hold for a version: it is below the fixed one. The highest fixed version first. */
  holdingFor(version: string): readonly Advisory[];
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

/** A version that fixes, with the file that says so. */
interface FoundFix extends Fix {
  readonly repository: string;
}

function putTogether(branch: string, origin: string, files: readonly Secdb[]): OriginAdvisories {
  const fixes: FoundFix[] = [];
  const never: NeverAffected[] = [];
  const unreadable: (UnreadableFix & { readonly repository: string })[] = [];
  for (const { repository, origins } of files) {
    const row = origins.get(origin);
    if (row === undefined) continue;
    for (const { version, vulnerabilities } of row.fixes)
      fixes.push({ version, vulnerabilities, repository });
    for (const { id } of row.neverAffected) never.push({ origin, id, branch, repository });
    for (const each of row.unreadable) unreadable.push({ ...each, repository });
  }
  fixes.sort((a, b) => compareVersions(b.version, a.version));
  return {
    // A root has few of the vulnerabilities that its origins ever had: the others cost nothing.
    holdingFor(version) {
      const holding = new Map<string, Advisory>();
      for (const { version: fixed, vulnerabilities, repository } of fixes) {
        if (compareVersions(version, fixed) >= 0) break;
        for (const { id, aliases } of vulnerabilities) {
          const higher = holding.get(id);
          if (higher === undefined)
            holding.set(id, { origin, id, aliases, fixed, branch, repository });
          else if (aliases.length > 0) holding.set(id, withAliases(higher, aliases));
        }
      }
      return [...holding.values()];
    },
    neverAffected: never.length === 0 ? never : withoutFixed(never, fixes),
    unreadable,
  };
}

function withAliases(advisory: Advisory, more: readonly string[]): Advisory {
  return { ...advisory, aliases: [...new Set([...advisory.aliases, ...more])] };
}

/** Each once. Rows that contradict each other: a fix says that there was something to fix. */
function withoutFixed(
  never: readonly NeverAffected[],
  fixes: readonly Fix[],
): readonly NeverAffected[] {
  const fixed = new Set(
    fixes.flatMap(({ vulnerabilities }) => vulnerabilities.map(({ id }) => id)),
  );
  const byId = new Map<string, NeverAffected>();
  for (const each of never) if (!fixed.has(each.id)) byId.set(each.id, each);
  return [...byId.values()];
}
