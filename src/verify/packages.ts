/** Packages: whether each installed one is the build that the evidence vouches for. */
import { identityKey, tryParseChecksum, type InstalledPackage } from "../apk/index.ts";
import { equalBytes } from "../base/index.ts";
import type { InventoryPackage } from "../inventory/index.ts";
import type { Claims } from "./claims.ts";
import type { ContentsByPackage } from "./package-contents.ts";
import { compareRecords, type AccountIds } from "./records.ts";
import type { ContentComparison, PackageReport, PackageState, Proof } from "./report.ts";
import type { Voucher } from "./voucher.ts";

/** What packages are judged by. */
export interface Testimony {
  readonly vouchers: readonly Voucher[];
  /** How many indexes, locks and package files could be read. */
  readonly sources: number;
  /** Whether something that might know more could not be read. */
  readonly incomplete: boolean;
}

export interface Judgement {
  readonly state: PackageState;
  readonly proof?: Proof;
  readonly reason?: string;
  /** All that prove it; the first is the proof. */
  readonly vouchers?: readonly Voucher[];
}

/** A function that judges packages. */
export function judgeBy({
  vouchers,
  sources,
  incomplete,
}: Testimony): (subject: InstalledPackage) => Judgement {
  const byName = Map.groupBy(vouchers, ({ name }) => name);
  return (subject) => {
    if (isVirtual(subject))
      return { state: "virtual", reason: "made by apk add --virtual; it has no files" };
    if (subject.identity === "")
      return { state: "unproven", reason: "the database states no identity of it" };
    const known = byName.get(subject.name) ?? [];
    const builds = known.filter(({ version }) => version === subject.version);
    const same = builds.filter(({ identity }) => sameIdentity(identity, subject.identity) === true);
    const proving = same.filter(({ key }) => key !== undefined);
    if (proving[0] !== undefined)
      return { state: "proven", proof: proofOf(proving[0]), vouchers: proving };
    if (same[0] !== undefined)
      return {
        state: "unproven",
        reason: `${same[0].subject} has it, but nobody vouched for it when it was locked`,
      };
    return judgeDifferent(subject, builds, vouchers) ?? judgeUnnamed(known, sources, incomplete);
  };
}

function proofOf({ by, subject, key }: Voucher): Proof {
  return { by, subject, key: key! };
}

/** apk names such packages with a leading dot, and gives them no files. No repository has them. */
function isVirtual({ name, installedSize, directories }: InstalledPackage): boolean {
  return name.startsWith(".") && installedSize === 0 && directories.length === 0;
}

/** Undefined where checksums of two kinds cannot be compared. */
function sameIdentity(a: string, b: string): boolean | undefined {
  const [left, right] = [tryParseChecksum(a), tryParseChecksum(b)];
  if (left === undefined || right === undefined) return a === b;
  return left.byteLength === right.byteLength ? equalBytes(left, right) : undefined;
}

/** The name and version are known as another build, or this build under another name or version. */
function judgeDifferent(
  subject: InstalledPackage,
  builds: readonly Voucher[],
  vouchers: readonly Voucher[],
): Judgement | undefined {
  const other = builds.find(({ identity }) => sameIdentity(identity, subject.identity) === false);
  if (other !== undefined)
    return {
      state: "replaced",
      reason: `${other.subject} has another build of this version, ${other.identity}; Alpine's branches have builds of their own`,
    };
  const elsewhere = vouchers.find(
    ({ identity }) => identity !== "" && sameIdentity(identity, subject.identity) === true,
  );
  if (elsewhere !== undefined)
    return {
      state: "replaced",
      reason: `${elsewhere.subject} has this build as ${elsewhere.name}-${elsewhere.version}`,
    };
  if (builds[0] === undefined) return undefined;
  return {
    state: "unproven",
    reason: `${builds[0].subject} states its identity in another way: ${builds[0].identity}`,
  };
}

function judgeUnnamed(known: readonly Voucher[], sources: number, incomplete: boolean): Judgement {
  if (known[0] !== undefined) {
    const versions = [...new Set(known.map(({ version }) => version))].slice(0, 3).join(", ");
    return { state: "outdated", reason: `${known[0].subject} has ${versions} only` };
  }
  if (sources === 0) return { state: "unproven", reason: "there is nothing to hold it against" };
  if (incomplete) return { state: "unproven", reason: "not in the indexes that could be read" };
  return { state: "unknown", reason: "neither an index nor a lock has this name" };
}

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
