/** Order, the solver's last phase: the changes that lead from what is installed to what was chosen, one after the other. */
import {
  isProvided,
  meets,
  sortByTable,
  type Candidate,
  type Dependency,
  type Name,
} from "./candidate.ts";
import { nothing, preferenceBits, type Run } from "./state.ts";

/** What becomes of one package. Both sides are the same candidate when it stays. */
export interface Step {
  readonly previous: Candidate | undefined;
  readonly next: Candidate | undefined;
  readonly previousTag: number;
  readonly nextTag: number;
  readonly reinstall: boolean;
}

/** What this phase knows about a name. */
interface Place {
  /** Its turn has come. */
  processed: boolean;
  removed: boolean;
  installed: Candidate | undefined;
  /** The name whose installed package gives this one with a version. */
  owner: Place | undefined;
  /** How many packages of the present state of the root need a package of this name. */
  users: number;
}

/**
 * Orders the changes. World's atoms are followed in their order, depth first: what a package depends on
 * comes before it, packages that it makes obsolete are removed before it, and packages whose install-if
 * rule it completes follow it. A package is removed after those that depend on it, and takes along
 * what only it needed.
 */
export function orderChanges(run: Run, world: readonly Dependency[]): Step[] {
  const order = new ChangeOrder(run);
  order.countUsers();
  for (const atom of world) order.follow(undefined, atom);
  // Names that nobody asked for any more: their packages change under another name, or go.
  for (const candidate of run.index.installed) order.change(candidate.name);
  return order.steps;
}

class ChangeOrder {
  readonly steps: Step[] = [];
  private readonly run: Run;
  private readonly places = new Map<Name, Place>();
  private readonly installedDependents = new Map<Name, Candidate[]>();

  constructor(run: Run) {
    this.run = run;
    for (const candidate of run.index.installed) {
      const place = this.place(candidate.name);
      place.installed = candidate;
      place.owner = place;
      for (const { atom, name } of candidate.provides)
        if (atom.version !== "") this.place(name).owner = place;
      for (const { name } of candidate.depends) {
        const dependents = this.installedDependents.get(name);
        if (dependents === undefined) this.installedDependents.set(name, [candidate]);
        else dependents.push(candidate);
      }
    }
  }

  private place(name: Name): Place {
    let place = this.places.get(name);
    if (place === undefined) {
      place = {
        processed: false,
        removed: false,
        installed: undefined,
        owner: undefined,
        users: 0,
      };
      this.places.set(name, place);
    }
    return place;
  }

  private chosen(name: Name): Candidate | undefined {
    return this.run.nameState(name).chosen?.candidate;
  }

  /** Starts from what is installed now, and removes at once what nothing needs and nobody chose. */
  countUsers(): void {
    for (const candidate of this.run.index.installed) this.addUses(candidate);
    for (const candidate of this.run.index.installed) this.removeUnused(candidate);
  }

  private addUses(candidate: Candidate): void {
    for (const { atom, name } of candidate.depends) {
      const owner = this.place(name).owner;
      if (!atom.conflict && owner !== undefined) owner.users++;
    }
  }

  private dropUses(candidate: Candidate): void {
    for (const { atom, name } of candidate.depends) {
      const place = this.place(name);
      if (atom.conflict || place.owner === undefined || --place.owner.users > 0) continue;
      if (place.installed !== undefined) this.remove(place.installed);
    }
  }

  /** A package without users may yet change under another name; it goes only when nothing has its name. */
  private removeUnused(candidate: Candidate): void {
    if (this.place(candidate.name).users === 0 && this.chosen(candidate.name) === nothing)
      this.remove(candidate);
  }

  /** Makes the changes that a dependency needs, and passes errors up to whose dependency it is. */
  follow(owner: Candidate | undefined, dependency: Dependency): void {
    const { run } = this;
    const { chosen } = run.nameState(dependency.name);
    const ownerState = owner && run.packageState(owner);
    if (!isProvided(owner, dependency, chosen)) run.fail(ownerState);
    this.change(dependency.name);
    if (chosen !== undefined && run.packageState(chosen.candidate).failed) run.fail(ownerState);
  }

