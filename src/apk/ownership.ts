/** Ownership: whose a file is when two packages carry it, and whose attributes a directory gets. */
import { satisfies, type Atom } from "./atom.ts";
import type { Package } from "./package.ts";

/** What a package says about the files of others (from its .PKGINFO; an index does not have it). */
export interface Claimant {
  readonly package: Package;
  readonly replaces: readonly Atom[];
  readonly replacesPriority: number;
}

/** Whether the file stays its owner's, becomes the newcomer's, or the two packages do not fit together. */
export type Decision = "keep" | "take" | "conflict";

/**
 * apk's rule for a file of `owner` that `newcomer` carries too. Both may declare `replaces`; the
 * higher replaces_priority wins, and the newcomer when they are equal.
 */
export function decideOwner(owner: Claimant, newcomer: Claimant): Decision {
  if (owner.package.name === newcomer.package.name) return "take";
  const ownerPriority = claims(owner, newcomer.package) ? owner.replacesPriority : -1;
  const newcomerPriority = claims(newcomer, owner.package) ? newcomer.replacesPriority : -1;
  if (ownerPriority > newcomerPriority) return "keep";
  if (newcomerPriority >= 0) return "take";
  const { origin } = newcomer.package;
  return origin !== "" && origin === owner.package.origin ? "take" : "conflict";
}

function claims(claimant: Claimant, other: Package): boolean {
  return claimant.replaces.some(
    (atom) =>
      !atom.conflict &&
      atom.name === other.name &&
      satisfies({ version: other.version, identity: other.identity }, atom),
  );
}

/**
 * Whether `a` comes before `b` when both own a directory: by replaces_priority, then the package that
 * is named like its origin, then by name. The first one's attributes are the directory's.
 */
export function outranksOnDirectories(a: Claimant, b: Claimant): boolean {
  if (a.replacesPriority !== b.replacesPriority) return a.replacesPriority > b.replacesPriority;
  const aIsMain = a.package.name === a.package.origin;
  const bIsMain = b.package.name === b.package.origin;
  if (aIsMain !== bIsMain) return aIsMain;
  return a.package.name < b.package.name;
}
