/**
 * Scan reports as JSON: all that bivy knows, for scripts. The form is that of
 * docs/formats/scan-report.schema.json; within one `schemaVersion` fields are added, never changed.
 */
import { countBySeverity, worstRisk, type ScanReport } from "../report.ts";
import { isoTime } from "./basis.ts";
import type { ReportOptions } from "./failure.ts";
import { jsonText } from "./json-text.ts";
import { joinByOrigin } from "./origin-finding.ts";

export const scanReportSchemaVersion = 1;

export function scanJson(
  reports: readonly ScanReport[],
  { version, failures = [] }: ReportOptions,
): string {
  return jsonText({
    schemaVersion: scanReportSchemaVersion,
    tool: { name: "bivy", version },
    reports: reports.map(reportValue),
    failures,
  });
}

function reportValue(report: ScanReport): object {
  const { subject, time, branch, support, feeds, findings, suppressed, notAffected } = report;
  const { noFixData, unreadable, unjudged, warnings, versions } = report;
  return {
    subject,
    time: isoTime(time),
    branch,
    ...(support === undefined
      ? {}
      : { support: { ...support, repositories: Object.fromEntries(support.repositories) } }),
    summary: {
      risk: worstRisk(report),
      vulnerabilities: joinByOrigin(findings).length,
      findings: findings.length,
      bySeverity: countBySeverity(findings),
      suppressed: suppressed.length,
      notAffected: notAffected.length,
      noFixData: noFixData.length,
    },
    feeds: feeds.map((feed) => ({ ...feed, fetched: isoTime(feed.fetched) })),
    warnings,
    findings,
    suppressed,
    notAffected,
    noFixData,
    unreadable,
    unjudged,
    versions: Object.fromEntries(versions),
  };
}
