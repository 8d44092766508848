/** Claims: what a report comes to as VEX, before it is written in a format. */
import { formatPackageUrl } from "../../inventory/index.ts";
import { apkPackageUrl } from "../../sbom/index.ts";
import type { Finding, NotAffected } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import type { ScanPackage } from "../subject.ts";
import { referenceOf } from "./fit.ts";
import { knownJustification } from "./justification.ts";
import type { VexJustification, VexStatus } from "./statement.ts";

export interface VexOptions {
  /** Who says so, such as `mailto:security@example.com`; default `bivy`. */
  readonly author?: string;
  /**
   * The purl of the product that the statements are about, such as
   * `pkg:oci/app?repository_url=registry.example.com%2Fapp` for all images of a repository. The default
   * is the image by its digest, or each package by itself where no digest is known.
   */
  readonly product?: string;
}

export interface ClaimedPackage {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/** What is said about one vulnerability, and about which packages. */
export interface Claim {
  readonly id: string;
  readonly aliases: readonly string[];
  /** Each once, in the order of the report. */
  readonly packages: readonly ClaimedPackage[];
  readonly status: VexStatus;
  readonly justification?: VexJustification;
  /** Why it is so. */
  readonly notes: string;
  /** What to do, of what is affected. */
  readonly action?: string;
  /** One of the findings, for what does not depend on the package. */
  readonly finding?: Finding;
  /** Whether Alpine holds that the vulnerability is not the package's. */
  readonly isRejected: boolean;
}

/**
 * Findings are affected, or under investigation where a VEX document says so. What is suppressed by
 * VEX is what that said. What the ignore file suppresses is affected all the same, with the reason,
 * unless the rule has a justification. What was never affected by secdb is not affected.
 */
export function claimsOf(report: ScanReport): readonly Claim[] {
  const { distribution } = report.subject;
  const claims = new Map<string, Claim & { readonly packages: ClaimedPackage[] }>();
  const add = (each: ScanPackage, claim: Omit<Claim, "packages">): void => {
    const { finding, ...said } = claim;
    const key = JSON.stringify([said, finding?.fixed, finding?.risk.score]);
    const purl = apkPackageUrl({ ...each, arch: each.arch ?? "" }, distribution);
    let known = claims.get(key);
    if (known === undefined) claims.set(key, (known = { ...claim, packages: [] }));
    if (known.packages.some((other) => other.purl === purl)) return;
    known.packages.push({ name: each.name, version: each.version, purl });
  };
  for (const finding of [...report.findings, ...report.suppressed])
    add(finding.package, claimOfFinding(finding));
  for (const row of report.notAffected) add(row.package, claimOfRow(row));
  return [...claims.values()];
}

function claimOfFinding(finding: Finding): Omit<Claim, "packages"> {
  const { id, aliases, suppression, vex } = finding;
  const names = { id, aliases, finding, isRejected: suppression?.by === "rejection" };
  const affected = { ...names, status: "affected", action: actionOf(finding) } as const;
  if (suppression === undefined) {
    const notes = vex?.text ?? "";
    return vex?.status === "under_investigation"
      ? { ...names, status: "under_investigation", notes }
      : { ...affected, notes };
  }
  const { by, source, reason, expires } = suppression;
  const justification = knownJustification(suppression.justification);
  if (by === "ignore-file" && justification === undefined) {
    const until = expires === undefined ? "" : ` until ${expires}`;
    return { ...affected, notes: `ignored by ${source}${until}${reason && `: ${reason}`}` };
  }
  if (suppression.status === "fixed")
    return { ...names, status: "fixed", notes: reason || `fixed by ${source}` };
  return {
    ...names,
    status: "not_affected",
    ...(justification === undefined ? {} : { justification }),
    notes: reason || `not affected by ${source}`,
  };
}

function actionOf({ remedy: { text, command } }: Finding): string {
  return command === undefined ? text : `${text}: ${command}`;
}

function claimOfRow({ id, branch, repository }: NotAffected): Omit<Claim, "packages"> {
  return {
    id,
    aliases: [],
    status: "not_affected",
    justification: "vulnerable_code_not_present",
    notes: `Alpine's secdb (${branch}/${repository}) says that no version was ever affected`,
    isRejected: false,
  };
}

/** The purl of the image that was scanned, where its digest is known. */
export function imagePurlOf({ name, kind, digest }: ScanReport["subject"]): string | undefined {
  if (digest === undefined) return undefined;
  // A bill of materials goes by its file, which may look like a reference.
  const reference = kind === "image" ? referenceOf({ name }) : undefined;
  const repository = reference?.repository ?? "image";
  return formatPackageUrl({
    type: "oci",
    name: repository.slice(repository.lastIndexOf("/") + 1),
    version: digest,
    qualifiers: {
      repository_url: reference && `${reference.registry}/${reference.repository}`,
    },
  });
}
