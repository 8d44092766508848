/** Packages: what is said of each installed one: whether it is proven, and whether its record is its own. */
import { identityKey, type InstalledPackage } from "../apk/index.ts";
import type { InventoryPackage } from "../inventory/index.ts";
import type { Claims } from "./claims.ts";
import { judgeBy, type Testimony } from "./judgement.ts";
import type { ContentsByPackage } from "./package-contents.ts";
import { compareRecords, type AccountIds } from "./records.ts";
import type { ContentComparison, PackageReport } from "./report.ts";

export interface PackageEvidence extends Testimony {
  readonly contents: ContentsByPackage;
  readonly claims: Claims;
  readonly accounts: AccountIds;
}

export function reportPackages(
  packages: readonly InventoryPackage[],
  evidence: PackageEvidence,
): PackageReport[] {
  const judge = judgeBy(evidence);
  const claimed = evidence.contents.size === 0 ? noPaths : claimedPaths(evidence.claims);
  return packages.map(({ installed, layer }) => {
    const { state, proof, reason } = judge(installed);
    const comparison = compareContents(installed, evidence, claimed);
    const { name, version, arch, origin, identity, directories } = installed;
    return {
      name,
      version,
      arch,
      origin,
      identity,
      layer,
      state,
      ...(proof === undefined ? {} : { proof }),
      ...(reason === undefined ? {} : { reason }),
      ...(comparison === undefined ? {} : { contents: comparison }),
      files: directories.reduce((sum, { files }) => sum + files.length, 0),
    };
  });
}

const noPaths: ReadonlySet<string> = new Set();

function claimedPaths({ files }: Claims): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const claims of files.values()) for (const { written } of claims) paths.add(written);
  return paths;
}

function compareContents(
  subject: InstalledPackage,
  { contents, accounts }: PackageEvidence,
  claimed: ReadonlySet<string>,
): ContentComparison | undefined {
  const known = contents.get(identityKey(subject.identity));
  if (known === undefined) return undefined;
  if (known.kind === "unavailable")
    return { state: "absent", reason: known.reason, differences: [] };
  const differences = compareRecords(subject, known, claimed, accounts);
  return { state: differences.length === 0 ? "same" : "different", differences };
}
