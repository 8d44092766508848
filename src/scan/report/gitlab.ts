/**
 * Scan reports as GitLab's report of container scanning, version 15
 * (https://gitlab.com/gitlab-org/security-products/security-report-schemas). It has no place for
 * findings that are suppressed; how many there are is a message.
 */
import { createHash } from "node:crypto";
import type { SeverityLevel } from "../../advisory/index.ts";
import { countOf } from "../../base/index.ts";
import type { Finding } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { describeSubject, isoTime } from "./basis.ts";
import type { ReportOptions, ScanFailure } from "./failure.ts";
import { findingFacts } from "./finding-facts.ts";
import { findingSentence, remedySentence } from "./finding-sentence.ts";
import { jsonText } from "./json-text.ts";
import { referencesOf } from "./reference.ts";
import { cutText, sentences, shownName, shownProse } from "./shown-text.ts";

const severityWords: Readonly<Record<SeverityLevel, string>> = {
  critical: "Critical",
  high: "High",
  medium: "Medium",
  low: "Low",
  none: "Info",
};

/** The bounds of the schema, in characters. */
const longestName = 255;
const longestSolution = 7000;
const longestDescription = 100_000;

export function scanGitlab(
  reports: readonly ScanReport[],
  { version, failures = [] }: ReportOptions,
): string {
  const times = reports.map(({ time }) => time).sort((a, b) => a - b);
  const tool = { id: "bivy", name: "bivy", version, vendor: { name: "bivy" } };
  return jsonText({
    version: "15.0.7",
    scan: {
      analyzer: tool,
      scanner: tool,
      type: "container_scanning",
      start_time: timeText(times[0] ?? 0),
      end_time: timeText(times.at(-1) ?? 0),
      status: failures.length === 0 ? "success" : "failure",
      messages: [...failures.map(failureMessage), ...reports.flatMap(messagesOf)],
    },
    vulnerabilities: reports.flatMap((report) =>
      report.findings.map((finding) => vulnerabilityOf(finding, report)),
    ),
    remediations: [],
  });
}

/** The schema has times without a zone, which are UTC. */
function timeText(time: number): string {
  return isoTime(time).slice(0, -1);
}

function failureMessage({ name, text, hint }: ScanFailure): object {
  return {
    level: "fatal",
    value: shownProse(`${name}: ${sentences(text, hint)}`),
  };
}

function messagesOf({ subject, warnings, suppressed, noFixData }: ScanReport): readonly object[] {
  const say = (level: "info" | "warn", text: string): object => ({
    level,
    value: shownProse(`${subject.name}: ${text}`),
  });
  return [
    ...warnings.map(({ text, hint }) => say("warn", sentences(text, hint))),
    ...(suppressed.length === 0
      ? []
      : [say("info", `${countOf(suppressed.length, "finding")} suppressed`)]),
    ...(noFixData.length === 0
      ? []
      : [
          say(
            "info",
            `${countOf(noFixData.length, "package")} without known fix data, which is not the same as "not vulnerable"`,
          ),
        ]),
  ];
}

function vulnerabilityOf(finding: Finding, report: ScanReport): object {
  const { id, aliases, package: each, severity } = finding;
  const facts = findingFacts(finding, report).map(({ name, text }) => `${name}: ${text}`);
  const description = [findingSentence(finding, report), ...facts].join("\n");
  return {
    id: uuidOf([report.subject.name, each.origin, each.name, each.version, id]),
    name: cutText(shownName(`${id} in ${each.name}`), longestName),
    description: cutText(description, longestDescription),
    severity: severity === undefined ? "Unknown" : severityWords[severity.level],
    solution: cutText(remedySentence(finding), longestSolution),
    identifiers: [id, ...aliases.filter((alias) => alias !== "")].map(identifierOf),
    links: referencesOf([id, ...aliases]),
    location: {
      dependency: {
        package: { name: shownName(each.name) },
        version: shownName(each.version) || "unknown",
      },
      operating_system: cutText(shownName(systemOf(report)), longestName),
      image: cutText(shownName(report.subject.name), longestName),
    },
  };
}

function systemOf(report: ScanReport): string {
  const { distribution } = report.subject;
  if (distribution === undefined) return describeSubject(report);
  return [distribution.id, distribution.version].filter((word) => word !== undefined).join(" ");
}

function identifierOf(id: string): object {
  const [reference] = referencesOf([id]);
  const type = /^[A-Za-z]+(?=-)/.exec(id)?.[0].toLowerCase() ?? "other";
  const shown = cutText(shownName(id), longestName);
  return {
    type,
    name: shown,
    value: shown,
    ...(reference === undefined ? {} : { url: reference.url }),
  };
}

/** A UUID of version 8 (RFC 9562, section 5.8) out of contents, so that it is the same in each scan. */
function uuidOf(parts: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join("-");
}
