/** Solver errors: why a world cannot be satisfied, found in the choices of a failed run. */
import type { Atom } from "../atom.ts";
import { comparePackages, type Package } from "../package.ts";
import {
  relation,
  sortByTable,
  untagged,
  type Candidate,
  type Dependency,
  type Name,
} from "./candidate.ts";
import type { ProviderIndex } from "./providers.ts";
import type { Failure } from "./solver.ts";

/** Who asked: a package, or world when there is none. */
export interface Requirer {
  readonly package?: Package;
  readonly atom: Atom;
}

/** One thing that is wrong. */
export type Problem =
  /** Nothing has or provides the name. */
  | { readonly kind: "missing"; readonly name: string; readonly requiredBy: readonly Requirer[] }
  /** Several packages provide the name, and none may be chosen without being named. */
  | {
      readonly kind: "virtual";
      readonly name: string;
      /** Names, or `name-version` where not all versions provide it. */
      readonly providedBy: readonly string[];
      readonly requiredBy: readonly Requirer[];
    }
  /** A package that was chosen, and what speaks against it. */
  | { readonly kind: "package"; readonly package: Package; readonly reasons: readonly Reason[] };

export type Reason =
  /** Its record is not understood, or it is for another architecture. */
  | {
      readonly kind: "uninstallable";
      readonly arch?: string;
      readonly brokenDepends: readonly Atom[];
      readonly brokenProvides: readonly Atom[];
    }
  /** It is only in repositories that do not count: `@tag`, `cache` or `--no-network`. */
  | { readonly kind: "masked"; readonly by: readonly string[] }
  /** Other chosen packages give the same name. */
  | {
      readonly kind: "conflicts";
      readonly with: readonly { readonly package: Package; readonly provide?: Atom }[];
    }
  /** Who must not have it, and who asked for it. */
  | { readonly kind: "breaks"; readonly requirers: readonly Requirer[] }
  | { readonly kind: "satisfies"; readonly requirers: readonly Requirer[] };

/** All problems, in apk's order. */
export function explainFailure(failure: Failure): Problem[] {
  return new Explanation(failure).problems();
}

class Explanation {
  private readonly index: ProviderIndex;
  private readonly world: readonly Dependency[];
  /** The chosen packages, in the order of the changes. */
  private readonly chosen: readonly { readonly candidate: Candidate; readonly tag: number }[];
  private readonly isChosen: ReadonlySet<Candidate>;
  private readonly present: PresentNames;

  constructor(failure: Failure) {
    this.index = failure.index;
    this.world = failure.world;
    this.chosen = failure.steps.flatMap(({ next, nextTag }) =>
      next === undefined ? [] : [{ candidate: next, tag: nextTag }],
    );
    this.isChosen = new Set(this.chosen.map(({ candidate }) => candidate));
    this.present = new PresentNames(this.isChosen);
    this.present.addAll(this.world);
  }

  problems(): Problem[] {
    const reported = new Set<Name>();
    const found = this.missingNames(this.world, reported);
    for (const { candidate, tag } of this.chosen) {
      const reasons = this.reasonsAgainst(candidate, tag);
      if (reasons.length > 0) found.push({ kind: "package", package: candidate.package, reasons });
      found.push(...this.missingNames(candidate.depends, reported));
    }
    return found;
  }

  private missingNames(dependencies: readonly Dependency[], reported: Set<Name>): Problem[] {
    const problems: Problem[] = [];
    for (const { atom, name } of dependencies) {
      if (atom.conflict || this.present.has(name) || reported.has(name)) continue;
      reported.add(name);
      const requiredBy = this.requirersOf(name);
      problems.push(
        name.providers.length === 0
          ? { kind: "missing", name: name.text, requiredBy }
          : { kind: "virtual", name: name.text, providedBy: providerLabels(name), requiredBy },
      );
    }
    return problems;
  }

  private requirersOf(name: Name): Requirer[] {
    const asks = ({ atom, name: wanted }: Dependency) => wanted === name && !atom.conflict;
    const requirers: Requirer[] = this.world.filter(asks).map(({ atom }) => ({ atom }));
    for (const candidate of sortByTable(this.isChosen)) {
      const dependency = candidate.depends.find(asks);
      if (dependency !== undefined)
        requirers.push({ package: candidate.package, atom: dependency.atom });
    }
    return requirers;
  }

  private reasonsAgainst(candidate: Candidate, tag: number): Reason[] {
    const reasons: Reason[] = [];
    if (candidate.uninstallable) reasons.push(describeUninstallable(candidate));
    const masks = this.masksOf(candidate, tag);
    if (masks.length > 0) reasons.push({ kind: "masked", by: masks });
    const rivals = this.rivalsOf(candidate);
    if (rivals.length > 0) reasons.push({ kind: "conflicts", with: rivals });
    const opponents = this.requirersWith(candidate, false);
    if (opponents.length > 0) reasons.push({ kind: "breaks", requirers: opponents });
    if (reasons.length === 0) return reasons;
    const supporters = this.requirersWith(candidate, true);
    if (supporters.length > 0) reasons.push({ kind: "satisfies", requirers: supporters });
    return reasons;
  }

  private masksOf(candidate: Candidate, tag: number): string[] {
    if (candidate.installed !== undefined) return [];
    const here = candidate.isVirtual || candidate.fromFile;
    if (!candidate.available && !here) return ["--no-network"];
    if (candidate.repositories.length === 0 && candidate.isVirtual) return ["cache"];
    const bits = candidate.tagBits;
    if ((bits & ((1 << untagged) | (1 << tag))) !== 0) return [];
    return this.index.tags.flatMap((text, at) => ((bits & (1 << at)) === 0 ? [] : [`@${text}`]));
  }

