/** Choice, the solver's third phase: which provider a name gets, for good. */
import type { Candidate, Name, Provider } from "./candidate.ts";
import { constrain, disqualify, isAutomatic } from "./propagate.ts";
import { preferenceBits as wish, type NameState, type PackageState, type Run } from "./state.ts";
import { compareVersions } from "../version.ts";

/** Chooses the best provider of a name and locks all names that it gives, or locks the name without one. */
export function choose(run: Run, state: NameState): void {
  const provider = bestProvider(run, state);
  if (provider === undefined) {
    lock(run, state, undefined);
    if (state.requirers > 0) run.errors++;
    return;
  }
  const { candidate } = provider;
  const pkg = run.packageState(candidate);
  if (!pkg.selectable || !pkg.tagAllowed) run.fail(pkg);
  for (const given of candidate.given) lock(run, run.nameState(given.name), given);
  for (const dependency of candidate.depends) constrain(run, dependency, candidate);
}

function bestProvider(run: Run, state: NameState): Provider | undefined {
  if (state.requirers === 0 && !state.hasTriggered) return undefined;
  let best: Provider | undefined;
  for (const provider of state.name.providers) {
    const pkg = run.packageState(provider.candidate);
    if (state.requirers === 0 && !(pkg.triggered && pkg.tagAllowed && pkg.selectable)) continue;
    if (!isAutomatic(run, provider)) continue;
    if (best === undefined || compareProviders(run, provider, best) > 0) best = provider;
  }
  return best;
}

/**
 * Locks a name. Two packages may give it only if both do so without a version; all others that give it
 * can no longer be selected.
 */
function lock(run: Run, state: NameState, provider: Provider | undefined): void {
  if (state.locked) {
    if (provider?.version === "" && (state.chosen?.version ?? "") === "") return;
    run.fail(provider && run.packageState(provider.candidate));
    run.fail(state.chosen && run.packageState(state.chosen.candidate));
    return;
  }
  state.locked = true;
  state.chosen = provider;
  run.noteLocked(state);
  if (
    provider !== undefined &&
    state.requirers === 0 &&
    run.packageState(provider.candidate).triggered
  )
    for (const dependency of provider.candidate.installIf)
      if (!run.nameState(dependency.name).locked) constrain(run, dependency, provider.candidate);
  excludeRivals(run, state.name, provider);
  run.markDependents(state.name);
  if (provider === undefined) run.markRules(state.name);
  else run.markRulesOfPackage(provider.candidate);
}

function excludeRivals(run: Run, name: Name, chosen: Provider | undefined): void {
  const unversioned = (chosen?.version ?? "") === "";
  for (const { candidate, version } of name.providers) {
    if (candidate === chosen?.candidate || (unversioned && version === "")) continue;
    disqualify(run, run.packageState(candidate));
  }
}

/** Above 0 when `a` is the better choice, below when `b` is, 0 when nothing tells them apart. */
function compareProviders(run: Run, a: Provider, b: Provider): number {
  const x = run.packageState(a.candidate);
  const y = run.packageState(b.candidate);
  const wishes = x.preferences | y.preferences;
  return (
    (wantsNewest(wishes, x, y) ? compareLatest(wishes, x, y) : compareFit(run, wishes, a, b)) ||
    compareGivenVersions(a, b) ||
    compareOwnVersions(a.candidate, b.candidate) ||
    a.candidate.providerPriority - b.candidate.providerPriority ||
    ((wishes & wish.remove) === 0 ? compareInstalled(a, b) : 0) ||
    compareTruth(x.selectable, y.selectable) ||
    (b.candidate.repositories[0] ?? -1) - (a.candidate.repositories[0] ?? -1)
  );
}

/** `--latest` rules only where no tag is involved. */
function wantsNewest(wishes: number, x: PackageState, y: PackageState): boolean {
  return (wishes & wish.latest) !== 0 && x.allowedTags === 1 && y.allowedTags === 1;
}

function compareLatest(wishes: number, x: PackageState, y: PackageState): number {
  const byTag = compareTruth(x.tagAllowed, y.tagAllowed);
  if (byTag !== 0) return byTag;
  if ((wishes & wish.available) !== 0) return compareTruth(x.available, y.available);
  return (wishes & wish.reinstall) !== 0 ? compareTruth(x.selectable, y.selectable) : 0;
}

function compareFit(run: Run, wishes: number, a: Provider, b: Provider): number {
  const x = run.packageState(a.candidate);
  const y = run.packageState(b.candidate);
  const keeps =
    (wishes & wish.keep) !== 0 || (run.options.minimal && (wishes & wish.upgrade) === 0);
  // Between packages of other names, being installed says nothing about an unversioned provide.
  const staysByDefault =
    (wishes & (wish.remove | wish.upgrade)) === 0 &&
    (a.candidate.name === b.candidate.name || a.version !== "" || b.version !== "");
  return (
    compareTruth(x.selectable, y.selectable) ||
    compareTruth(x.lastOption, y.lastOption) ||
    y.contradictions - x.contradictions ||
    (keeps ? compareInstalled(a, b) : 0) ||
    compareTruth(x.tagAllowed, y.tagAllowed) ||
    ((wishes & wish.available) === 0 ? 0 : compareTruth(x.available, y.available)) ||
    compareTruth(x.tagPreferred, y.tagPreferred) ||
    (staysByDefault ? compareInstalled(a, b) : 0)
  );
}

/** By the version under the wanted name; a provide without one neither wins nor loses. */
function compareGivenVersions(a: Provider, b: Provider): number {
  return a.version === "" || b.version === "" ? 0 : compareVersions(a.version, b.version);
}

function compareOwnVersions(a: Candidate, b: Candidate): number {
  return a.name === b.name ? compareVersions(a.version, b.version) : 0;
}

function compareInstalled(a: Provider, b: Provider): number {
  return compareTruth(a.candidate.installed !== undefined, b.candidate.installed !== undefined);
}

function compareTruth(a: boolean, b: boolean): number {
  return Number(a) - Number(b);
}
