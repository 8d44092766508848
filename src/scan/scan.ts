/**
 * Scanning: from a subject and a database to a report.
 *
 * 1. The branch: that of the subject's release files. A package that is known to come from edge is
 *    judged by edge's advisories, and no other is, whatever etc/apk/repositories says.
 * 2. Matching, in apk's order, by origin.
 * 3. What is known of each finding: severity, EPSS, KEV, since when; whether its fix can be had.
 * 4. What suppresses it: the ignore file, VEX, Alpine's rejections, in this order.
 * 5. Ranking by risk.
 */
import {
  firstSeenOf,
  supportEnded,
  type Advisory,
  type AdvisoryDatabase,
  type BranchAdvisories,
  type BranchSupport,
  type FeedAge,
  type Ranking,
  type Rejection,
} from "../advisory/index.ts";
import { BivyError, compareNames } from "../base/index.ts";
import { unknownAvailability, type AskAvailability } from "./availability.ts";
import type { Finding, NotAffected } from "./finding.ts";
import { matchPackages, type Match } from "./match.ts";
import { remedyOf } from "./remedy.ts";
import type { ScanReport, ScanWarning } from "./report.ts";
import { defaultImpact, impactLabel, parseImpact, riskOf } from "./risk.ts";
import type { ScanPackage, ScanSubject } from "./subject.ts";
import type { Judgement } from "./suppress.ts";
import { unreadableVersions, warningsOf } from "./warnings.ts";

export interface ScanOptions {
  readonly database: AdvisoryDatabase;
  /** Seconds since 1970: what is too old, has expired or has ended is so at this time. */
  readonly time: number;
  /** Of bivy. */
  readonly version: string;
  /** What the loss of the subject would mean, from 0 to 1; default what its label says, else medium. */
  readonly impact?: number;
  /** Seconds after which advisories count as old. */
  readonly maxAge: number;
  /** A branch that is taken instead of that of the release files. */
  readonly branch?: string;
  readonly availability?: AskAvailability;
  /** Says what suppresses a finding; what it does not say anything about counts. */
  readonly judge?: (finding: Finding, subject: ScanSubject) => Judgement;
}

/** The branch whose packages are not of a release. */
const edge = "edge";

/**
 * Throws `nothing-to-scan` for a subject without packages, and `advisories-missing` where no advisories
 * are about its distribution or branch: neither is "0 vulnerabilities".
 */
export async function scanSubject(subject: ScanSubject, options: ScanOptions): Promise<ScanReport> {
  const { database, time, version } = options;
  requirePackages(subject);
  const branchName = branchOf(subject, options);
  const own = await requireBranch(database, branchName, subject);
  const fromEdge = subject.packages.some((each) => each.repository?.branch === edge);
  const ofEdge = fromEdge ? await database.branch(edge) : undefined;
  const advisoriesFor = (each: ScanPackage): BranchAdvisories =>
    each.repository?.branch === edge ? (ofEdge ?? own) : own;

  const matches = matchPackages(subject.packages, advisoriesFor, subject.name);
  const context = await readContext(subject, branchName, options);
  const findings: Finding[] = [];
  for (const match of matches.vulnerable) findings.push(await findingOf(match, context));
  const judged = findings.map((finding) => judge(finding, context)).sort(byRisk);
  const { distribution, digest, kind, layers, name } = subject;
  return {
    subject: {
      name,
      kind,
      ...(digest === undefined ? {} : { digest }),
      ...(distribution === undefined ? {} : { distribution }),
      layers,
      packages: subject.packages.length,
    },
    time,
    version,
    branch: branchName,
    ...(context.support === undefined ? {} : { support: context.support }),
    feeds: feedsUsed(database, [own, ...(ofEdge === undefined ? [] : [ofEdge])]),
    findings: judged.filter(({ suppression }) => suppression === undefined),
    suppressed: judged.filter(({ suppression }) => suppression !== undefined),
    notAffected: matches.neverAffected
      .map(({ package: each, row }): NotAffected => ({
        id: row.id,
        package: each,
        because: "never-affected",
        branch: row.branch,
        repository: row.repository,
      }))
      .sort((a, b) => compareNames(a.package.name, b.package.name) || compareNames(a.id, b.id)),
    noFixData: matches.withoutRows.map((each) => each.name).sort(compareNames),
    unreadable: matches.unreadable,
    unjudged: subject.unjudged,
    versions: versionsOf(subject.packages),
    warnings: [
      ...warningsOf({ ...options, ...context, branch: branchName }),
      ...(fromEdge && ofEdge === undefined ? [noEdge] : []),
      ...unreadableVersions(matches),
    ],
  };
}

const noEdge: ScanWarning = {
  code: "no-feed",
  text: "packages from edge were judged by the branch's advisories: the database has none of edge",
  hint: "Fetch them: bivy db update --branch edge.",
};

function requirePackages({ packages, name, distribution, kind }: ScanSubject): void {
  if (packages.length > 0) return;
  const what =
    distribution === undefined
      ? "neither an apk database nor release files"
      : `${distribution.name}${distribution.version === undefined ? "" : ` ${distribution.version}`} without apk packages`;
  throw new BivyError("nothing-to-scan", `${name}: expected packages of apk, found ${what}`, {
    hint:
      kind === "sbom"
        ? "The document lists no packages of type pkg:apk: it was made from something else, or by a tool that left them out."
        : "What apk did not install cannot be judged. Other distributions need their own scanner.",
  });
}

