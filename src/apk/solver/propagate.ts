/** Propagation, the solver's second phase: what follows from constraints, before anything is chosen. */
import {
  isProvided,
  type Candidate,
  type Dependency,
  type Name,
  type Provider,
} from "./candidate.ts";
import type { NameState, PackageState, Run } from "./state.ts";

/** Who imposes a constraint: a package, or world with the tag of the atom (as a bit) and its preferences. */
export type Source = Candidate | { readonly worldTag: number; readonly preferences: number };

/** What install-if rules pass on whose condition is that something is absent. */
const noSource: Source = { worldTag: 0, preferences: 0 };

/**
 * Imposes a dependency: its name is required, providers that do not fit can no longer be selected, and
 * those that fit inherit the source's tags and preferences. False when some did not fit.
 */
export function constrain(run: Run, dependency: Dependency, source: Source): boolean {
  const state = run.nameState(dependency.name);
  if (!dependency.atom.conflict) require(run, state);
  const owner = "worldTag" in source ? undefined : source;
  let allFit = true;
  for (const provider of dependency.name.providers) {
    const pkg = run.packageState(provider.candidate);
    const fits = isProvided(owner, dependency, provider);
    if (!fits) {
      pkg.contradictions++;
      allFit = false;
    }
    if (!fits && pkg.selectable) disqualify(run, pkg);
    if (fits) inherit(run, pkg, source);
  }
  return allFit;
}

function require(run: Run, state: NameState): void {
  state.requirers++;
  if (state.requirers > 1) return;
  run.watchDependencies(state);
  run.wait(state, false);
  run.markRules(state.name);
  run.markDirty(state);
}

/** The package can no longer be selected without an error. */
export function disqualify(run: Run, state: PackageState): void {
  const { candidate } = state;
  state.selectable = false;
  run.markDependents(candidate.name);
  for (const name of candidate.providesNames) run.markDependents(name);
  run.markRulesOfPackage(candidate);
}

/** Tags that are allowed go down all dependencies; tags that are preferred only come from world. */
function inherit(run: Run, state: PackageState, source: Source): void {
  if ("worldTag" in source) {
    state.preferences |= source.preferences;
    state.inheritedPreferences |= source.preferences;
    state.allowedTags |= source.worldTag;
    state.tagPreferred = (state.tagBits & source.worldTag) !== 0;
  } else {
    const parent = run.packageState(source);
    state.preferences |= parent.inheritedPreferences;
    state.inheritedPreferences |= parent.inheritedPreferences;
    state.allowedTags |= parent.allowedTags;
  }
  if ((state.tagBits & state.allowedTags) !== 0) state.tagAllowed = true;
}

/**
 * Settles a name: drops providers whose dependencies can no longer be met, looks whether install-if
 * rules hold by now, and passes down what all remaining options have in common.
 */
export function settle(run: Run, state: NameState): void {
  const dependsChanged = run.takeDependsChanged(state.name);
  const { rulesChanged } = state;
  state.rulesChanged = false;
  const options: Option[] = [];
  let hasTriggered = false;
  let rulesDead = true;
  let hasAutomatic = false;
  for (const provider of state.name.providers) {
    const pkg = run.packageState(provider.candidate);
    pkg.option = false;
    if (dependsChanged && pkg.selectable && !canBeMet(run, pkg)) disqualify(run, pkg);
    if (!pkg.selectable) continue;
    if (rulesChanged) checkRule(run, pkg);
    if (pkg.triggered) hasTriggered = hasAutomatic = true;
    if (!pkg.ruleDead) rulesDead = false;
    if (state.requirers === 0) continue;
    pkg.option = true;
    options.push({ provider, pkg });
    if (!hasAutomatic && isAutomatic(run, provider)) hasAutomatic = true;
  }
  state.hasOptions = options.length > 1 || options.some(({ pkg }) => !pkg.tagAllowed);
  state.hasTriggered = hasTriggered;
  state.rulesDead = rulesDead;
  const moved = hasAutomatic !== state.hasAutomatic;
  state.hasAutomatic = hasAutomatic;
  if (options.length > 0) {
    for (const { candidate } of state.name.providers) {
      const pkg = run.packageState(candidate);
      pkg.lastOption = pkg.option;
    }
    if (options.length === 1) passDownOnly(run, state.name, options[0]!);
    else passDownCommon(run, state.name, options);
  }
  state.dependentsLocked = run.areDependentsLocked(state.name);
  run.wait(state, moved);
}

interface Option {
  readonly provider: Provider;
  readonly pkg: PackageState;
}

function canBeMet(run: Run, state: PackageState): boolean {
  return state.candidate.depends.every((dependency) =>
    isSatisfiable(run, state.candidate, dependency),
  );
}

function isSatisfiable(run: Run, owner: Candidate, dependency: Dependency): boolean {
  const state = run.nameState(dependency.name);
  if (state.locked) return isProvided(owner, dependency, state.chosen);
  if (state.requirers === 0 && isProvided(owner, dependency, undefined)) return true;
  return dependency.name.providers.some(
    (provider) =>
      run.packageState(provider.candidate).selectable && isProvided(owner, dependency, provider),
  );
}

