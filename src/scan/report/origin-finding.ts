/**
 * Origin findings: one vulnerability of one source package, with all of its packages that are installed.
 * Advisories are about sources, so `libcrypto3` and `libssl3` have the same ones: a reader sees them once.
 */
import type { Finding } from "../finding.ts";

export interface OriginFinding {
  /** That of the first package; what all of them share can be taken from it. */
  readonly finding: Finding;
  /** At least one. */
  readonly findings: readonly Finding[];
}

/** In the order of the first of each, so that a ranking stays one. */
export function joinByOrigin(findings: readonly Finding[]): readonly OriginFinding[] {
  return Array.from(Map.groupBy(findings, keyOf).values(), (group) => ({
    finding: group[0]!,
    findings: group,
  }));
}

function keyOf(finding: Finding): string {
  const { id, package: each, fixed, branch, repository, suppression } = finding;
  return JSON.stringify([id, each.origin, each.version, fixed, branch, repository, suppression]);
}

/** The names of its packages, each once. */
export function packageNames({ findings }: OriginFinding): readonly string[] {
  return [...new Set(findings.map(({ package: { name } }) => name))];
}
