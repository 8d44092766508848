/** Discovery, the solver's first phase: which names and packages can matter, and in which order names are chosen. */
import { noNames, untagged, type Candidate, type Name } from "./candidate.ts";
import { preferenceBits, type NameState, type PackageState, type Run } from "./solver-state.ts";

/**
 * Walks from a name to everything that choosing it may touch, depth first: what its providers depend
 * on, what install-if rules it could trigger, and the other names that its providers give. A name gets
 * its priority when all that was reached from it has one; after that come the names that rules of its
 * providers mention.
 *
 * The walk keeps its own stack, because dependencies in an index may be chained longer than the
 * machine's stack allows.
 */
export function discover(run: Run, root: Name, counter: { next: number }): void {
  if (run.nameState(root).discovered) return;
  const stack = [new Visit(run, root, counter)];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.nextUndiscovered();
    if (next === undefined) stack.pop();
    else stack.push(new Visit(run, next, counter));
  }
}

/** What a visit walks, one after the other. */
const step = { depends: 0, rules: 1, otherNames: 2, conditions: 3, done: 4 } as const;

/** The visit of one name. It hands out one list of names after the other. */
class Visit {
  private readonly run: Run;
  private readonly state: NameState;
  private readonly counter: { next: number };
  private step: number = step.depends;
  /** Which provider is walked, and for `otherNames` which of its two lists. */
  private provider = 0;
  private second = false;
  private list: readonly Name[] = noNames;
  private at = 0;
  private underOwnName = false;

  constructor(run: Run, name: Name, counter: { next: number }) {
    this.run = run;
    this.state = run.nameState(name);
    this.counter = counter;
    this.state.discovered = true;
    this.state.rulesDead = true;
    for (const { candidate } of name.providers)
      for (const dependency of candidate.dependsNames)
        addDependent(run.nameState(dependency), this.state);
  }

  nextUndiscovered(): Name | undefined {
    while (this.step !== step.done) {
      const { list } = this;
      while (this.at < list.length) {
        const name = list[this.at++]!;
        if (!this.run.nameState(name).discovered) return name;
      }
      this.at = 0;
      this.list = this.nextList();
    }
    return undefined;
  }

  private nextList(): readonly Name[] {
    const { name } = this.state;
    const provider = name.providers[this.provider];
    switch (this.step) {
      case step.depends:
        if (provider === undefined) return this.begin(step.rules);
        this.provider++;
        return this.meet(provider.candidate);
      case step.rules:
        this.begin(step.otherNames);
        return name.installIfOf;
      case step.otherNames:
        if (provider === undefined) {
          this.state.priority = priority(
            this.run,
            this.state,
            this.underOwnName,
            ++this.counter.next,
          );
          return this.begin(step.conditions);
        }
        if (this.second) this.provider++;
        this.second = !this.second;
        return this.second ? provider.candidate.name.installIfOf : provider.candidate.providesNames;
      default:
        if (provider === undefined) return this.begin(step.done);
        this.provider++;
        return provider.candidate.installIfNames;
    }
  }

  private begin(next: number): readonly Name[] {
    this.step = next;
    this.provider = 0;
    return noNames;
  }

  /** The dependencies of a provider; none when another name met it before. */
  private meet(candidate: Candidate): readonly Name[] {
    const pkg = this.run.packageState(candidate);
    const isNew = !pkg.discovered;
    if (isNew) assess(this.run, pkg);
    if (!pkg.ruleDead) this.state.rulesDead = false;
    if (candidate.name === this.state.name) this.underOwnName = true;
    return isNew ? candidate.dependsNames : noNames;
  }
}

/** Names given by the user come first, then names that are packages; among equals, the last found. */
function priority(run: Run, state: NameState, underOwnName: boolean, serial: number): number {
  const named = run.options.namedByUser.has(state.name) ? 2 ** 31 : 0;
  return named + (underOwnName ? 2 ** 30 : 0) + serial;
}

function addDependent(state: NameState, dependent: NameState): void {
  // A name adds itself to others in one go, so where it stands already it stands last.
  const { dependents } = state;
  if (dependents.length === 0) state.dependents = [dependent];
  else if (dependents[dependents.length - 1] !== dependent) dependents.push(dependent);
}

/** Judges a package by itself, before anything asks for it. */
function assess(run: Run, state: PackageState): void {
  const { candidate } = state;
  const known = candidate.fromCache || candidate.installed !== undefined;
  const empty = candidate.installedSize === 0;
  state.discovered = true;
  state.allowedTags = 1 << untagged;
  state.available = candidate.available;
  state.selectable =
    !candidate.uninstallable && (state.available || candidate.isVirtual || known || empty);
  state.ruleDead =
    candidate.installIfNames.length === 0 ||
    ((run.options.preferences & preferenceBits.available) !== 0 && !state.available);
  state.tagBits = candidate.tagBits;
  state.tagPreferred = candidate.fromFile || empty || (state.tagBits & (1 << untagged)) !== 0;
  state.tagAllowed = state.tagPreferred || known;
}
