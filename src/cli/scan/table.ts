/** Scan reports as tables for people: what must be known first, findings by risk, and what to do next. */
import {
  advisoriesAge,
  describeCount,
  describeNoFindings,
  describeRest,
  describeSeverities,
  describeSubject,
  joinByOrigin,
  nextSteps,
  shownName,
  shownProse,
  suppressionText,
  worstRisk,
  type NextStep,
  type OriginFinding,
  type ScanFailure,
  type ScanReport,
} from "../../scan/index.ts";
import { displayWidth } from "../term/display-width.ts";
import { findingLegend, findingLines } from "./finding-rows.ts";
import { fitMiddle, pad, wrapWords } from "./fit.ts";

export interface ScanTableOptions {
  /** Columns of a line; what is less than 60 counts as 60. */
  readonly width: number;
  /** Whether the suppressed findings are listed, with the reasons. */
  readonly showSuppressed: boolean;
  /** Whether lists are shown whole, and the packages that are counted only are named. */
  readonly all: boolean;
  /** Subjects that could not be scanned. */
  readonly failures?: readonly ScanFailure[];
}

/** Vulnerabilities that are shown of a subject unless all are asked for. */
const mostRows = 25;
const leastWidth = 60;

export function formatScanTable(reports: readonly ScanReport[], options: ScanTableOptions): string {
  const { failures = [] } = options;
  const width = Math.max(leastWidth, options.width);
  return [
    ...failures.map((failure) => formatFailure(failure, width)),
    ...(reports.length > 1 ? [formatSummary(reports, width)] : []),
    ...reports.map((report) => formatReport(report, { ...options, width })),
  ].join("\n\n\n");
}

function formatFailure({ text, hint }: ScanFailure, width: number): string {
  return [
    ...wrapWords(`NOT SCANNED ${shownProse(text)}`, { width, indent: 0, hanging: 12 }),
    ...(hint === undefined ? [] : wrapWords(shownProse(hint), { width, indent: 12 })),
  ].join("\n");
}

const levels = ["critical", "high", "medium", "low", "unknown"] as const;

/** The worst first. */
function formatSummary(reports: readonly ScanReport[], width: number): string {
  const rows = reports
    .toSorted((a, b) => worstRisk(b) - worstRisk(a))
    .map((report) => {
      const found = joinByOrigin(report.findings);
      const counts = Map.groupBy(found, ({ finding }) => finding.severity?.level ?? "unknown");
      const [step] = nextSteps(found);
      return {
        cells: [
          worstRisk(report).toFixed(1),
          ...levels.map((level) => String(counts.get(level)?.length ?? 0)),
        ],
        name: shownName(report.subject.name),
        action: step === undefined ? "none known" : actionOf(step, found.length),
      };
    });
  const titles = ["RISK", "CRIT", "HIGH", "MED", "LOW", "?"];
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[at]!.length)),
  );
  const actionWidth = Math.max(4, ...rows.map(({ action }) => displayWidth(action)));
  const left = width - actionWidth - 2 - widths.reduce((sum, each) => sum + each + 2, 0);
  const nameWidth = Math.min(left, Math.max(7, ...rows.map(({ name }) => displayWidth(name))));
  const lineOf = (cells: readonly string[], name: string, action: string): string =>
    [
      ...cells.map((cell, at) => pad(cell, widths[at]!, "right")),
      pad(fitMiddle(name, nameWidth), nameWidth),
      action,
    ].join("  ");
  return [
    lineOf(titles, "SUBJECT", "NEXT"),
    ...rows.map(({ cells, name, action }) => lineOf(cells, name, action)),
  ].join("\n");
}

const actions: Readonly<Record<NextStep["kind"], string>> = {
  upgrade: "upgrade",
  "rebuild-base": "rebuild",
  "move-branch": "move branch",
  wait: "wait",
};

function actionOf({ kind, mends }: NextStep, total: number): string {
  return `${actions[kind]} (${mends} of ${total})`;
}