/** Those that have their own advisories, and those that mix Alpine's with others. */
function branchOf({ distribution, name }: ScanSubject, { branch }: ScanOptions): string {
  if (branch !== undefined) return branch;
  if (distribution?.branch !== undefined) return distribution.branch;
  const found =
    distribution === undefined
      ? "no release file"
      : `${distribution.name} ${distribution.version ?? "without a version"}`;
  throw new BivyError(
    "advisories-missing",
    `${name}: expected a release of Alpine Linux, found ${found}: there are no advisories for it here`,
    {
      hint: "Alpine's advisories do not hold for what is derived from it. Where it is Alpine all the same, name the branch: --branch v3.20.",
    },
  );
}

async function requireBranch(
  database: AdvisoryDatabase,
  branch: string,
  { name }: ScanSubject,
): Promise<BranchAdvisories> {
  const found = await database.branch(branch);
  if (found !== undefined) return found;
  throw new BivyError(
    "advisories-missing",
    `${name}: expected advisories for ${branch}, found those for ${database.branches.join(", ") || "no branch"} in ${database.subject}`,
    {
      hint: database.branches.includes(`v${branch}`)
        ? `Did you mean v${branch}?`
        : `Fetch them: bivy db update --branch ${branch}.`,
    },
  );
}

/** What all findings of a scan are looked at with. */
interface Context {
  readonly subject: ScanSubject;
  readonly options: ScanOptions;
  readonly ranking: Ranking;
  readonly rejections: ReadonlyMap<string, readonly Rejection[]>;
  readonly firstSeen: (advisory: Advisory) => string | undefined;
  readonly impact: number;
  readonly support: (BranchSupport & { readonly ended: boolean }) | undefined;
  readonly latestStable: string | undefined;
  readonly siblings: ReadonlyMap<string, readonly string[]>;
}

async function readContext(
  subject: ScanSubject,
  branch: string,
  options: ScanOptions,
): Promise<Context> {
  const { database, time } = options;
  const [ranking, list, history, releases] = await Promise.all([
    database.ranking(),
    database.rejections(),
    database.history(),
    database.releases(),
  ]);
  const support = releases?.branches.find((each) => each.branch === branch);
  const label = subject.labels.get(impactLabel);
  return {
    subject,
    options,
    ranking,
    rejections: Map.groupBy(list, ({ origin, id }) => `${origin} ${id}`),
    firstSeen: (advisory) => firstSeenOf(history, advisory),
    impact:
      options.impact ??
      (label === undefined
        ? defaultImpact
        : parseImpact(label, `${subject.name}: label ${impactLabel}`)),
    support: support && { ...support, ended: supportEnded(support, time) },
    latestStable: releases?.latestStable,
    siblings: siblingsOf(subject.packages),
  };
}

function versionsOf(packages: readonly ScanPackage[]): ReadonlyMap<string, string> {
  const pairs = packages.map(({ name, version }): [string, string] => [name, version]);
  return new Map(pairs.sort(([a], [b]) => compareNames(a, b)));
}

function siblingsOf(packages: readonly ScanPackage[]): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(packages, ({ origin }) => origin);
  return new Map(
    Array.from(groups, ([origin, members]) => [
      origin,
      members.map(({ name }) => name).sort(compareNames),
    ]),
  );
}

async function findingOf({ package: each, advisory }: Match, context: Context): Promise<Finding> {
  const { subject, options, ranking, impact } = context;
  const { id, aliases, fixed, branch, repository } = advisory;
  const names = [id, ...aliases];
  const firstOf = <T>(find: (name: string) => T | undefined): T | undefined =>
    names.map(find).find((found) => found !== undefined);
  const severity = firstOf(ranking.severity);
  const epss = firstOf(ranking.epss);
  const kev = firstOf(ranking.kev);
  const ask = options.availability ?? unknownAvailability("no index was looked into");
  const availability = await ask({ package: each, fixed, branch, repository });
  const firstSeen = context.firstSeen(advisory);
  return {
    id,
    aliases,
    package: each,
    fixed,
    branch,
    repository,
    availability,
    ...(severity === undefined ? {} : { severity }),
    ...(epss === undefined ? {} : { epss }),
    ...(kev === undefined ? {} : { kev }),
    ...(firstSeen === undefined ? {} : { firstSeen }),
    risk: riskOf(severity, epss, kev, impact),
    remedy: remedyOf({
      subject,
      package: each,
      fixed,
      branch,
      siblings: context.siblings.get(each.origin) ?? [each.name],
      availability,
      supportEnded: context.support?.ended === true,
      latestStable: context.latestStable,
    }),
  };
}

/** What the user says comes before what Alpine says, so that the reason shown is the nearest one. */
function judge(finding: Finding, { subject, options, rejections }: Context): Finding {
  const { suppression, vex } = options.judge?.(finding, subject) ?? {};
  const remarked = vex === undefined ? finding : { ...finding, vex };
  if (suppression !== undefined) return { ...remarked, suppression };
  const rejection = [finding.id, ...finding.aliases]
    .flatMap((id) => rejections.get(`${finding.package.origin} ${id}`) ?? [])
    .find(({ branch }) => branch === undefined || branch === finding.branch);
  if (rejection === undefined) return remarked;
  const { reason } = rejection;
  return {
    ...remarked,
    suppression: { by: "rejection", reason, source: "Alpine security-rejections" },
  };
}

/** Ties go by severity, then by names, so that the order is always the same. */
function byRisk(a: Finding, b: Finding): number {
  return (
    b.risk.score - a.risk.score ||
    (b.severity?.score ?? -1) - (a.severity?.score ?? -1) ||
    compareNames(a.id, b.id) ||
    compareNames(a.package.name, b.package.name)
  );
}

function feedsUsed(
  { feeds }: AdvisoryDatabase,
  used: readonly BranchAdvisories[],
): readonly FeedAge[] {
  return feeds.filter(
    ({ name, branch }) => name !== "secdb" || used.some((each) => each.branch === branch),
  );
}
