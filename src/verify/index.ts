/** verify: where every file of an image comes from, and whether that can be proven. */
export { needsSha256 } from "./compare.ts";
export { keepsDocuments } from "./documents.ts";
export { gatherEvidence, type Evidence, type EvidenceSources } from "./evidence.ts";
export {
  findingKinds,
  parseFailOn,
  type FailOn,
  type Finding,
  type FindingKind,
} from "./findings.ts";
export * from "./report.ts";
export { summarize, type VerifySummary } from "./summary.ts";
export { verifyInventory, type VerifyOptions } from "./verify.ts";
export type { LockedPackage, LockEvidence } from "./voucher.ts";
