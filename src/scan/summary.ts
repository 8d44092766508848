/** Summaries: what scans of the parts of one thing, such as an image's platforms, come to in a few figures. */
import type { FeedAge } from "../advisory/index.ts";
import { compareNames } from "../base/index.ts";
import type { Finding } from "./finding.ts";
import { joinByOrigin } from "./report/origin-finding.ts";
import { countBySeverity, type ScanReport, type SeverityCounts } from "./report.ts";

export interface ScanSummary {
  /** Vulnerabilities that count: each once for a source package, however many packages are built from it. */
  readonly known: number;
  readonly severities: SeverityCounts;
  /** Each once, in the order of their names. */
  readonly ids: readonly string[];
  /** The one of the highest risk. */
  readonly worst: Finding | undefined;
  readonly suppressed: number;
  /** How many packages there are of which anything is known. */
  readonly judged: number;
  /** Names of packages that no advisories are about. */
  readonly noFixData: readonly string[];
  /** Whose advisories were used. */
  readonly branches: readonly string[];
  /** When the oldest of them was last known to be current: seconds since 1970. */
  readonly fetched: number;
}

export function summarizeScans(reports: readonly ScanReport[]): ScanSummary {
  const findings = distinct(reports.flatMap((report) => report.findings)).sort(
    (a, b) => b.risk.score - a.risk.score,
  );
  const branches = [...new Set(reports.map(({ branch }) => branch))].sort(compareNames);
  const packages = new Set(reports.flatMap(({ versions }) => [...versions.keys()]));
  const noFixData = [...new Set(reports.flatMap((report) => report.noFixData))];
  const byOrigin = joinByOrigin(findings);
  return {
    known: byOrigin.length,
    severities: countBySeverity(byOrigin.map(({ finding }) => finding)),
    ids: [...new Set(findings.map(({ id }) => id))].sort(compareNames),
    worst: findings[0],
    suppressed: joinByOrigin(distinct(reports.flatMap((report) => report.suppressed))).length,
    judged: packages.size - noFixData.length,
    noFixData: noFixData.sort(compareNames),
    branches,
    fetched: oldestOf(reports.flatMap(({ feeds }) => feeds)),
  };
}

/** Platforms have the same packages as a rule. */
function distinct(findings: readonly Finding[]): Finding[] {
  const known = new Map<string, Finding>();
  for (const finding of findings) {
    const { id, package: each, fixed, branch } = finding;
    const key = JSON.stringify([id, each.name, each.version, fixed, branch]);
    if (!known.has(key)) known.set(key, finding);
  }
  return [...known.values()];
}

function oldestOf(feeds: readonly FeedAge[]): number {
  const secdb = feeds.filter(({ name }) => name === "secdb");
  return Math.min(...secdb.map(({ fetched }) => fetched));
}
