/** Solver state: what one run of the solver knows about names and packages, and its queues of names. */
import { untagged, type Candidate, type Name, type Provider } from "./candidate.ts";
import type { ProviderIndex } from "./providers.ts";
import { Discovery, isRuleDead } from "./discover.ts";

/** Wishes about how to choose, for a whole run or for the packages of one name. */
export interface Preferences {
  /** Take a newer version where there is one. */
  readonly upgrade?: boolean;
  /** Take what repositories have, even if it is older, or the same version built anew. */
  readonly available?: boolean;
  /** Install again what is installed. */
  readonly reinstall?: boolean;
  /** Take the newest version even if it cannot be selected. */
  readonly latest?: boolean;
  /** Keep the installed version. */
  readonly keep?: boolean;
  /** What is installed is to go: prefer anything else. */
  readonly remove?: boolean;
}

export const preferenceBits = {
  upgrade: 1,
  available: 2,
  reinstall: 4,
  latest: 8,
  keep: 16,
  remove: 32,
} as const satisfies Record<keyof Preferences, number>;

export function toPreferenceBits(preferences: Preferences | undefined): number {
  let bits = 0;
  if (preferences !== undefined)
    for (const [wish, bit] of Object.entries(preferenceBits))
      if (preferences[wish as keyof Preferences]) bits |= bit;
  return bits;
}

/** What a run knows about one package. */
export class PackageState {
  readonly candidate: Candidate;
  /** It may still be chosen without an error. */
  selectable: boolean;
  /** It can be had now (`Candidate.available`). */
  readonly available: boolean;
  /** How many constraints it contradicts. */
  contradictions = 0;
  /** Tags of its repositories, as bits. */
  readonly tagBits: number;
  /** Tags that requirers allow for it, as bits. */
  allowedTags = 1 << untagged;
  /** Some repository of it has an allowed tag, or one that world prefers. */
  tagAllowed: boolean;
  tagPreferred: boolean;
  /** Preferences as bits, and those that its dependencies inherit. */
  preferences = 0;
  inheritedPreferences = 0;
  /** It was an option when its name was last settled, and the last time anything followed from that. */
  option = false;
  lastOption = false;
  /** Its dependencies were imposed, all of them fitted, and with which tags and preferences. */
  passedDown = false;
  passedTags = 0;
  passedPreferences = 0;
  /** Its install-if rule holds; it has none, or the rule can hold no more. */
  triggered = false;
  ruleDead: boolean;
  /** An error was recorded for it. */
  failed = false;
  /** It has its place among the changes. */
  ordered = false;

  /** Judges a package by itself, before anything asks for it. */
  constructor(candidate: Candidate, onlyAvailable: boolean) {
    const known = candidate.fromCache || candidate.installed !== undefined;
    const empty = candidate.installedSize === 0;
    this.candidate = candidate;
    this.available = candidate.available;
    this.selectable =
      !candidate.uninstallable && (this.available || candidate.isVirtual || known || empty);
    this.ruleDead = isRuleDead(candidate, onlyAvailable);
    this.tagBits = candidate.tagBits;
    this.tagPreferred = candidate.fromFile || empty || (this.tagBits & (1 << untagged)) !== 0;
    this.tagAllowed = this.tagPreferred || known;
  }
}

/** The choice of a name that was locked without a provider. */
export const nothing = undefined;

/** What a run knows about one name. */
export class NameState {
  readonly name: Name;
  /** Chosen for good; the choice may be nothing. */
  locked = false;
  chosen: Provider | undefined = nothing;
  /** How many selected packages and world atoms ask for it. */
  requirers = 0;
  /** Install-if rules of its providers must be looked at when it is settled next. */
  rulesChanged = false;
  /** Some provider's install-if rule holds; none can hold any more. */
  hasTriggered = false;
  rulesDead: boolean;
  /** A rule needs to know that this name is not installed. */
  absenceAsked = false;
  /** More than one provider can be chosen, or one whose tag is not allowed. */
  hasOptions = false;
  /** Some provider may be chosen without being asked for by its own name. */
  hasAutomatic = false;
  /** All names that depend on it are locked. */
  dependentsLocked = false;
  /** Higher numbers are chosen first. */
  readonly priority: number;
  /** How far common dependencies and provides have been counted while the options are compared. */
  commonDepends = 0;
  commonProvides = 0;
  providesUnversioned = false;
  /** It is settled again when its dependencies change. */
  watching = false;
  /** Its place in the queues. */
  dirty = false;
  waiting = false;
  immediate = false;
  ticket = 0;

