/**
 * Matching: which advisories hold for which packages. A package is vulnerable where its version is
 * below the fixed one in apk's order; advisories go by origin, so that a subpackage that is called
 * otherwise is found, and a program of the same name from elsewhere is not.
 */
import type {
  Advisory,
  BranchAdvisories,
  NeverAffected,
  UnreadableFix,
} from "../advisory/index.ts";
import { compareVersions, isValidVersion } from "../apk/index.ts";
import { BivyError } from "../base/index.ts";
import type { ScanPackage } from "./subject.ts";

export interface Match {
  readonly package: ScanPackage;
  readonly advisory: Advisory;
}

export interface Matches {
  /** In the order of the packages. */
  readonly vulnerable: readonly Match[];
  readonly neverAffected: readonly {
    readonly package: ScanPackage;
    readonly row: NeverAffected;
  }[];
  /** Packages whose origin no row is about, or that no row can be held against: nothing is known of them. */
  readonly withoutRows: readonly ScanPackage[];
  /** Each row once, whichever packages are of its origin. */
  readonly unreadable: readonly (UnreadableFix & { readonly repository: string })[];
  /** Those of them whose beginning is above the version that is installed, with one such package each. */
  readonly looming: readonly { readonly package: ScanPackage; readonly row: UnreadableFix }[];
  /** Packages whose own version is none. */
  readonly unordered: readonly ScanPackage[];
}

/** A root of 5,000 packages that are all years old has some 34,000, and each takes memory in every format. */
const mostMatches = 100_000;

/** `advisoriesFor` gives the branch that a package is judged by; `name` is for errors: `limit-exceeded`. */
export function matchPackages(
  packages: readonly ScanPackage[],
  advisoriesFor: (subject: ScanPackage) => BranchAdvisories,
  name = "the packages",
): Matches {
  const vulnerable: Match[] = [];
  const neverAffected: { package: ScanPackage; row: NeverAffected }[] = [];
  const withoutRows: ScanPackage[] = [];
  const unreadable = new Map<string, UnreadableFix & { readonly repository: string }>();
  const looming = new Map<string, { package: ScanPackage; row: UnreadableFix }>();
  const unordered: ScanPackage[] = [];
  for (const subject of packages) {
    const { origin, version } = subject;
    const branch = advisoriesFor(subject);
    const rows = branch.of(origin);
    if (rows === undefined) {
      withoutRows.push(subject);
      continue;
    }
    if (!isValidVersion(version)) {
      unordered.push(subject);
      withoutRows.push(subject);
      continue;
    }
    for (const advisory of rows.holdingFor(version))
      vulnerable.push({ package: subject, advisory });
    for (const row of rows.neverAffected) neverAffected.push({ package: subject, row });
    if (vulnerable.length + neverAffected.length > mostMatches) throw tooMany(name);
    for (const row of rows.unreadable) {
      const key = `${branch.branch}\0${row.repository}\0${origin}\0${row.version}`;
      unreadable.set(key, row);
      if (compareVersions(version, row.version) < 0) looming.set(key, { package: subject, row });
    }
  }
  return {
    vulnerable,
    neverAffected,
    withoutRows,
    unreadable: [...unreadable.values()],
    looming: [...looming.values()],
    unordered,
  };
}

function tooMany(name: string): BivyError {
  return new BivyError(
    "limit-exceeded",
    `${name}: expected advisories to hold ${mostMatches} times at most, found more`,
    {
      hint: "No image has so many: what lists its packages, or the advisories, is damaged or hostile.",
    },
  );
}
