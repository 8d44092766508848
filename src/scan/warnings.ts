/** Warnings: what a reader must know before trusting a report: old data, ended support, mixed branches. */
import type { AdvisoryDatabase, BranchSupport } from "../advisory/index.ts";
import type { Matches } from "./match.ts";
import { cutText } from "./report/shown-text.ts";
import type { ScanWarning } from "./report.ts";
import type { ScanSubject } from "./subject.ts";

export interface WarningGrounds {
  readonly subject: ScanSubject;
  readonly branch: string;
  readonly database: AdvisoryDatabase;
  /** Seconds since 1970. */
  readonly time: number;
  /** Seconds after which advisories count as old. */
  readonly maxAge: number;
  readonly support: (BranchSupport & { readonly ended: boolean }) | undefined;
  readonly latestStable: string | undefined;
}

const day = 86_400;

export function warningsOf(grounds: WarningGrounds): readonly ScanWarning[] {
  const { problems } = grounds.subject;
  return [
    ...staleDatabase(grounds),
    ...endOfSupport(grounds),
    ...noSeverities(grounds),
    ...mixedBranches(grounds),
    ...problems.map((text): ScanWarning => ({ code: "unreadable", text })),
  ];
}

function* staleDatabase({
  database,
  branch,
  time,
  maxAge,
}: WarningGrounds): Generator<ScanWarning> {
  const ages = database.feeds
    .filter((feed) => feed.name === "secdb" && feed.branch === branch)
    .map(({ fetched }) => time - fetched);
  const oldest = Math.max(...ages);
  if (oldest <= maxAge) return;
  const shown =
    oldest < 2 * day ? `${Math.floor(oldest / 3600)} hours` : `${Math.floor(oldest / day)} days`;
  yield {
    code: "stale-database",
    text: `the advisories for ${branch} are ${shown} old: newer vulnerabilities are not in them`,
    hint: "Bring them up to date: bivy db update.",
  };
}

function* endOfSupport({ branch, support, latestStable }: WarningGrounds): Generator<ScanWarning> {
  if (support?.ended !== true) return;
  const next = latestStable === undefined ? "" : `, such as ${latestStable}`;
  yield {
    code: "end-of-support",
    text: `${branch} has been out of support since ${support.ends}: vulnerabilities found since then are neither mended nor listed`,
    hint: `Build on a branch that is supported${next}.`,
  };
}

function* noSeverities({ database }: WarningGrounds): Generator<ScanWarning> {
  if (database.feeds.some(({ name }) => name === "osv" || name === "nvd")) return;
  yield {
    code: "no-severity",
    text: "the database has no severities: the risk of each finding is assumed",
    hint: "Fetch them: bivy db update.",
  };
}

const branchInUrl = /\/(v\d+\.\d+|edge)(?=\/|$)/;

function* mixedBranches({ subject, branch }: WarningGrounds): Generator<ScanWarning> {
  const foreign = subject.repositories
    .filter(
      ({ url, tag }) => tag === undefined && (branchInUrl.exec(url)?.[1] ?? branch) !== branch,
    )
    .map(({ url }) => url);
  if (foreign.length === 0) return;
  yield {
    code: "mixed-branches",
    text: `not of ${branch}: ${foreign.join(", ")}. Which packages came from there cannot be told without a tag`,
    hint: "Tag such a line (@edge URL), and install from it by name@edge.",
  };
}

/** Characters of ids and of a version in a warning, which is a line or two. */
const longestWords = 60;

/**
 * Versions that are none, where a result could rest on them. A row makes no finding then; but one whose
 * beginning says that the installed version is below must not look like a clean result.
 */
export function unreadableVersions({
  unordered,
  looming,
}: Pick<Matches, "unordered" | "looming">): readonly ScanWarning[] {
  const code = "unreadable-version";
  return [
    ...unordered.map(({ name, version }) => ({
      code,
      text: `${name}: its version ${version} is none of apk's, so nothing can be said about it`,
    })),
    ...looming.map(({ package: { name, version }, row }) => ({
      code,
      text: `${name} ${version} may be vulnerable: ${cutText(row.version, longestWords)}, which is no version of apk's, mended ${cutText(row.ids.join(", "), longestWords)}`,
      hint: "It is not among the findings: compare the versions yourself.",
    })),
  ];
}