  constructor(name: Name, discovery: Discovery) {
    this.name = name;
    this.rulesDead = discovery.rulesDead[name.id] !== 0;
    this.priority = discovery.priority[name.id] ?? 0;
  }
}

/** A heap of names, highest priority first. Entries whose ticket is outdated are skipped. */
class PriorityQueue {
  private readonly heap: { readonly state: NameState; readonly ticket: number }[] = [];

  push(state: NameState): void {
    const { heap } = this;
    const entry = { state, ticket: state.ticket };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.state.priority >= state.priority) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): NameState | undefined {
    for (;;) {
      const top = this.heap[0];
      if (top === undefined) return undefined;
      this.removeTop();
      if (top.state.waiting && top.ticket === top.state.ticket) return top.state;
    }
  }

  private removeTop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && right.state.priority > heap[child]!.state.priority) child++;
      if (heap[child]!.state.priority <= last.state.priority) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

export interface RunOptions {
  /** Preferences of the run as bits. */
  readonly preferences: number;
  /** Change as little as possible besides what is marked for upgrade. */
  readonly minimal: boolean;
  /** Names given by the user: they are chosen before others of their kind. */
  readonly namedByUser: ReadonlySet<Name>;
}

/** One run: the states of all names and packages, and the names that wait to be settled or chosen. */
export class Run {
  readonly index: ProviderIndex;
  readonly options: RunOptions;
  readonly discovery: Discovery;
  /** Errors so far: failed packages and required names without a provider. */
  errors = 0;
  private readonly names: (NameState | undefined)[];
  private readonly packages: (PackageState | undefined)[];
  /** By the ids of names: when a package of it was last excluded, or it was locked; in ticks. */
  private readonly changedAt: Int32Array;
  /** When dependencies of its providers were last checked. */
  private readonly checkedAt: Int32Array;
  /** How often names that are locked depend on it (compare `Discovery.dependentCount`). */
  private readonly lockedDependents: Int32Array;
  /** Who depends on it, among the names that are asked for. */
  private readonly dependents: (NameState[] | undefined)[];
  private tick = 0;
  private readonly dirtyNames: NameState[] = [];
  private dirtyAt = 0;
  private readonly immediateNames: { readonly state: NameState; readonly ticket: number }[] = [];
  private immediateAt = 0;
  private readonly automaticNames = new PriorityQueue();
  private readonly otherNames = new PriorityQueue();

  constructor(index: ProviderIndex, roots: readonly Name[], options: RunOptions) {
    this.index = index;
    this.options = options;
    const { namedByUser } = options;
    this.discovery = new Discovery(index, roots, {
      namedByUser,
      onlyAvailable: this.onlyAvailable,
    });
    this.names = Array.from({ length: index.nameCount });
    this.packages = Array.from({ length: index.candidates.length });
    this.changedAt = new Int32Array(index.nameCount);
    this.checkedAt = new Int32Array(index.nameCount);
    this.lockedDependents = new Int32Array(index.nameCount);
    this.dependents = Array.from({ length: index.nameCount });
  }

  private get onlyAvailable(): boolean {
    return (this.options.preferences & preferenceBits.available) !== 0;
  }

  nameState(name: Name): NameState {
    return (this.names[name.id] ??= new NameState(name, this.discovery));
  }

  packageState(candidate: Candidate): PackageState {
    return (this.packages[candidate.id] ??= new PackageState(candidate, this.onlyAvailable));
  }

  /** Records that a package cannot be part of a good solution. */
  fail(state: PackageState | undefined): void {
    if (state === undefined || state.failed) return;
    state.failed = true;
    this.errors++;
  }

