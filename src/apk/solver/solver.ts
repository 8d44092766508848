/**
 * The solver: from world, what is installed and what repositories have, to the changes that make the
 * root what world asks for.
 *
 * It decides as apk-tools 3 does, in one pass without backtracking, so that its plans are apk's plans.
 *
 * 1. Discovery (discover.ts) walks from world over everything that could matter: what providers
 *    depend on, what install-if rules they could trigger, what else they provide. It also gives each
 *    name the number by which names are chosen later.
 * 2. Propagation (propagate.ts) draws all conclusions that need no choice. World's atoms are
 *    constraints: a name becomes required, and packages that contradict the atom can no longer be
 *    selected. A name for which something changed is settled again: packages drop out whose
 *    dependencies cannot be met any more; what all remaining providers depend on becomes required, and
 *    with only one provider left its dependencies become constraints.
 * 3. Choice (choose.ts) takes one name when nothing is left to conclude, picks its best provider
 *    and locks all names that this package gives: under its own name and under versioned provides only
 *    one package may have a name; unversioned provides can be shared. Then propagation goes on. A
 *    choice is final. When it contradicts an earlier one, the packages involved are marked as failed,
 *    and the run goes on, so that in the end all contradictions are known.
 * 4. Order (order.ts) turns the choices into changes: dependencies before what depends on them,
 *    removals before what replaces them.
 *
 * Rules that shape all this: an install-if package joins once all names of its rule are locked as the
 * rule wants them. A tag (`name@tag`) allows its repositories for a package and all that it depends on,
 * but makes them preferred only for the package itself. What is installed stays unless an upgrade is
 * wished for. Failures are not explained here: error.ts finds the reasons in the choices.
 */
import { BivyError } from "../../base/index.ts";
import type { Atom } from "../atom.ts";
import type { Package } from "../package.ts";
import type { Candidate, Dependency, Name } from "./candidate.ts";
import { ProviderIndex, type Installed, type Supply } from "./providers.ts";
import { choose } from "./choose.ts";
import { orderChanges, type Step } from "./order.ts";
import { constrain, settle } from "./propagate.ts";
import { Run, toPreferenceBits, type Preferences } from "./state.ts";
import { sortWorld } from "../world.ts";

export type { Preferences } from "./state.ts";

/** Wishes for the packages of one name. */
export interface NameWish {
  readonly preferences: Preferences;
  /** Whether what these packages depend on is treated the same. */
  readonly inherited?: boolean;
}

export interface SolverInput {
  readonly world: readonly Atom[];
  readonly supply: Supply | ProviderIndex;
  /** Wishes for everything that world asks for, and what it depends on. */
  readonly preferences?: Preferences;
  /** Wishes by name. Names that stand here are chosen before others, even without a wish. */
  readonly names?: ReadonlyMap<string, NameWish>;
  /** Keep what is installed wherever no wish says otherwise, even where world's preferences would change it. */
  readonly minimal?: boolean;
  /** Leave out atoms of world that cannot be satisfied, instead of failing. */
  readonly dropBrokenWorld?: boolean;
}

/** What happens to one package. A package that stays as it is has its place here too. */
export interface Change {
  /** What is installed now. */
  readonly previous?: Installed;
  /** What will be installed: the repository's record when a repository has it. */
  readonly next?: Package;
  /** Both sides are the same build. */
  readonly same: boolean;
  readonly reinstall: boolean;
  /** Repository tags, without `@`; "" for none. */
  readonly previousTag: string;
  readonly nextTag: string;
  /** Positions of the repositories that have `next`. */
  readonly repositories: readonly number[];
  /** `next` can be fetched now, or its file is here. */
  readonly available: boolean;
  /** Some repository has, or had at any version, a package of this name. */
  readonly nameInRepositories: boolean;
}

export interface Solution {
  readonly kind: "solution";
  /** In the order in which they are to be made. */
  readonly changes: readonly Change[];
  /** World as it was solved: sorted, and without the atoms that were dropped. */
  readonly world: readonly Atom[];
  readonly dropped: readonly Atom[];
}

/** The state in which the solver failed, for `explainFailure`. */
export interface Failure {
  readonly kind: "failure";
  readonly index: ProviderIndex;
  readonly world: readonly Dependency[];
  readonly steps: readonly Step[];
}

