/** The basis of a report: what was scanned, by which advisories, how old they are, and what nothing is known of. */
import type { FeedAge } from "../../advisory/index.ts";
import { countOf, formatAge } from "../../base/index.ts";
import type { ScanReport } from "../report.ts";
import { joinByOrigin } from "./origin-finding.ts";

/** A point in time as ISO 8601, in seconds. */
export function isoTime(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
}

function isoDay(time: number): string {
  return isoTime(time).slice(0, 10);
}

/** Such as `advisories from 2025-01-04, 3 hours old`: those of the branch, by the oldest. */
export function advisoriesAge({ feeds, branch, time }: ScanReport): string {
  const secdb = feeds.filter(({ name }) => name === "secdb");
  const own = secdb.filter((feed) => feed.branch === branch);
  const fetched = (own.length > 0 ? own : secdb).map((feed) => feed.fetched);
  if (fetched.length === 0) return "advisories of unknown age";
  const oldest = Math.min(...fetched);
  return `advisories from ${isoDay(oldest)}, ${formatAge(time - oldest)} old`;
}

/** A feed's name with what of it was used, such as `secdb v3.19 main`. */
export function feedTitle({ name, branch, repository }: FeedAge): string {
  return [name, branch, repository].filter((word) => word !== undefined).join(" ");
}

/** Such as `2025-01-04, 3 hours old`. */
export function feedAge({ fetched }: FeedAge, time: number): string {
  return `${isoDay(fetched)}, ${formatAge(time - fetched)} old`;
}

/** Such as `Alpine Linux 3.19.1, branch v3.19, 15 packages`. */
export function describeSubject({ subject, branch }: ScanReport): string {
  const { distribution, packages } = subject;
  const system = [distribution?.name, distribution?.version].filter((word) => word !== undefined);
  return [
    ...(system.length === 0 ? [] : [system.join(" ")]),
    `branch ${branch}`,
    countOf(packages, "package"),
  ].join(", ");
}

/** What a report without findings says instead of a number: what that rests on, and what it does not say. */
export function describeNoFindings(report: ScanReport): string {
  const { subject, noFixData, branch, suppressed, warnings } = report;
  const judged = Math.max(0, subject.packages - noFixData.length);
  const basis = `Alpine's ${advisoriesAge(report)}`;
  const rest = `Nothing is known of ${describeUnknown(noFixData.length)}.`;
  if (judged === 0)
    return `Nothing can be said: ${basis}, have no entry about any of the ${countOf(subject.packages, "package")}, which is not the same as "not vulnerable".`;
  const but = [
    ...(suppressed.length === 0 ? [] : ["is not suppressed"]),
    ...(warnings.some(({ code }) => code === "filtered") ? ["the filters leave"] : []),
  ].join(" and ");
  return `No known vulnerability${but === "" ? "" : ` that ${but}`} in the ${countOf(judged, "package")} that Alpine has published fixes for in ${branch} (${basis}).${noFixData.length === 0 ? "" : ` ${rest}`}`;
}

function describeUnknown(count: number): string {
  return count === 1 ? "the other package" : `the other ${count} packages`;
}

/** How many vulnerabilities, in how many packages, such as `2 vulnerabilities in 3 packages`. */
export function describeCount(findings: ScanReport["findings"]): string {
  const packages = new Set(findings.map(({ package: { name } }) => name)).size;
  return `${countOf(joinByOrigin(findings).length, "vulnerability")} in ${countOf(packages, "package")}`;
}

/** Such as `1 critical, 2 high`; of each vulnerability of an origin once. Empty where there is none. */
export function describeSeverities(findings: ScanReport["findings"]): string {
  const levels = ["critical", "high", "medium", "low", "none", "unknown"] as const;
  const groups = Map.groupBy(
    joinByOrigin(findings),
    ({ finding: { severity } }) => severity?.level ?? "unknown",
  );
  return levels
    .filter((level) => groups.has(level))
    .map((level) => `${groups.get(level)!.length} ${severityWords[level]}`)
    .join(", ");
}

const severityWords = {
  critical: "critical",
  high: "high",
  medium: "medium",
  low: "low",
  none: "harmless",
  unknown: "of unknown severity",
} as const;

/** What else there is to know, each a sentence without an end; only what there is. */
export function describeRest(report: ScanReport): readonly string[] {
  const { noFixData, notAffected, suppressed, unjudged, unreadable } = report;
  const languages = unjudged.reduce((sum, { count }) => sum + count, 0);
  const never = new Set(notAffected.map(({ id, package: each }) => `${each.origin} ${id}`)).size;
  const known = unjudged.map(({ ecosystem, count }) => `${count} ${ecosystem}`).join(", ");
  const lines: (readonly [number, string])[] = [
    [
      suppressed.length,
      `${countOf(joinByOrigin(suppressed).length, "vulnerability")} suppressed, for a reason that is given`,
    ],
    [never, `${countOf(never, "vulnerability")} that Alpine says its package never had`],
    [
      noFixData.length,
      `${countOf(noFixData.length, "package")} without known fix data, which is not the same as "not vulnerable"`,
    ],
    [
      unreadable.length,
      `${countOf(unreadable.length, "advisory")} with a version that is none: nothing rests on them`,
    ],
    [languages, `${countOf(languages, "package")} of languages not judged: ${known}`],
  ];
  return lines.filter(([count]) => count > 0).map(([, text]) => text);
}
