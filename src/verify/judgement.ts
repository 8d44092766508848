/** Judgement: whether a package is the build that the evidence vouches for. */
import { identityKey, tryParseChecksum, type InstalledPackage } from "../apk/index.ts";
import { equalBytes } from "../base/index.ts";
import type { PackageState, Proof } from "./report.ts";
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
  const byIdentity = firstByIdentity(vouchers);
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
    return judgeDifferent(subject, builds, byIdentity) ?? judgeUnnamed(known, sources, incomplete);
  };
}

function proofOf({ by, subject, key }: Voucher): Proof {
  return { by, subject, key: key! };
}

function firstByIdentity(vouchers: readonly Voucher[]): ReadonlyMap<string, Voucher> {
  const first = new Map<string, Voucher>();
  for (const voucher of vouchers) {
    const key = identityKey(voucher.identity);
    if (voucher.identity !== "" && !first.has(key)) first.set(key, voucher);
  }
  return first;
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
  byIdentity: ReadonlyMap<string, Voucher>,
): Judgement | undefined {
  const other = builds.find(({ identity }) => sameIdentity(identity, subject.identity) === false);
  if (other !== undefined)
    return {
      state: "replaced",
      reason: `${other.subject} has another build of this version, ${other.identity}; Alpine's branches have builds of their own`,
    };
  const elsewhere = byIdentity.get(identityKey(subject.identity));
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