  /** Other chosen packages of the same name, then those that give a name that this one gives too. */
  private rivalsOf(candidate: Candidate): { package: Package; provide?: Atom }[] {
    const rivals: { package: Package; provide?: Atom }[] = [];
    for (const { candidate: other } of candidate.name.providers)
      if (other !== candidate && this.isChosen.has(other)) rivals.push({ package: other.package });
    for (const { atom, name } of candidate.provides) {
      let itself = true;
      for (const { candidate: other, version } of name.providers) {
        if (!this.isChosen.has(other) || (atom.version === "" && version === "")) continue;
        if (itself && other === candidate && version === atom.version) itself = false;
        else rivals.push({ package: other.package, provide: atom });
      }
    }
    return rivals;
  }

  /** World and then packages whose dependencies this package meets, or contradicts. */
  private requirersWith(candidate: Candidate, met: boolean): Requirer[] {
    const requirers: Requirer[] = this.world
      .filter((dependency) => relation(candidate, dependency, undefined) === met)
      .map(({ atom }) => ({ atom }))
      .sort((a, b) => atomRank(a.atom) - atomRank(b.atom));
    const packages: (Requirer & { readonly package: Package })[] = [];
    for (const { candidate: owner } of this.chosen)
      for (const dependency of owner.depends)
        if (relation(candidate, dependency, owner) === met)
          packages.push({ package: owner.package, atom: dependency.atom });
    packages.sort(
      (a, b) => comparePackages(a.package, b.package) || atomRank(a.atom) - atomRank(b.atom),
    );
    return [...requirers, ...packages];
  }
}

/** apk lists the atoms of one package by operator. */
const operatorOrder = ["=", "<", "<=", ">", ">=", "><", "~", "<~", ">~", "any"];

function atomRank(atom: Atom): number {
  return operatorOrder.indexOf(atom.operator) + (atom.conflict ? operatorOrder.length : 0);
}

function describeUninstallable(candidate: Candidate): Reason {
  const subject = candidate.package;
  return {
    kind: "uninstallable",
    ...(candidate.fitsArchitecture ? undefined : { arch: subject.arch }),
    brokenDepends: subject.depends.filter((atom) => atom.broken),
    brokenProvides: subject.provides.filter((atom) => atom.broken),
  };
}

/** The packages that give a name: by name alone where every version does. */
function providerLabels(name: Name): string[] {
  const counts = new Map<Name, number>();
  for (const { candidate } of name.providers)
    counts.set(candidate.name, (counts.get(candidate.name) ?? 0) + 1);
  const labels: string[] = [];
  for (const { candidate } of name.providers) {
    const count = counts.get(candidate.name)!;
    if (count === candidate.name.providers.length) {
      labels.push(candidate.name.text);
      counts.set(candidate.name, 0);
    } else if (count > 0) {
      labels.push(`${candidate.name.text}-${candidate.version}`);
      counts.set(candidate.name, count - 1);
    }
  }
  return labels;
}

/** How a package came to be reached: required, by an install-if rule, or only as one of several. */
type Reach = "required" | "rule" | "one-of-several";

/**
 * The names that are really given by the chosen packages. A package that a dependency reaches only
 * through an unversioned provide without priority does not give that name: it was to be named.
 */
class PresentNames {
  private readonly isChosen: ReadonlySet<Candidate>;
  private readonly names = new Set<Name>();
  private readonly reached = new Map<Candidate, Set<Reach>>();

  constructor(isChosen: ReadonlySet<Candidate>) {
    this.isChosen = isChosen;
  }

  has(name: Name): boolean {
    return this.names.has(name);
  }

  addAll(dependencies: readonly Dependency[]): void {
    for (const { atom, name } of dependencies) if (!atom.conflict) this.add(name, "required");
  }

  private add(name: Name, wanted: Reach): void {
    for (const { candidate } of name.providers) {
      if (!this.isChosen.has(candidate)) continue;
      const counts = candidate.providerPriority !== 0 || givesForSure(candidate, name);
      const reach = counts ? wanted : "one-of-several";
      const known = this.reached.get(candidate);
      if (known?.has(reach)) continue;
      if (known === undefined) this.reached.set(candidate, new Set([reach]));
      else known.add(reach);
      this.addNamesOf(candidate, reach);
      this.addAll(candidate.depends);
      if (reach === "one-of-several") continue;
      this.addByRules(candidate.name);
      for (const provide of candidate.provides) this.addByRules(provide.name);
    }
  }

  private addNamesOf(candidate: Candidate, reach: Reach): void {
    if (reach === "one-of-several") return;
    this.names.add(candidate.name);
    for (const { atom, name } of candidate.provides)
      if (reach === "required" || atom.version !== "") this.names.add(name);
  }

  private addByRules(name: Name): void {
    for (const owner of name.installIfOf)
      for (const { candidate } of owner.providers) {
        if (!this.isChosen.has(candidate) || candidate.installIf.length === 0) continue;
        const holds = candidate.installIf.every(
          (dependency) => dependency.atom.conflict !== this.names.has(dependency.name),
        );
        if (!holds) continue;
        this.add(candidate.name, "rule");
        for (const provide of candidate.provides) this.add(provide.name, "rule");
      }
  }
}

function givesForSure(candidate: Candidate, name: Name): boolean {
  return (
    candidate.name === name ||
    candidate.provides.some((provide) => provide.name === name && provide.atom.version !== "")
  );
}
