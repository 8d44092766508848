/** Severity: how bad a vulnerability is by CVSS (https://www.first.org/cvss), and who says so. */

export type SeverityLevel = "critical" | "high" | "medium" | "low" | "none";

export interface Severity {
  /** The CVSS base score, from 0 to 10. */
  readonly score: number;
  readonly level: SeverityLevel;
  /** The CVSS vector, such as `CVSS:3.1/AV:N/…`. */
  readonly vector?: string;
  /** `NVD` or `OSV`. */
  readonly source: string;
}

/** The qualitative scale of CVSS 3 and 4. */
export function severityLevel(score: number): SeverityLevel {
  if (score >= 9) return "critical";
  if (score >= 7) return "high";
  if (score >= 4) return "medium";
  return score > 0 ? "low" : "none";
}

export const severityLevels: readonly SeverityLevel[] = [
  "none",
  "low",
  "medium",
  "high",
  "critical",
];