function formatReport(report: ScanReport, options: ScanTableOptions): string {
  const { findings, suppressed } = report;
  const { width, showSuppressed, all } = options;
  const rows = joinByOrigin(findings);
  return [
    formatHead(report, width),
    formatWarnings(report, width),
    ...(rows.length === 0 ? [] : [formatFindings(rows, report, options)]),
    formatCounts(report, options),
    ...(showSuppressed && suppressed.length > 0 ? [formatSuppressed(report, options)] : []),
    ...(all ? [formatNames(report, width)] : []),
    ...(rows.length === 0 ? [] : [formatNext(rows, report, width)]),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function formatHead(report: ScanReport, width: number): string {
  const { name, digest } = report.subject;
  return [
    fitMiddle(shownName(name), width),
    ...wrapWords(shownName(describeSubject(report)), { width, indent: 0 }),
    ...(digest === undefined ? [] : [fitMiddle(shownName(digest), width)]),
    advisoriesAge(report),
  ].join("\n");
}

function formatWarnings({ warnings }: ScanReport, width: number): string {
  return warnings
    .flatMap(({ text, hint }) => [
      ...wrapWords(`WARNING ${shownProse(text)}`, { width, indent: 0, hanging: 8 }),
      ...(hint === undefined ? [] : wrapWords(shownProse(hint), { width, indent: 8 })),
    ])
    .join("\n");
}

function formatFindings(
  rows: readonly OriginFinding[],
  report: ScanReport,
  { width, all }: ScanTableOptions,
): string {
  const shown = all ? rows : rows.slice(0, mostRows);
  const findings = shown.flatMap((row) => row.findings);
  const more = rows.length - shown.length;
  const legend = findingLegend(findings);
  return [
    ...findingLines(findings, report, width),
    ...(more > 0 ? [`… and ${more} more of lower risk (--all shows them)`] : []),
    ...(legend === "" ? [] : wrapWords(`(${legend})`, { width, indent: 0 })),
  ].join("\n");
}

function formatCounts(
  report: ScanReport,
  { width, showSuppressed, all }: ScanTableOptions,
): string {
  const { findings, suppressed, noFixData, notAffected } = report;
  const verdict =
    findings.length === 0
      ? describeNoFindings(report)
      : `${describeCount(findings)}: ${describeSeverities(findings)}`;
  const hidden = [
    ...(suppressed.length > 0 && !showSuppressed ? ["--show-suppressed"] : []),
    ...(noFixData.length + notAffected.length > 0 && !all ? ["--all"] : []),
  ];
  return [
    ...wrapWords(shownProse(verdict), { width, indent: 0 }),
    ...describeRest(report).flatMap((line) =>
      wrapWords(shownProse(line), { width, indent: 2, hanging: 4 }),
    ),
    ...(hidden.length === 0 ? [] : [`  (shown by ${hidden.join(" and ")})`]),
  ].join("\n");
}

function formatSuppressed(report: ScanReport, { width }: ScanTableOptions): string {
  const lines = findingLines(report.suppressed, report, width, ({ finding }) =>
    wrapWords(`suppressed ${suppressionText(finding)!}`, { width, indent: 6, hanging: 8 }),
  );
  return ["SUPPRESSED", ...lines].join("\n");
}

/** What is counted only otherwise. */
function formatNames({ notAffected, noFixData, unreadable }: ScanReport, width: number): string {
  const byPackage = Map.groupBy(notAffected, ({ package: { name } }) => name);
  const wrap = (text: string): string[] =>
    wrapWords(shownProse(text), { width, indent: 2, hanging: 4 });
  return [
    titled(
      "NOT AFFECTED, SAYS ALPINE",
      Array.from(
        byPackage,
        ([name, each]) => `${name}: ${each.map(({ id }) => id).join(" ")}`,
      ).flatMap(wrap),
    ),
    titled("NO KNOWN FIX DATA", wrap(noFixData.join(" "))),
    titled(
      "ADVISORIES WITHOUT A READABLE VERSION",
      unreadable.flatMap(({ origin, version, ids }) =>
        wrap(`${origin}: ${ids.join(" ")} fixed in ${version}`),
      ),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function titled(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [title, ...lines].join("\n");
}

function formatNext(
  rows: readonly OriginFinding[],
  { subject: { name } }: ScanReport,
  width: number,
): string {
  const isWord = /^[\w./][\w./:@-]*$/.test(name) && name.length <= width - commandMargin;
  const image = isWord ? name : "IMAGE";
  const id = rows.map(({ finding }) => finding.id).find((each) => /^[\w-]{1,40}$/.test(each));
  const steps = nextSteps(rows).flatMap(({ command, text, mends }) => [
    ...wrapWords(`${shownProse(text)} (mends ${mends} of ${rows.length})`, {
      width,
      indent: 2,
      hanging: 4,
    }),
    ...(command === undefined ? [] : commandLines(command, width)),
  ]);
  const explain =
    id === undefined
      ? []
      : [
          "  see all that is known of one",
          ...commandLines(["bivy", "scan", image, "--explain", id], width),
        ];
  return ["NEXT", ...steps, ...explain].join("\n");
}

/** Columns that a word of a command cannot have. */
const commandMargin = 10;

/** To be pasted as they are: a shell and a Dockerfile join lines that end so. */
function commandLines(words: readonly string[], width: number): readonly string[] {
  return wrapWords(words, { width, indent: 6, hanging: 8, continued: " \\" });
}