  /** Brings a name to what was chosen for it. */
  change(name: Name): void {
    if (this.place(name).processed) return;
    this.clear(name);
    const next = this.chosen(name);
    if (next === undefined) return;
    const state = this.run.packageState(next);
    if (state.ordered) return;
    state.ordered = true;
    this.clear(next.name);
    for (const provided of next.providesNames) this.clear(provided);
    const previous = this.place(next.name).installed;
    if (previous !== undefined) this.eachRuleOwner(previous, (owner) => this.removeByRule(owner));
    for (const dependency of next.depends) this.follow(next, dependency);
    this.record(previous, next);
    this.eachRuleOwner(next, (owner) => this.installByRule(owner));
    this.addUses(next);
    if (previous !== undefined) this.dropUses(previous);
  }

  /** Removes what had the name, or gave it, and goes. */
  private clear(name: Name): void {
    const place = this.place(name);
    if (place.processed) return;
    place.processed = true;
    if (place.installed !== undefined && this.chosen(name)?.name !== name)
      this.remove(place.installed);
    for (const { candidate } of name.providers)
      if (
        this.place(candidate.name).installed === candidate &&
        this.chosen(candidate.name) === nothing
      )
        this.remove(candidate);
  }

  private remove(candidate: Candidate): void {
    const state = this.run.packageState(candidate);
    if (state.ordered || this.chosen(candidate.name)?.name === candidate.name) return;
    this.place(candidate.name).removed = true;
    state.ordered = true;
    for (const dependent of this.dependentsOf(candidate)) this.remove(dependent);
    this.eachRuleOwner(candidate, (owner) => this.removeByRule(owner));
    this.record(candidate, undefined);
    this.dropUses(candidate);
  }

  /** Installed packages with a dependency that this package meets, by the name that they ask for. */
  private *dependentsOf(candidate: Candidate): Generator<Candidate> {
    for (const wanted of [candidate.name, ...candidate.providesNames]) {
      const dependents = this.installedDependents.get(wanted);
      if (dependents !== undefined)
        for (const dependent of sortByTable(dependents))
          if (dependent.depends.some((dependency) => meets(candidate, dependency, dependent)))
            yield dependent;
    }
  }

  private eachRuleOwner(candidate: Candidate, visit: (owner: Name) => void): void {
    for (const owner of candidate.name.installIfOf) visit(owner);
    for (const provided of candidate.providesNames)
      for (const owner of provided.installIfOf) visit(owner);
  }

  private installByRule(name: Name): void {
    const next = this.chosen(name);
    if (next === undefined || !this.run.discovery.isReached(name) || this.place(name).processed)
      return;
    for (const dependency of next.installIf) {
      if (!dependency.atom.conflict && !this.place(dependency.name).processed) return;
      if (!isProvided(next, dependency, this.run.nameState(dependency.name).chosen)) return;
    }
    this.change(name);
  }

  private removeByRule(name: Name): void {
    const place = this.place(name);
    const { installed } = place;
    if (installed === undefined || this.chosen(name) !== nothing) return;
    if (place.processed || place.removed) return;
    const broken = installed.installIf.some(
      (dependency) =>
        this.place(dependency.name).removed && this.chosen(dependency.name) === nothing,
    );
    if (broken) this.removeUnused(installed);
  }

  private record(previous: Candidate | undefined, next: Candidate | undefined): void {
    const state = next && this.run.packageState(next);
    const { index } = this.run;
    const tag = previous?.installed?.tag;
    this.steps.push({
      previous,
      next,
      previousTag: tag === undefined ? 0 : index.tagNumber(tag),
      nextTag: state === undefined ? 0 : lowestBit(state.allowedTags & state.candidate.tagBits),
      reinstall: ((state?.preferences ?? 0) & preferenceBits.reinstall) !== 0,
    });
  }
}

/** The number of the lowest bit that is set; 0 when none is. */
function lowestBit(bits: number): number {
  return bits === 0 ? 0 : 31 - Math.clz32(bits & -bits);
}
