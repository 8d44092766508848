/** Simulation of `apk del`: what leaves world, and why some packages stay nevertheless. */
import { formatIndentedList } from "../indented-list.ts";
import { comparePackageNames } from "../package.ts";
import { dependentsOf, type Candidate, type Name } from "../solver/candidate.ts";
import type { ProviderIndex } from "../solver/providers.ts";
import { isGiven } from "./options.ts";
import { matchOperands } from "./operands.ts";
import type { Session } from "./session.ts";
import { solve, type NameWish, type Solution } from "../solver/solver.ts";
import type { Atom } from "../atom.ts";
import { removeFromWorld } from "../world.ts";

const removed: NameWish = { preferences: { remove: true } };

/** Carries out `apk del` and gives its exit code. */
export function simulateRemoval(session: Session): number {
  const { index, line, simulation } = session;
  const recursive = isGiven(line, "rdepends");
  const names = new Map<string, NameWish>();
  const visited = new Set<Candidate>();
  let { world } = simulation;
  const remove = (candidate: Candidate): void => {
    world = removeFromWorld(world, candidate.name.text);
    names.set(candidate.name.text, removed);
    if (!recursive) return;
    for (const { name } of candidate.provides) world = removeFromWorld(world, name.text);
    for (const dependent of dependentsOf(candidate, index.installed)) {
      if (visited.has(dependent)) continue;
      visited.add(dependent);
      remove(dependent);
    }
  };
  let errors = 0;
  const operands = line.operands.length === 0 ? [] : matchOperands(index, line.operands);
  for (const { word, name } of operands) {
    if (name === undefined) {
      session.fail(`No such package: ${word}`);
      errors++;
      continue;
    }
    const candidate = index.installedOf(name);
    if (candidate !== undefined) remove(candidate);
    else world = removeFromWorld(world, name.text);
  }
  if (errors > 0) return errors;
  const outcome = solve(session.solverInput({ world, names }));
  if (outcome.kind === "solution" && session.verbosity >= 1) {
    const text = explainStaying(session, outcome, world);
    if (text !== "") session.print(text);
  }
  return session.finish(outcome);
}

/** For each operand that is still installed: the names of world that keep it. */
function explainStaying(session: Session, solution: Solution, world: readonly Atom[]): string {
  const { index, line, simulation } = session;
  const staying = chosenCandidates(index, solution);
  const wasConflict = new Set(
    simulation.world.filter(({ conflict }) => conflict).map(({ name }) => name),
  );
  const wanted = new Set(world.filter(({ conflict }) => !conflict).map(({ name }) => name));
  const names = matchOperands(index, line.operands)
    .flatMap(({ name }) => (name === undefined || wasConflict.has(name.text) ? [] : [name]))
    .sort((a, b) => comparePackageNames(a.text, b.text));
  const { width } = simulation;
  const lists = names.flatMap((name) => {
    const keepers = keepersOf(name, staying, wanted, session.verbosity >= 2);
    return keepers === undefined
      ? []
      : [formatIndentedList(`  ${name.text}:`, keepers, width === undefined ? {} : { width })];
  });
  if (lists.length === 0) return "";
  return `World updated, but the following packages are not removed due to:\n${lists.join("")}\n`;
}

function chosenCandidates(index: ProviderIndex, solution: Solution): Set<Candidate> {
  const chosen = new Set(solution.changes.map(({ next }) => next));
  return new Set(index.candidates.filter((candidate) => chosen.has(candidate.package)));
}

/** The names of world from which staying packages can be reached that give `name`; undefined when none does. */
function keepersOf(
  name: Name,
  staying: ReadonlySet<Candidate>,
  wanted: ReadonlySet<string>,
  verbose: boolean,
): string[] | undefined {
  const keepers: string[] = [];
  const visited = new Set<Candidate>();
  const visit = (candidate: Candidate): void => {
    if (wanted.has(candidate.name.text)) keepers.push(candidate.name.text);
    for (const provide of candidate.provides)
      if (wanted.has(provide.name.text)) keepers.push(provide.name.text);
    for (const dependent of dependentsOf(candidate, staying)) visitOnce(dependent);
    for (const trigger of candidate.installIf)
      for (const { candidate: cause } of trigger.name.providers) {
        if (!staying.has(cause) || visited.has(cause)) continue;
        visited.add(cause);
        if (verbose || wanted.has(cause.name.text)) visit(cause);
      }
  };
  const visitOnce = (candidate: Candidate): void => {
    if (visited.has(candidate)) return;
    visited.add(candidate);
    visit(candidate);
  };
  const givers = name.providers.filter(({ candidate }) => staying.has(candidate));
  for (const { candidate } of givers) visit(candidate);
  return givers.length === 0 ? undefined : keepers;
}
