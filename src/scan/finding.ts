/** Findings: that a package has a known vulnerability, with all that is known about it. */
import type { Exploited, ExploitProbability, Severity } from "../advisory/index.ts";
import type { Risk } from "./risk.ts";
import type { ScanPackage } from "./subject.ts";

/** Why a finding does not count. */
export interface Suppression {
  /** What suppresses it: a rule of the ignore file, a VEX statement, or Alpine's own rejection. */
  readonly by: "ignore-file" | "vex" | "rejection";
  /** What the VEX statement says, where one suppresses it. */
  readonly status?: "not_affected" | "fixed";
  /** In the words of whoever decided so; "" where they gave none. */
  readonly reason: string;
  /** Where that is written, such as a file and a line, or the id of a document. */
  readonly source: string;
  /** The day on which it ends, such as 2026-12-31. */
  readonly expires?: string;
  /** A VEX justification, such as `vulnerable_code_not_in_execute_path`. */
  readonly justification?: string;
}

/** What a VEX document says about a finding that it does not suppress. */
export interface VexRemark {
  readonly status: "affected" | "under_investigation";
  readonly text: string;
  readonly source: string;
}

/** Whether the version that mends it can be had now. */
export interface Availability {
  /** `unknown` where no index was at hand. */
  readonly state: "available" | "not-available" | "unknown";
  /** What the repository's index has now. */
  readonly version?: string;
  /** Where that was looked up: the URL of the repository. */
  readonly repository?: string;
  /** Why it is not known. */
  readonly reason?: string;
}

/** What mends a finding. */
export interface Remedy {
  /**
   * `upgrade`: apk has the fix; `rebuild-base`: the package is in the base image's layers; `move-branch`:
   * the branch gets no more fixes; `wait`: no repository has the fixed version yet.
   */
  readonly kind: "upgrade" | "rebuild-base" | "move-branch" | "wait";
  /** The exact command, or instruction, where there is one. */
  readonly command?: string;
  /** One sentence for people. */
  readonly text: string;
}

export interface Finding {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly package: ScanPackage;
  /** The version from which on it is fixed in the branch. */
  readonly fixed: string;
  /** The row of secdb that it rests on. */
  readonly branch: string;
  readonly repository: string;
  readonly availability: Availability;
  readonly severity?: Severity;
  /** EPSS: how likely it is exploited within 30 days. */
  readonly epss?: ExploitProbability;
  /** In CISA's list of exploited vulnerabilities. */
  readonly kev?: Exploited;
  /** The day since when the advisory is in the database here, such as 2026-11-30. */
  readonly firstSeen?: string;
  readonly risk: Risk;
  readonly remedy: Remedy;
  readonly vex?: VexRemark;
  /** A finding that has one is reported, and does not count. */
  readonly suppression?: Suppression;
}

/** A package that is told to be free of a vulnerability. */
export interface NotAffected {
  readonly id: string;
  readonly package: ScanPackage;
  /** secdb's version `0`, or that the installed version is not below the fixed one. */
  readonly because: "never-affected";
  readonly branch: string;
  readonly repository: string;
}
