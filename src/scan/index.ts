/** scan: which known vulnerabilities a subject really has, how much each matters, and what mends it. */
export {
  repositoryAvailability,
  unknownAvailability,
  type AskAvailability,
} from "./availability.ts";
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
export { matchPackages, type Match, type Matches } from "./match.ts";
export { planRebuilds, type AffectedImage, type RebuildPlan } from "./rebuild.ts";
export {
  countBySeverity,
  worstRisk,
  type ScanReport,
  type ScanWarning,
  type SeverityCounts,
} from "./report.ts";
export { impactLabel, impacts, parseImpact, riskOf, type Risk } from "./risk.ts";
export { scanSubject, type ScanOptions } from "./scan.ts";
export type { ScanLayer, ScanPackage, ScanSubject, UnjudgedPackages } from "./subject.ts";
export { subjectOfDocument, subjectOfInventory } from "./subject-of.ts";
export type { Judgement } from "./suppress.ts";
