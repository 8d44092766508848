/** Suppressing: what ignore files and VEX documents say about a finding, asked in one place. */
import type { Suppression, VexRemark } from "./finding.ts";

/** What is said about a finding. */
export interface Judgement {
  readonly suppression?: Suppression;
  readonly vex?: VexRemark;
}
