/** Discovery, the solver's first phase: which names can matter, and in which order names are chosen. */
import { noNames, type Candidate, type Name } from "./candidate.ts";
import type { ProviderIndex } from "./providers.ts";

export interface DiscoveryOptions {
  /** Names given by the user: they are chosen before others of their kind. */
  readonly namedByUser: ReadonlySet<Name>;
  /** Install-if rules of packages that cannot be had now do not count. */
  readonly onlyAvailable: boolean;
}

/**
 * What discovery found, by the ids of names. It is kept in plain arrays because a walk over an index
 * like Alpine's reaches nearly all names (one install-if rule on `docs` leads to all `-doc` packages,
 * and from these to what they document), while few of them are ever looked at again.
 */
export class Discovery {
  /** 1 for names that were reached. */
  readonly reached: Uint8Array;
  /** Higher numbers are chosen first. */
  readonly priority: Float64Array;
  /** 1 for names without a provider whose install-if rule could hold. */
  readonly rulesDead: Uint8Array;
  /** How often reached names depend on a name: once per provider and dependency. */
  readonly dependentCount: Int32Array;

  constructor(index: ProviderIndex, roots: readonly Name[], options: DiscoveryOptions) {
    const count = index.nameCount;
    this.reached = new Uint8Array(count);
    this.priority = new Float64Array(count);
    this.rulesDead = new Uint8Array(count).fill(1);
    this.dependentCount = new Int32Array(count);
    walk(this, index.candidates.length, roots, options);
  }

  isReached(name: Name): boolean {
    return this.reached[name.id] === 1;
  }
}

/** What a visit walks, one after the other. */
const step = { depends: 0, rules: 1, otherNames: 2, conditions: 3, done: 4 } as const;

/** The visit of one name. It hands out one list of names after the other. */
class Visit {
  name: Name | undefined;
  step: number = step.depends;
  /** Which provider is walked, and for `otherNames` which of its two lists. */
  provider = 0;
  second = false;
  list: readonly Name[] = noNames;
  at = 0;
  underOwnName = false;
}

/**
 * Walks from names to everything that choosing them may touch, depth first: what their providers depend
 * on, what install-if rules they could trigger, and the other names that their providers give. A name
 * gets its priority when all that was reached from it has one; after that come the names that rules of
 * its providers mention. A package's dependencies are walked the first time that one of its names is
 * reached.
 *
 * The walk keeps its own stack, because dependencies in an index may be chained longer than the
 * machine's stack allows.
 */
function walk(
  discovery: Discovery,
  candidateCount: number,
  roots: readonly Name[],
  options: DiscoveryOptions,
): void {
  const { reached, priority, rulesDead, dependentCount } = discovery;
  const met = new Uint8Array(candidateCount);
  const stack: Visit[] = [];
  let depth = 0;
  let serial = 0;
  for (const root of roots) {
    enter(root);
    while (depth > 0) {
      const visit = stack[depth - 1]!;
      const next = nextUnreached(visit);
      if (next === undefined) depth--;
      else enter(next);
    }
  }

  function enter(name: Name): void {
    if (reached[name.id] === 1) return;
    reached[name.id] = 1;
    if (depth === stack.length) stack.push(new Visit());
    const visit = stack[depth++]!;
    visit.name = name;
    visit.list = noNames;
    visit.at = 0;
    visit.underOwnName = false;
    begin(visit, step.depends);
  }

  function nextUnreached(visit: Visit): Name | undefined {
    for (;;) {
      const { list } = visit;
      while (visit.at < list.length) {
        const name = list[visit.at++]!;
        if (reached[name.id] === 0) return name;
      }
      if (visit.step === step.done) return undefined;
      visit.at = 0;
      visit.list = nextList(visit);
    }
  }

  function nextList(visit: Visit): readonly Name[] {
    const name = visit.name!;
    const provider = name.providers[visit.provider];
    switch (visit.step) {
      case step.depends:
        if (provider === undefined) return begin(visit, step.rules);
        visit.provider++;
        return meet(visit, name, provider.candidate);
      case step.rules:
        begin(visit, step.otherNames);
        return name.installIfOf;
      case step.otherNames:
        if (provider === undefined) {
          priority[name.id] = rank(name, visit.underOwnName);
          return begin(visit, step.conditions);
        }
        if (visit.second) visit.provider++;
        visit.second = !visit.second;
        return visit.second
          ? provider.candidate.name.installIfOf
          : provider.candidate.providesNames;
      default:
        if (provider === undefined) return begin(visit, step.done);
        visit.provider++;
        return provider.candidate.installIfNames;
    }
  }

  function begin(visit: Visit, next: number): readonly Name[] {
    visit.step = next;
    visit.provider = 0;
    visit.second = false;
    return noNames;
  }

  function meet(visit: Visit, name: Name, candidate: Candidate): readonly Name[] {
    if (candidate.name === name) visit.underOwnName = true;
    if (!isRuleDead(candidate, options.onlyAvailable)) rulesDead[name.id] = 0;
    for (const { id } of candidate.dependsNames) dependentCount[id]!++;
    if (met[candidate.id] === 1) return noNames;
    met[candidate.id] = 1;
    return candidate.dependsNames;
  }

  /** Names given by the user come first, then names that are packages; among equals, the last found. */
  function rank(name: Name, underOwnName: boolean): number {
    serial++;
    return (options.namedByUser.has(name) ? 2 ** 31 : 0) + (underOwnName ? 2 ** 30 : 0) + serial;
  }
}

/** A package without an install-if rule, or one whose rule does not count. */
export function isRuleDead(candidate: Candidate, onlyAvailable: boolean): boolean {
  return candidate.installIfNames.length === 0 || (onlyAvailable && !candidate.available);
}
