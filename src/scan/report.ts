/** Scan reports: all that a scan of one subject found, and what that rests on. */
import type { BranchSupport, FeedAge, UnreadableFix } from "../advisory/index.ts";
import type { Digest } from "../base/index.ts";
import type { Distribution } from "../inventory/index.ts";
import type { Finding, NotAffected } from "./finding.ts";
import type { ScanLayer, UnjudgedPackages } from "./subject.ts";

/** Something that the reader must know before trusting the report. */
export interface ScanWarning {
  /** For scripts: `stale-database`, `end-of-support`, `mixed-branches`, `no-feed`, `expired-ignore`, … */
  readonly code: string;
  readonly text: string;
  readonly hint?: string;
}

export interface ScanReport {
  readonly subject: {
    readonly name: string;
    readonly kind: "image" | "root" | "sbom";
    readonly digest?: Digest;
    readonly distribution?: Distribution;
    readonly layers: readonly ScanLayer[];
    /** How many apk packages there are. */
    readonly packages: number;
  };
  /** When: seconds since 1970. */
  readonly time: number;
  /** Of bivy. */
  readonly version: string;
  /** The branch whose advisories were used. */
  readonly branch: string;
  readonly support?: BranchSupport & { readonly ended: boolean };
  /** What the results rest on, each with its age. */
  readonly feeds: readonly FeedAge[];
  /** Those that count, by risk, the highest first. */
  readonly findings: readonly Finding[];
  /** Those that something suppresses, in the same order. */
  readonly suppressed: readonly Finding[];
  readonly notAffected: readonly NotAffected[];
  /**
   * The packages whose origin no row of secdb is about, or whose version is none: nothing is known about
   * them, which is not "not affected". By name.
   */
  readonly noFixData: readonly string[];
  /** Rows about installed packages whose version is none: nothing may rest on them. */
  readonly unreadable: readonly (UnreadableFix & { readonly repository: string })[];
  readonly unjudged: readonly UnjudgedPackages[];
  readonly warnings: readonly ScanWarning[];
  /** The installed version of each package, by name. */
  readonly versions: ReadonlyMap<string, string>;
}

/** How many findings there are of each level of severity. */
export type SeverityCounts = Readonly<
  Record<"critical" | "high" | "medium" | "low" | "none" | "unknown", number>
>;

export function countBySeverity(findings: readonly Finding[]): SeverityCounts {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, none: 0, unknown: 0 };
  for (const { severity } of findings) counts[severity?.level ?? "unknown"]++;
  return counts;
}

/** The risk of the worst finding; 0 where none counts. */
export function worstRisk({ findings }: Pick<ScanReport, "findings">): number {
  return findings[0]?.risk.score ?? 0;
}
