/**
 * Scan reports as Markdown (GitHub's, https://github.github.com/gfm/), for merge requests: warnings first,
 * a table by risk, and the rest folded away.
 */
import type { Finding } from "../finding.ts";
import { worstRisk, type ScanReport } from "../report.ts";
import {
  advisoriesAge,
  describeCount,
  describeNoFindings,
  describeRest,
  describeSeverities,
  describeSubject,
} from "./basis.ts";
import type { ReportOptions, ScanFailure } from "./failure.ts";
import { findingFacts, percent, shortPlace, suppressionText } from "./finding-facts.ts";
import { nextSteps, type NextStep } from "./next-steps.ts";
import { joinByOrigin, packageNames, type OriginFinding } from "./origin-finding.ts";
import { referencesOf } from "./reference.ts";
import { cutText, sentences, shownName, shownProse } from "./shown-text.ts";

/** Comments of merge requests are bounded, to some 65,000 characters on GitHub. */
const mostRows = 50;
const mostDetails = 20;
const longestCell = 200;

export function scanMarkdown(
  reports: readonly ScanReport[],
  { failures = [] }: ReportOptions,
): string {
  const parts = [
    ...failures.map(formatFailure),
    ...(reports.length > 1 ? [formatSummary(reports)] : []),
    ...reports.map(formatReport),
  ];
  return `${parts.join("\n\n")}\n`;
}

function formatFailure({ name, text, hint }: ScanFailure): string {
  return `> **Not scanned:** ${code(name)}: ${prose(sentences(text, hint))}`;
}

function formatSummary(reports: readonly ScanReport[]): string {
  const rows = reports
    .toSorted((a, b) => worstRisk(b) - worstRisk(a))
    .map((report) => {
      const [step] = nextSteps(joinByOrigin(report.findings));
      return [
        worstRisk(report).toFixed(1),
        code(report.subject.name),
        report.findings.length === 0 ? "none known" : describeCount(report.findings),
        step === undefined ? "" : actionOf(step),
      ];
    });
  return `## Scan of ${reports.length} subjects\n\n${table(["Worst risk", "Subject", "Vulnerabilities", "Next"], rows)}`;
}

function actionOf({ command, text }: NextStep): string {
  return command === undefined ? prose(text) : code(command.join(" "));
}

function formatReport(report: ScanReport): string {
  const { subject, findings, suppressed, warnings } = report;
  const rows = joinByOrigin(findings);
  return [
    `## ${code(subject.name)}`,
    ...warnings.map(({ text, hint }) => `> **Warning:** ${prose(sentences(text, hint))}`),
    formatVerdict(report),
    ...(rows.length === 0 ? [] : [formatFindings(rows, report), formatSteps(rows)]),
    ...(rows.length === 0 ? [] : [formatDetails(rows, report)]),
    ...(suppressed.length === 0 ? [] : [formatSuppressed(joinByOrigin(suppressed))]),
    ...formatRest(report),
    `<sub>${prose(`${describeSubject(report)}; ${advisoriesAge(report)}; bivy ${report.version}`)}</sub>`,
  ].join("\n\n");
}

function formatVerdict(report: ScanReport): string {
  if (report.findings.length === 0) return prose(describeNoFindings(report));
  const count = describeCount(report.findings);
  const severities = describeSeverities(report.findings);
  return `**${count}**, worst risk **${worstRisk(report).toFixed(1)}** of 100 (${severities}).`;
}

function formatFindings(rows: readonly OriginFinding[], report: ScanReport): string {
  const cells = rows.slice(0, mostRows).map((row) => {
    const { finding } = row;
    const { package: each, fixed, severity, epss, kev, risk } = finding;
    return [
      risk.score.toFixed(1),
      idLink(finding),
      packageNames(row).map(code).join(", "),
      `${code(each.version)} → ${code(fixed)}`,
      severity === undefined
        ? "unknown"
        : `${severity.level} ${severity.score.toFixed(1)} (${prose(severity.source)})`,
      epss === undefined ? "" : percent(epss.probability).replace("<", "&lt;"),
      kev === undefined ? "" : "**exploited**",
      prose(shortPlace(finding, report)),
    ];
  });
  const more = rows.length - cells.length;
  const titles = ["Risk", "Id", "Package", "Installed → fixed", "Severity", "EPSS", "KEV", "Where"];
  return `${table(titles, cells)}${more > 0 ? `\n\n… and ${more} more of lower risk.` : ""}`;
}

function formatSteps(rows: readonly OriginFinding[]): string {
  const steps = nextSteps(rows).map(({ command, text, mends }) => {
    const share = `${prose(text)} (mends ${mends} of ${rows.length})`;
    return command === undefined ? `- ${share}` : `- ${share}:<br>${code(command.join(" "))}`;
  });
  return `**What to do next**\n\n${steps.join("\n")}`;
}

function formatDetails(rows: readonly OriginFinding[], report: ScanReport): string {
  const details = rows.slice(0, mostDetails).map((row) => {
    const facts = findingFacts(row.finding, report).map(
      ({ name, text }) => `- ${name}: ${prose(cutText(text, 500))}`,
    );
    return `**${code(row.finding.id)}** in ${packageNames(row).map(code).join(", ")}\n\n${facts.join("\n")}`;
  });
  const more = rows.length - details.length;
  return folded(
    "Details",
    [...details, ...(more > 0 ? [`… and ${more} more: \`--format json\` has them.`] : [])].join(
      "\n\n",
    ),
  );
}

function formatSuppressed(rows: readonly OriginFinding[]): string {
  const cells = rows
    .slice(0, mostRows)
    .map((row) => [
      row.finding.risk.score.toFixed(1),
      idLink(row.finding),
      packageNames(row).map(code).join(", "),
      prose(cutText(suppressionText(row.finding) ?? "", longestCell)),
    ]);
  const more = rows.length - cells.length;
  const rest = more > 0 ? `\n\n… and ${more} more.` : "";
  return folded(
    `Suppressed: ${rows.length}`,
    `${table(["Risk", "Id", "Package", "Why"], cells)}${rest}`,
  );
}

function formatRest(report: ScanReport): readonly string[] {
  const lines = describeRest(report);
  return lines.length === 0 ? [] : [lines.map((line) => `- ${prose(line)}`).join("\n")];
}

function folded(title: string, body: string): string {
  return `<details><summary>${prose(title)}</summary>\n\n${body}\n\n</details>`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [titles, titles.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function idLink({ id, aliases }: Finding): string {
  const [reference] = referencesOf([id, ...aliases]);
  return reference === undefined ? code(id) : `[${prose(id)}](${reference.url})`;
}

/** In an element instead of backticks, in which nothing could be escaped. */
function code(text: string): string {
  return `<code>${escapeMarkdown(shownName(cutText(text, longestCell)))}</code>`;
}

function prose(text: string): string {
  return escapeMarkdown(shownProse(text));
}

/**
 * Whatever could be markup of Markdown or HTML becomes a character reference, which is read after both.
 * So does what GitHub makes links, mentions or emoji of: `://`, `www.`, `@name`, `:name:`; and what at
 * the start would make a list.
 */
function escapeMarkdown(text: string): string {
  return text.replaceAll(
    /[^\p{L}\p{N}\p{M} ,.:;'"/%()=→×…+\ufffd-]|:(?! )|(?<=\bwww)\.|^[=+-]|(?<=^\d{1,9})[.)](?= |$)/giu,
    (character) => `&#${character.codePointAt(0)};`,
  );
}