/** Whether a change alters anything. */
export function alters(change: Change): boolean {
  return !change.same || change.reinstall || change.previousTag !== change.nextTag;
}

export function solve(input: SolverInput): Solution | Failure {
  try {
    return solveWorld(input);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BivyError(
      "limit-exceeded",
      "packages: dependencies are chained too deeply to be put in order",
      {
        cause: error,
        hint: "An index of such a form is damaged or hostile; check where it came from.",
      },
    );
  }
}

function solveWorld(input: SolverInput): Solution | Failure {
  const index =
    input.supply instanceof ProviderIndex ? input.supply : new ProviderIndex(input.supply);
  const world = sortWorld(input.world);
  for (const atom of world) if (atom.tag !== undefined) index.tagNumber(atom.tag);
  const dependencies = index.link(world);
  const dropped = new Set<Dependency>();
  for (let names = input.names; ; names = unwished(names)) {
    const kept = dependencies.filter((dependency) => !dropped.has(dependency));
    const run = prepareRun(index, kept, { ...input, ...(names && { names }) });
    decide(run, kept);
    const steps = orderChanges(run, dependencies);
    if (run.errors === 0)
      return {
        kind: "solution",
        changes: steps.map((step) => toChange(index, step)),
        world: world.filter((_, at) => !dropped.has(dependencies[at]!)),
        dropped: world.filter((_, at) => dropped.has(dependencies[at]!)),
      };
    if (!input.dropBrokenWorld || dropBroken(run, dependencies, dropped) === 0)
      return { kind: "failure", index, world: dependencies, steps };
  }
}

/** Phase 1, and the wishes of the user. */
function prepareRun(index: ProviderIndex, world: readonly Dependency[], input: SolverInput): Run {
  const names = input.names ?? new Map<string, NameWish>();
  const namedByUser = new Set([...names.keys()].map((text) => index.name(text)));
  const roots = world.map(({ name }) => name);
  const run = new Run(index, roots, {
    preferences: toPreferenceBits(input.preferences),
    minimal: input.minimal ?? false,
    namedByUser,
  });
  for (const [text, { preferences, inherited }] of names) {
    const bits = toPreferenceBits(preferences);
    for (const { candidate } of index.name(text).providers) {
      const state = run.packageState(candidate);
      state.preferences |= bits;
      if (inherited) state.inheritedPreferences |= bits;
    }
  }
  return run;
}

/** Phases 2 and 3. */
function decide(run: Run, world: readonly Dependency[]): void {
  const { index, options } = run;
  for (const dependency of world) {
    const { tag } = dependency.atom;
    const worldTag = 1 << (tag === undefined ? 0 : index.tagNumber(tag));
    constrain(run, dependency, { worldTag, preferences: options.preferences });
  }
  for (;;) {
    for (let dirty = run.nextDirty(); dirty !== undefined; dirty = run.nextDirty())
      settle(run, dirty);
    const name = run.nextToChoose();
    if (name === undefined) return;
    choose(run, name);
  }
}

/** After atoms were dropped, only the run's own preferences count, as in apk. */
function unwished(names: ReadonlyMap<string, NameWish> | undefined) {
  return names && new Map([...names.keys()].map((text) => [text, { preferences: {} }]));
}

/** Drops the atoms of world whose name has no provider, or a failed one; gives their number. */
function dropBroken(run: Run, world: readonly Dependency[], dropped: Set<Dependency>): number {
  const before = dropped.size;
  for (const dependency of world) {
    const chosen = run.nameState(dependency.name).chosen;
    if (chosen === undefined || run.packageState(chosen.candidate).failed) dropped.add(dependency);
  }
  return dropped.size - before;
}

function toChange(index: ProviderIndex, step: Step): Change {
  const { previous, next, reinstall } = step;
  return {
    ...(previous?.installed && { previous: previous.installed }),
    ...(next && { next: next.package }),
    same: previous === next,
    reinstall,
    previousTag: index.tags[step.previousTag]!,
    nextTag: index.tags[step.nextTag]!,
    repositories: next?.repositories ?? [],
    available: next !== undefined && (next.available || next.isVirtual),
    nameInRepositories: next !== undefined && isInRepositories(next.name),
  };
}

function isInRepositories(name: Name): boolean {
  return name.providers.some(
    ({ candidate }: { candidate: Candidate }) => candidate.repositories.length > 0,
  );
}
