/**
 * Scan reports as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), for code scanning: a run
 * for each subject, a rule for each vulnerability, a result for each package that has it.
 */
import { createHash } from "node:crypto";
import type { Finding } from "../finding.ts";
import { worstRisk, type ScanReport, type ScanWarning } from "../report.ts";
import { isoTime } from "./basis.ts";
import type { ReportOptions, ScanFailure } from "./failure.ts";
import { findingFacts, suppressionText } from "./finding-facts.ts";
import { findingSentence, remedySentence } from "./finding-sentence.ts";
import { jsonText } from "./json-text.ts";
import { referencesOf } from "./reference.ts";
import { cutText, sentences, shownName, shownProse } from "./shown-text.ts";

const databasePath = "lib/apk/db/installed";

/** Longer messages are refused by some that read SARIF. */
const longestText = 1000;

export function scanSarif(
  reports: readonly ScanReport[],
  { version, failures = [] }: ReportOptions,
): string {
  const driver = {
    name: "bivy",
    version,
    ...(/^\d+\.\d+\.\d+(?:-[\w.-]+)?$/.test(version) ? { semanticVersion: version } : {}),
  };
  return jsonText({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      ...withPlaces(reports).map(([report, place]) => runOf(report, place, driver)),
      ...failures.map((failure) => failedRun(failure, driver)),
    ],
  });
}

function runOf(report: ScanReport, place: string, driver: object): object {
  const { subject, branch, time, warnings, noFixData, notAffected } = report;
  const findings = [...report.findings, ...report.suppressed];
  const byId = Map.groupBy(findings, ({ id }) => id);
  const ruleIndexes = new Map([...byId.keys()].map((id, index) => [id, index]));
  return {
    tool: { driver: { ...driver, rules: Array.from(byId.values(), (group) => ruleOf(group)) } },
    automationDetails: { id: `bivy-scan/${place}/` },
    invocations: [
      {
        executionSuccessful: true,
        startTimeUtc: isoTime(time),
        endTimeUtc: isoTime(time),
        toolExecutionNotifications: warnings.map((warning) => notificationOf(warning, "warning")),
      },
    ],
    columnKind: "unicodeCodePoints",
    results: findings.map((finding) =>
      resultOf(finding, report, place, ruleIndexes.get(finding.id)!),
    ),
    properties: {
      subject: shownName(subject.name),
      kind: subject.kind,
      ...(subject.digest === undefined ? {} : { digest: subject.digest }),
      branch,
      packages: subject.packages,
      worstRisk: worstRisk(report),
      notAffected: notAffected.length,
      noFixData: noFixData.length,
    },
  };
}

function failedRun({ name, code, text, hint }: ScanFailure, driver: object): object {
  return {
    tool: { driver: { ...driver, rules: [] } },
    automationDetails: { id: `bivy-scan/${uriPath(name)}/` },
    invocations: [
      {
        executionSuccessful: false,
        toolExecutionNotifications: [
          notificationOf({ code, text, ...(hint === undefined ? {} : { hint }) }, "error"),
        ],
      },
    ],
    results: [],
  };
}

function notificationOf({ code, text, hint }: ScanWarning, level: "warning" | "error"): object {
  return { level, descriptor: { id: code }, message: { text: messageText(sentences(text, hint)) } };
}

function ruleOf(group: readonly Finding[]): object {
  const [{ id, aliases, severity, kev }] = group as readonly [Finding];
  const packages = [...new Set(group.map(({ package: { origin } }) => origin))].sort();
  const remedies = [...new Set(group.map(remedySentence))];
  const references = referencesOf([id, ...aliases]);
  const tags = [
    "security",
    "vulnerability",
    severity?.level ?? "unknown-severity",
    ...(kev === undefined ? [] : ["known-exploited"]),
  ];
  return {
    id: shownName(id),
    name: "KnownVulnerability",
    shortDescription: { text: messageText(`${id} in ${packages.join(", ")}`) },
    fullDescription: {
      text: messageText(
        `${[id, ...aliases].join(", ")}: a known vulnerability of ${packages.join(", ")}, by Alpine's advisories.`,
      ),
    },
    defaultConfiguration: { level: levelOf(group[0]!) },
    ...(references[0] === undefined ? {} : { helpUri: references[0].url }),
    help: {
      text: cutText(
        [...remedies, ...references.map(({ name, url }) => `${name}: ${url}`)].join("\n"),
        10 * longestText,
      ),
    },
    properties: {
      ...(severity === undefined ? {} : { "security-severity": severity.score.toFixed(1) }),
      precision: "very-high",
      tags,
    },
  };
}