/**
 * An install-if rule holds when all its names are locked and as it wants them. A name that it wants
 * absent must be locked too, so it is queued even if nothing requires it.
 */
function checkRule(run: Run, state: PackageState): void {
  const { candidate } = state;
  if (!state.triggered && !state.ruleDead) {
    state.triggered = true;
    for (const dependency of candidate.installIf) {
      const wanted = run.nameState(dependency.name);
      if (wanted.locked && isProvided(candidate, dependency, wanted.chosen)) continue;
      state.triggered = false;
      if (wanted.locked) state.ruleDead = true;
      else if (dependency.atom.conflict) {
        wanted.absenceAsked = true;
        run.wait(wanted, false);
      }
      break;
    }
  }
  if (!state.triggered) return;
  for (const dependency of candidate.installIf)
    inherit(run, state, run.nameState(dependency.name).chosen?.candidate ?? noSource);
}

/**
 * An unversioned provide says "one of those": it is taken without being named only when its package
 * declares a priority, or is required under its own name.
 */
export function isAutomatic(run: Run, provider: Provider): boolean {
  return (
    provider.version !== "" ||
    provider.candidate.providerPriority !== 0 ||
    run.nameState(provider.candidate.name).requirers > 0
  );
}

/** Nothing is left to choose: what the only option depends on holds, and what it gives nobody else may. */
function passDownOnly(run: Run, name: Name, { provider, pkg }: Option): void {
  const { candidate } = pkg;
  // A name is settled many times, and most times nothing has changed that its dependencies inherit.
  if (
    !pkg.passedDown ||
    pkg.passedTags !== pkg.allowedTags ||
    pkg.passedPreferences !== pkg.inheritedPreferences
  ) {
    pkg.passedTags = pkg.allowedTags;
    pkg.passedPreferences = pkg.inheritedPreferences;
    pkg.passedDown = true;
    // What did not fit counts against those packages each time, as in apk.
    for (const dependency of candidate.depends)
      if (!constrain(run, dependency, candidate)) pkg.passedDown = false;
  }
  for (const given of candidate.shared) {
    // Under its own name it is taken as it was asked for.
    const { version } = given.name === candidate.name ? provider : given;
    if (given.name !== name) excludeOthers(run, given.name, name, version === "");
  }
}

/** Of several options only what they have in common is passed down. */
function passDownCommon(run: Run, name: Name, options: readonly Option[]): void {
  for (const [position, { provider }] of options.entries()) countCommon(run, provider, position);
  passDownDepends(run, options);
  passDownProvides(run, name, options);
}

/** Counts one more option for each name that all options up to this one depend on, or give. */
function countCommon(run: Run, provider: Provider, position: number): void {
  const { candidate } = provider;
  for (const { atom, name } of candidate.depends) {
    if (atom.conflict) continue;
    const state = run.nameState(name);
    if (state.commonDepends === position) state.commonDepends = position + 1;
  }
  for (const { name, version } of candidate.given)
    countProvide(
      run.nameState(name),
      name === candidate.name ? provider.version : version,
      position,
    );
}

function countProvide(state: NameState, version: string, position: number): void {
  if (state.commonProvides !== position) return;
  state.commonProvides = position + 1;
  if (version === "") state.providesUnversioned = true;
}

/** The names that all options depend on are required. */
function passDownDepends(run: Run, options: readonly Option[]): void {
  const { pkg } = options[0]!;
  for (const dependency of pkg.candidate.depends) {
    const state = run.nameState(dependency.name);
    const isCommon = state.commonDepends === options.length;
    state.commonDepends = 0;
    if (!isCommon || state.requirers > 0) continue;
    require(run, state);
    for (const { candidate } of dependency.name.providers)
      inherit(run, run.packageState(candidate), pkg.candidate);
  }
}

/**
 * When all options of a name give another name too, whoever gives that other name must give this one:
 * else both would be installed, and contradict each other.
 */
function passDownProvides(run: Run, name: Name, options: readonly Option[]): void {
  const given = options[0]!.pkg.candidate.given.map((each) => each.name);
  for (const other of given) {
    const state = run.nameState(other);
    const isCommon = state.commonProvides === options.length;
    state.commonProvides = 0;
    if (isCommon && other !== name) excludeOthers(run, other, name, state.providesUnversioned);
  }
  for (const other of given) run.nameState(other).providesUnversioned = false;
}

function excludeOthers(run: Run, given: Name, mustGive: Name, spareUnversioned: boolean): void {
  for (const { candidate, version } of given.providers) {
    const pkg = run.packageState(candidate);
    // An option gives the name, or it would not be one.
    if (pkg.option || !pkg.selectable) continue;
    if (spareUnversioned && version === "") continue;
    const gives = candidate.given.some(
      (other) => other.name === mustGive || (spareUnversioned && other.version === ""),
    );
    if (!gives) disqualify(run, pkg);
  }
}
