/** Comparing locked packages: which vulnerabilities another lock mends, brings in and leaves. */
import { compareNames } from "../base/index.ts";
import type { Finding } from "./finding.ts";
import { scanByRepository, type PlacedPackage } from "./scan-by-repository.ts";
import type { ScanOptions } from "./scan.ts";

export interface LockedComparison {
  /** Those that were there before, and are not now: as they were. By risk, as the others. */
  readonly mended: readonly Finding[];
  /** Those that were not there before. */
  readonly introduced: readonly Finding[];
  /** All others of now, also those of which nobody can say whether they were there before. */
  readonly remaining: readonly Finding[];
  /** Names of packages of now that no advisories are about, and of which nothing is known therefore. */
  readonly unknown: readonly string[];
  /** The branches whose advisories were used. */
  readonly branches: readonly string[];
  /** Branches that packages of now are of and that the database has no advisories of. */
  readonly missingBranches: readonly string[];
}

/**
 * A vulnerability is mended where its package is there in a version that does not have it, or is gone.
 * Where nothing is known of the version that is there now, nothing is said to be mended.
 */
export async function compareLockedPackages(
  before: readonly PlacedPackage[],
  after: readonly PlacedPackage[],
  options: Omit<ScanOptions, "branch">,
): Promise<LockedComparison> {
  const then = await judge(before, options);
  const now = await judge(after, options);
  const introduced = notIn(now.findings, then);
  return {
    mended: notIn(then.findings, now),
    introduced,
    remaining: now.findings.filter((finding) => !introduced.includes(finding)),
    unknown: [...now.unknown].sort(compareNames),
    branches: [...new Set([...then.branches, ...now.branches])].sort(compareNames),
    missingBranches: now.missingBranches,
  };
}

interface Judged {
  readonly findings: readonly Finding[];
  readonly unknown: ReadonlySet<string>;
  readonly branches: readonly string[];
  readonly missingBranches: readonly string[];
}

async function judge(
  packages: readonly PlacedPackage[],
  options: Omit<ScanOptions, "branch">,
): Promise<Judged> {
  const { reports, elsewhere, withoutBranch, missingBranches } = await scanByRepository(
    "lock",
    packages,
    options,
  );
  const notJudged = [...elsewhere, ...withoutBranch].map((each) => each.package.name);
  return {
    findings: reports
      .flatMap(({ findings }) => findings)
      .sort((a, b) => b.risk.score - a.risk.score),
    unknown: new Set([...reports.flatMap(({ noFixData }) => noFixData), ...notJudged]),
    branches: reports.map(({ branch }) => branch),
    missingBranches,
  };
}

/** Those that the other list is known not to have. */
function notIn(findings: readonly Finding[], other: Judged): readonly Finding[] {
  const known = new Set(other.findings.map(keyOf));
  return findings.filter(
    (finding) => !known.has(keyOf(finding)) && !other.unknown.has(finding.package.name),
  );
}

/** A package may be there in several versions: steps of a stage may have others. */
function keyOf({ id, package: { name } }: Finding): string {
  return `${id} ${name}`;
}
