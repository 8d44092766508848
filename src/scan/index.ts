/** scan: which known vulnerabilities a subject really has, how much each matters, and what mends it. */
export {
  repositoryAvailability,
  unknownAvailability,
  type AskAvailability,
} from "./availability.ts";
export { compareLockedPackages, type LockedComparison } from "./compare-locked.ts";
export { compareScans, type PackageStep, type ScanComparison } from "./compare.ts";
export { parseFailOn, type FailOn } from "./fail-on.ts";
export type {
  Availability,
  Finding,
  NotAffected,
  Remedy,
  Suppression,
  VexRemark,
} from "./finding.ts";
export { parseIgnoreFile } from "./ignore/ignore-file.ts";
export {
  applyIgnore,
  expiredRules,
  unusedRules,
  type IgnoreRule,
  type IgnoreRules,
} from "./ignore/ignore-rules.ts";
export { matchPackages, type Match, type Matches } from "./match.ts";
export { planRebuilds, type AffectedImage, type RebuildPlan } from "./rebuild.ts";
export { worstRisk, type ScanReport, type ScanWarning, type SeverityCounts } from "./report.ts";
export { parseImpact, riskOf, type Risk } from "./risk.ts";
export { scanByRepository, type PlacedPackage } from "./scan-by-repository.ts";
export { scanSubject, type ScanOptions } from "./scan.ts";
export type { ScanLayer, ScanPackage, ScanSubject, UnjudgedPackages } from "./subject.ts";
export { subjectOfDocument, subjectOfInventory } from "./subject-of.ts";
export { summarizeScans, type ScanSummary } from "./summary.ts";
export type { Judgement } from "./suppress.ts";
export {
  advisoriesAge,
  describeCount,
  describeNoFindings,
  describeRest,
  describeSeverities,
  describeSubject,
} from "./report/basis.ts";
export type { ReportOptions, ScanFailure } from "./report/failure.ts";
export { findingFacts, percent, shortPlace, suppressionText } from "./report/finding-facts.ts";
export { nextSteps, type NextStep } from "./report/next-steps.ts";
export { joinByOrigin, packageNames, type OriginFinding } from "./report/origin-finding.ts";
export { writeReport, type ReportFormat } from "./report/write-report.ts";
export { shownName, shownProse } from "./report/shown-text.ts";
export { parseVex } from "./vex/parse-vex.ts";
export type { VexDocument, VexStatement } from "./vex/statement.ts";
export { unusedStatements, vexFor } from "./vex/vex-for.ts";
