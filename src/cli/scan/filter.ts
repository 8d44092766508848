/** Filters: what of a report is left out because the user asked for less. */
import type { SeverityLevel } from "../../advisory/index.ts";
import { BivyError } from "../../base/index.ts";
import type { Finding, ScanReport } from "../../scan/index.ts";
import { countOf } from "../term/quantity.ts";

export interface FilterFlags {
  readonly severity?: string;
  readonly risk?: string;
  readonly onlyFixed?: boolean;
}

export type Filter = (finding: Finding) => boolean;

/** Whether a finding stays. One that nobody has scored stays, for it could be the worst. */
export async function parseFilter({ severity, risk, onlyFixed }: FilterFlags): Promise<Filter> {
  const { severityLevels } = await import("../../advisory/index.ts");
  const least = severity === undefined ? 0 : severityLevels.indexOf(severity as SeverityLevel);
  if (least === -1)
    throw new BivyError(
      "usage",
      `--severity ${severity}: expected one of ${severityLevels.join(", ")}`,
    );
  if (risk !== undefined && !/^\d{1,3}(?:\.\d+)?$/.test(risk))
    throw new BivyError("usage", `--risk ${risk}: expected a number from 0 to 100`);
  return (finding) =>
    (finding.severity === undefined || severityLevels.indexOf(finding.severity.level) >= least) &&
    (risk === undefined || finding.risk.score >= Number(risk)) &&
    (onlyFixed !== true || finding.availability.state !== "not-available");
}

/** A report without what is filtered; how much that is stands in its warnings. */
export function filterReport(report: ScanReport, filter: Filter): ScanReport {
  const findings = report.findings.filter(filter);
  const left = report.findings.length - findings.length;
  if (left === 0) return report;
  const text = `${countOf(left, "finding")} left out by --severity, --risk or --only-fixed`;
  return { ...report, findings, warnings: [...report.warnings, { code: "filtered", text }] };
}

/** Why a check fails, in words. */
export function describeFailing(
  name: string,
  findings: number,
  warnings: readonly string[],
): readonly string[] {
  const reasons = [...(findings === 0 ? [] : [countOf(findings, "finding")]), ...warnings];
  return reasons.length === 0 ? [] : [`${name}: ${reasons.join(", ")}`];
}
