/**
 * Scan reports as JUnit XML, in the form that CI systems read
 * (https://github.com/testmoapp/junitxml): a suite for each subject, a case for each package. One with
 * findings fails; one whose findings are suppressed, or of which nothing is known, is skipped.
 */
import type { Finding } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { isoTime } from "./basis.ts";
import type { ReportOptions, ScanFailure } from "./failure.ts";
import { findingFacts, suppressionText } from "./finding-facts.ts";
import { sentences } from "./shown-text.ts";
import { xmlAttributes, xmlText } from "./xml-text.ts";

interface Suite {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  readonly xml: string;
}

export function scanJunit(
  reports: readonly ScanReport[],
  { failures: failed = [] }: ReportOptions,
): string {
  const suites = [...reports.map(suiteOf), ...failed.map(failedSuite)];
  const sum = (of: (suite: Suite) => number): number =>
    suites.reduce((total, suite) => total + of(suite), 0);
  const totals = {
    name: "bivy scan",
    tests: sum(({ tests }) => tests),
    failures: sum(({ failures }) => failures),
    errors: sum(({ errors }) => errors),
    skipped: sum(({ skipped }) => skipped),
    time: 0,
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${xmlAttributes(totals)}>
${suites.map(({ xml }) => xml).join("")}</testsuites>
`;
}

type State = "passed" | "failed" | "skipped";

function suiteOf(report: ScanReport): Suite {
  const { subject, time, branch, version, warnings } = report;
  const findings = Map.groupBy(report.findings, nameOf);
  const suppressed = Map.groupBy(report.suppressed, nameOf);
  const unknown = new Set(report.noFixData);
  const cases = Array.from(report.versions, ([name, installed]) => {
    const failing = findings.get(name) ?? [];
    const ignored = suppressed.get(name) ?? [];
    const [state, body] = outcomeOf(failing, ignored, unknown.has(name), report);
    const attributes = { name: `${name} ${installed}`, classname: subject.name, time: 0 };
    const xml =
      body === ""
        ? `<testcase${xmlAttributes(attributes)}/>\n`
        : `<testcase${xmlAttributes(attributes)}>\n${body}</testcase>\n`;
    return { state, xml };
  });
  const count = (wanted: State): number => cases.filter(({ state }) => state === wanted).length;
  const counts = {
    tests: cases.length,
    failures: count("failed"),
    errors: 0,
    skipped: count("skipped"),
  };
  const timestamp = isoTime(time).slice(0, -1);
  const properties = {
    branch,
    "bivy.version": version,
    ...(subject.digest === undefined ? {} : { digest: subject.digest }),
  };
  const notes = warnings.map(({ text, hint }) => `warning: ${sentences(text, hint)}\n`);
  const xml = `<testsuite${xmlAttributes({ name: subject.name, ...counts, time: 0, timestamp })}>
<properties>
${Object.entries(properties)
  .map(([name, value]) => `<property${xmlAttributes({ name, value })}/>\n`)
  .join("")}</properties>
${cases.map((each) => each.xml).join("")}${notes.length === 0 ? "" : `<system-err>${xmlText(notes.join(""))}</system-err>\n`}</testsuite>
`;
  return { ...counts, xml };
}

function nameOf({ package: { name } }: Finding): string {
  return name;
}

function outcomeOf(
  failing: readonly Finding[],
  ignored: readonly Finding[],
  isUnknown: boolean,
  report: ScanReport,
): readonly [State, string] {
  const reasons = ignored.map((each) => `${each.id} suppressed ${suppressionText(each)!}`);
  if (failing.length > 0) {
    const message = failing.map(({ id, fixed }) => `${id} (fixed in ${fixed})`).join(", ");
    const text = failing.map((each) => describeFinding(each, report)).join("\n\n");
    const output =
      reasons.length === 0 ? "" : `<system-out>${xmlText(reasons.join("\n"))}</system-out>\n`;
    return [
      "failed",
      `<failure${xmlAttributes({ message, type: "vulnerability" })}>${xmlText(text)}</failure>\n${output}`,
    ];
  }
  if (reasons.length > 0)
    return ["skipped", `<skipped${xmlAttributes({ message: reasons.join("; ") })}/>\n`];
  if (isUnknown)
    return [
      "skipped",
      `<skipped${xmlAttributes({ message: "no known fix data, which is not the same as not vulnerable" })}/>\n`,
    ];
  return ["passed", ""];
}

function describeFinding(finding: Finding, report: ScanReport): string {
  const facts = findingFacts(finding, report).map(({ name, text }) => `  ${name}: ${text}`);
  return [finding.id, ...facts].join("\n");
}

function failedSuite({ name, code, text, hint }: ScanFailure): Suite {
  const counts = { tests: 1, failures: 0, errors: 1, skipped: 0 };
  const error = `<error${xmlAttributes({ message: text, type: code })}>${xmlText(hint ?? "")}</error>`;
  const xml = `<testsuite${xmlAttributes({ name, ...counts, time: 0 })}>
<testcase${xmlAttributes({ name: "scan", classname: name, time: 0 })}>
${error}
</testcase>
</testsuite>
`;
  return { ...counts, xml };
}
