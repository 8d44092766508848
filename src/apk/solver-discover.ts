/** Discovery, the solver's first phase: which names and packages can matter, and in which order names are chosen. */
import { untagged, type Name } from "./providers.ts";
import { preferenceBits, type NameState, type PackageState, type Run } from "./solver-state.ts";

/**
 * Walks from a name to everything that choosing it may touch: what its providers depend on, what
 * install-if rules it could trigger, and the other names that its providers give. Names get their
 * priority when all that was reached from them has one; then the names are walked that rules of its
 * providers mention.
 *
 * The walk is a loop over its own stack, because the chain of dependencies in an index may be longer
 * than the machine's stack.
 */
export function discover(run: Run, root: Name, counter: { next: number }): void {
  const stack: Iterator<Name>[] = [visit(run, root, counter)];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { value, done } = top.next();
    if (done) stack.pop();
    else if (!run.nameState(value).discovered) stack.push(visit(run, value, counter));
  }
}

function* visit(run: Run, name: Name, counter: { next: number }): Generator<Name> {
  const state = run.nameState(name);
  if (state.discovered) return;
  state.discovered = true;
  state.rulesDead = true;
  for (const { candidate } of name.providers)
    for (const dependency of candidate.depends)
      addDependent(run.nameState(dependency.name), state);
  let underOwnName = false;
  for (const { candidate } of name.providers) {
    const pkg = run.packageState(candidate);
    if (!pkg.discovered) {
      assess(run, pkg);
      for (const dependency of candidate.depends) yield dependency.name;
    }
    if (!pkg.ruleDead) state.rulesDead = false;
    if (candidate.name === name) underOwnName = true;
  }
  yield* name.installIfOf;
  for (const { candidate } of name.providers) {
    yield* candidate.name.installIfOf;
    for (const provide of candidate.provides) yield provide.name;
  }
  state.priority = priority(run, state, underOwnName, ++counter.next);
  for (const { candidate } of name.providers)
    for (const dependency of candidate.installIf) yield dependency.name;
}

/** Names given by the user come first, then names that are packages; among equals, the last found. */
function priority(run: Run, state: NameState, underOwnName: boolean, serial: number): number {
  const named = run.options.namedByUser.has(state.name) ? 2 ** 31 : 0;
  return named + (underOwnName ? 2 ** 30 : 0) + serial;
}

function addDependent(state: NameState, dependent: NameState): void {
  // A name adds itself to others in one go, so where it stands already it stands last.
  if (state.dependents.at(-1) !== dependent) state.dependents.push(dependent);
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
    candidate.installIf.length === 0 ||
    ((run.options.preferences & preferenceBits.available) !== 0 && !state.available);
  state.tagBits = candidate.tagBits;
  state.tagPreferred = candidate.fromFile || empty || (state.tagBits & (1 << untagged)) !== 0;
  state.tagAllowed = state.tagPreferred || known;
}