/** What is being exploited is an error, however it was scored. */
function levelOf({ severity, kev }: Finding): "error" | "warning" | "note" {
  if (kev !== undefined) return "error";
  switch (severity?.level) {
    case "critical":
    case "high":
      return "error";
    case "low":
    case "none":
      return "note";
    default:
      return "warning";
  }
}

function resultOf(finding: Finding, report: ScanReport, place: string, ruleIndex: number): object {
  const { id, package: each, risk, epss, suppression } = finding;
  const facts = findingFacts(finding, report).map(({ name, text }) => [name, text]);
  return {
    ruleId: shownName(id),
    ruleIndex,
    level: levelOf(finding),
    rank: risk.score,
    message: {
      text: messageText(`${findingSentence(finding, report)}. ${remedySentence(finding)}`),
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: report.subject.kind === "root" ? databasePath : place },
          // Those that show results want a line, even of what has none.
          region: { startLine: 1 },
        },
        logicalLocations: [
          {
            name: shownName(each.name),
            fullyQualifiedName: shownName(`${each.origin}/${each.name}@${each.version}`),
            kind: "package",
          },
        ],
      },
    ],
    partialFingerprints: { "bivyFinding/v1": fingerprintOf(finding, place) },
    ...(suppression === undefined
      ? {}
      : {
          suppressions: [
            {
              kind: "external",
              status: "accepted",
              justification: messageText(suppressionText(finding)!),
            },
          ],
        }),
    properties: {
      risk: risk.score,
      ...(epss === undefined ? {} : { epss: epss.probability }),
      fixedVersion: finding.fixed,
      facts: Object.fromEntries(facts),
    },
  };
}

/** The same from scan to scan: a package that is upgraded to a version that is vulnerable too is no new finding. */
function fingerprintOf({ id, package: { name, origin } }: Finding, place: string): string {
  return createHash("sha256")
    .update(JSON.stringify([place, origin, name, id]))
    .digest("hex");
}

/**
 * What stands for the file that findings are in: the subject's name, without tag and digest, so that the
 * next build has the same place; with them where several would have the same.
 */
function withPlaces(reports: readonly ScanReport[]): readonly (readonly [ScanReport, string])[] {
  const short = reports.map(({ subject }) => uriPath(repositoryName(subject)));
  return reports.map((report, at) => {
    const isOne = short.indexOf(short[at]!) === short.lastIndexOf(short[at]!);
    return [report, isOne ? short[at]! : uriPath(report.subject.name)];
  });
}

const transports = /^(?:oci|oci-archive|docker|docker-archive|store|dir):/;

function repositoryName({ name, kind }: ScanReport["subject"]): string {
  if (kind !== "image") return name;
  const withoutDigest = name.replace(/(?<=.)@sha256:[0-9a-f]{1,64}$/, "");
  if (transports.test(withoutDigest)) return withoutDigest;
  return withoutDigest.replace(/(?<=.):\w[\w.-]{0,127}$/, "");
}

/** A relative reference of RFC 3986 that stays one, whatever the name is. */
function uriPath(name: string): string {
  const segments = shownName(name)
    .split("/")
    .filter((segment) => !["", ".", ".."].includes(segment))
    .map(encodeURIComponent);
  return segments.join("/") || "image";
}

function messageText(text: string): string {
  return cutText(shownProse(text), longestText);
}
