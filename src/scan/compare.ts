/** Comparing scans: what a rebuild mended, brought in, and left. */
import { compareVersions } from "../apk/index.ts";
import type { Finding } from "./finding.ts";
import type { ScanReport } from "./report.ts";

export interface ScanComparison {
  readonly old: string;
  readonly new: string;
  /** Those of the old that the new has not, whether by an upgrade or because the package is gone. */
  readonly mended: readonly (Finding & { readonly by: "upgrade" | "removal" | "suppression" })[];
  /** Those of the new that the old has not. */
  readonly introduced: readonly Finding[];
  /** Those of both, as the new has them. */
  readonly remaining: readonly Finding[];
  readonly packages: {
    readonly upgraded: readonly PackageStep[];
    readonly downgraded: readonly PackageStep[];
  };
}

/** A package that has another version. */
export interface PackageStep {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A finding is the same where vulnerability and package are. Lists keep the order by risk. */
export function compareScans(old: ScanReport, now: ScanReport): ScanComparison {
  const before = new Map(old.findings.map((finding) => [keyOf(finding), finding]));
  const after = new Map(now.findings.map((finding) => [keyOf(finding), finding]));
  const suppressed = new Set(now.suppressed.map(keyOf));
  const versions = now.versions;
  const mended = old.findings
    .filter((finding) => !after.has(keyOf(finding)))
    .map((finding) => ({
      ...finding,
      by: suppressed.has(keyOf(finding))
        ? ("suppression" as const)
        : versions.has(finding.package.name)
          ? ("upgrade" as const)
          : ("removal" as const),
    }));
  const steps = stepsOf(old, now);
  return {
    old: old.subject.name,
    new: now.subject.name,
    mended,
    introduced: now.findings.filter((finding) => !before.has(keyOf(finding))),
    remaining: now.findings.filter((finding) => before.has(keyOf(finding))),
    packages: {
      upgraded: steps.filter(({ from, to }) => compareVersions(from, to) < 0),
      downgraded: steps.filter(({ from, to }) => compareVersions(from, to) > 0),
    },
  };
}

function keyOf({ id, package: { name } }: Finding): string {
  return `${id} ${name}`;
}

function stepsOf(old: ScanReport, now: ScanReport): readonly PackageStep[] {
  const steps: PackageStep[] = [];
  for (const [name, from] of old.versions) {
    const to = now.versions.get(name);
    if (to !== undefined && to !== from) steps.push({ name, from, to });
  }
  return steps;
}
