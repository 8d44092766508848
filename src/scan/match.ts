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
import { isValidVersion } from "../apk/index.ts";
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
  /** Packages whose origin no row is about. */
  readonly withoutRows: readonly ScanPackage[];
  /** Each row once, whichever packages are of its origin. */
  readonly unreadable: readonly (UnreadableFix & { readonly repository: string })[];
  /** Packages whose own version is none, so that nothing can be said. */
  readonly unordered: readonly ScanPackage[];
}

/** `advisoriesFor` gives the branch that a package is judged by. */
export function matchPackages(
  packages: readonly ScanPackage[],
  advisoriesFor: (subject: ScanPackage) => BranchAdvisories,
): Matches {
  const vulnerable: Match[] = [];
  const neverAffected: { package: ScanPackage; row: NeverAffected }[] = [];
  const withoutRows: ScanPackage[] = [];
  const unreadable = new Map<string, UnreadableFix & { readonly repository: string }>();
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
      continue;
    }
    for (const advisory of rows.holdingFor(version))
      vulnerable.push({ package: subject, advisory });
    for (const row of rows.neverAffected) neverAffected.push({ package: subject, row });
    for (const row of rows.unreadable)
      unreadable.set(`${branch.branch}\0${row.repository}\0${origin}\0${row.version}`, row);
  }
  return {
    vulnerable,
    neverAffected,
    withoutRows,
    unreadable: [...unreadable.values()],
    unordered,
  };
}
