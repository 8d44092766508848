/** Solver state: what one run of the solver knows about names and packages, and its queues of names. */
import type { Candidate, Name, Provider } from "./candidate.ts";
import type { ProviderIndex } from "./providers.ts";

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
  discovered = false;
  /** It may still be chosen without an error. */
  selectable = false;
  /** It can be had now (`Candidate.available`). */
  available = false;
  /** How many constraints it contradicts. */
  contradictions = 0;
  /** Tags of its repositories, as bits. */
  tagBits = 0;
  /** Tags that requirers allow for it, and those that world prefers, as bits. */
  allowedTags = 0;
  /** Some repository of it has an allowed tag, or a preferred one. */
  tagAllowed = false;
  tagPreferred = false;
  /** Preferences as bits, and those that its dependencies inherit. */
  preferences = 0;
  inheritedPreferences = 0;
  /** It was an option when its name was last settled, and the last time anything followed from that. */
  option = false;
  lastOption = false;
  /** Its install-if rule holds; it has none, or the rule can hold no more. */
  triggered = false;
  ruleDead = false;
  /** An error was recorded for it. */
  failed = false;
  /** It has its place among the changes. */
  ordered = false;

  constructor(candidate: Candidate) {
    this.candidate = candidate;
  }
}

/** The choice of a name that was locked without a provider. */
export const nothing = undefined;

const noStates: NameState[] = [];

/** What a run knows about one name. */
export class NameState {
  readonly name: Name;
  discovered = false;
  /** Chosen for good; the choice may be nothing. */
  locked = false;
  chosen: Provider | undefined = nothing;
  /** How many selected packages and world atoms ask for it. */
  requirers = 0;
  /** Discovered names whose packages depend on this one. */
  dependents: NameState[] = noStates;
  /** What must be looked at when the name is settled next. */
  dependsChanged = false;
  rulesChanged = false;
  /** Some provider's install-if rule holds; none can hold any more. */
  hasTriggered = false;
  rulesDead = false;
  /** A rule needs to know that this name is not installed. */
  absenceAsked = false;
  /** More than one provider can be chosen, or one whose tag is not allowed. */
  hasOptions = false;
  /** Some provider may be chosen without being asked for by its own name. */
  hasAutomatic = false;
  /** All names that depend on it are locked. */
  dependentsLocked = false;
  /** Higher numbers are chosen first. */
  priority = 0;
  /** How far common dependencies and provides have been counted while the options are compared. */
  commonDepends = 0;
  commonProvides = 0;
  providesUnversioned = false;
  /** Its place in the queues. */
  dirty = false;
  waiting = false;
  immediate = false;
  ticket = 0;

  constructor(name: Name) {
    this.name = name;
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
  /** Errors so far: failed packages and required names without a provider. */
  errors = 0;
  private readonly names: (NameState | undefined)[] = [];
  private readonly packages: (PackageState | undefined)[] = [];
  private readonly dirtyNames: NameState[] = [];
  private dirtyAt = 0;
  private readonly immediateNames: { readonly state: NameState; readonly ticket: number }[] = [];
  private immediateAt = 0;
  private readonly automaticNames = new PriorityQueue();
  private readonly otherNames = new PriorityQueue();

  constructor(index: ProviderIndex, options: RunOptions) {
    this.index = index;
    this.options = options;
  }

  nameState(name: Name): NameState {
    const { names } = this;
    // Filled without gaps: an array with holes would become a slow one.
    while (names.length <= name.id) names.push(undefined);
    return (names[name.id] ??= new NameState(name));
  }

  packageState(candidate: Candidate): PackageState {
    const { packages } = this;
    while (packages.length <= candidate.id) packages.push(undefined);
    return (packages[candidate.id] ??= new PackageState(candidate));
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

  /** Settle again all names whose packages depend on this one. */
  markDependents(state: NameState): void {
    for (const dependent of state.dependents) {
      dependent.dependsChanged = true;
      this.markDirty(dependent);
    }
  }

  /** Settle again all names whose install-if rules ask for this one. */
  markRules(state: NameState): void {
    for (const owner of state.name.installIfOf) {
      const dependent = this.nameState(owner);
      if (!dependent.discovered || dependent.rulesDead) continue;
      dependent.rulesChanged = true;
      this.markDirty(dependent);
    }
  }

  /** The same for all names that a package gives. */
  markRulesOfPackage(candidate: Candidate): void {
    this.markRules(this.nameState(candidate.name));
    for (const name of candidate.providesNames) this.markRules(this.nameState(name));
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

  /** Takes the name out of all queues. */
  leaveQueues(state: NameState): void {
    state.waiting = false;
    state.dirty = false;
  }
}

function isDecided(state: NameState): boolean {
  return state.dependentsLocked && state.requirers > 0 && state.hasAutomatic && !state.hasOptions;
}