  /** The name is to be settled again; names that nothing asks for do not matter. */
  markDirty(state: NameState): void {
    if (state.dirty || state.locked || (state.requirers === 0 && !state.rulesChanged)) return;
    state.dirty = true;
    this.dirtyNames.push(state);
  }

  /** From now on the name is settled again whenever something changes that its packages depend on. */
  watchDependencies(state: NameState): void {
    if (state.watching || !this.discovery.isReached(state.name)) return;
    state.watching = true;
    for (const { candidate } of state.name.providers)
      for (const { id } of candidate.dependsNames) {
        const dependents = (this.dependents[id] ??= []);
        if (dependents.at(-1) !== state) dependents.push(state);
      }
  }

  /** Settle again all names whose packages depend on this one, in the order of their ids. */
  markDependents(name: Name): void {
    this.changedAt[name.id] = ++this.tick;
    const dependents = this.dependents[name.id];
    if (dependents === undefined) return;
    dependents.sort((a, b) => a.name.id - b.name.id);
    for (const state of dependents) this.markDirty(state);
  }

  /** Whether dependencies of the name's providers changed since this was last asked. */
  takeDependsChanged({ id, providers }: Name): boolean {
    const checked = this.checkedAt[id]!;
    this.checkedAt[id] = this.tick;
    const { changedAt } = this;
    for (const { candidate } of providers)
      for (const dependency of candidate.dependsNames)
        if (changedAt[dependency.id]! > checked) return true;
    return false;
  }

  /** Whether all names that depend on this one are locked. */
  areDependentsLocked({ id }: Name): boolean {
    return this.lockedDependents[id] === this.discovery.dependentCount[id];
  }

  /** Takes a name that was locked out of all queues, and counts it for what it depends on. */
  noteLocked(state: NameState): void {
    state.waiting = false;
    state.dirty = false;
    if (!this.discovery.isReached(state.name)) return;
    for (const { candidate } of state.name.providers)
      for (const { id } of candidate.dependsNames) this.lockedDependents[id]!++;
  }

  /** Settle again all names whose install-if rules ask for this one. */
  markRules(name: Name): void {
    for (const owner of name.installIfOf) {
      if (!this.discovery.isReached(owner)) continue;
      const state = this.nameState(owner);
      if (state.rulesDead) continue;
      state.rulesChanged = true;
      this.watchDependencies(state);
      this.markDirty(state);
    }
  }

  /** The same for all names that a package gives. */
  markRulesOfPackage(candidate: Candidate): void {
    for (const name of candidate.ruledNames) this.markRules(name);
  }

  nextDirty(): NameState | undefined {
    while (this.dirtyAt < this.dirtyNames.length) {
      const state = this.dirtyNames[this.dirtyAt++]!;
      if (!state.dirty) continue;
      state.dirty = false;
      return state;
    }
    return undefined;
  }

  /**
   * The name waits for its choice: at once when nothing about it can change any more, else by priority,
   * names with an automatic provider first. `moved` puts it into the right queue again.
   */
  wait(state: NameState, moved: boolean): void {
    if (state.locked) return;
    if (state.waiting) {
      if (state.immediate) return;
      if (isDecided(state)) state.immediate = true;
      else if (!moved) return;
    } else {
      if (state.requirers === 0 && !state.hasTriggered && !state.absenceAsked) return;
      state.immediate = isDecided(state);
      state.waiting = true;
    }
    state.ticket++;
    if (state.immediate) this.immediateNames.push({ state, ticket: state.ticket });
    else if (state.hasAutomatic) this.automaticNames.push(state);
    else this.otherNames.push(state);
  }

  nextToChoose(): NameState | undefined {
    const state = this.nextImmediate() ?? this.automaticNames.pop() ?? this.otherNames.pop();
    if (state !== undefined) state.waiting = false;
    return state;
  }

  private nextImmediate(): NameState | undefined {
    while (this.immediateAt < this.immediateNames.length) {
      const { state, ticket } = this.immediateNames[this.immediateAt++]!;
      if (state.waiting && state.ticket === ticket) return state;
    }
    return undefined;
  }
}

function isDecided(state: NameState): boolean {
  return state.dependentsLocked && state.requirers > 0 && state.hasAutomatic && !state.hasOptions;
}
