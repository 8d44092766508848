/**
 * Dependencies: which installed packages are there for the sake of which others, and which of them
 * world asked for.
 *
 * A package is reached when an entry of world names it (by its own name or by one that it provides),
 * when a package that is reached depends on it, or when all conditions of its install-if rule are met
 * by packages that are reached. The last makes the graph one of conditions that hold together, so it is
 * walked in breadth with a count of the conditions that are still open.
 */
import { satisfies, type Atom, type InstalledPackage, type Provided } from "../apk/index.ts";
import { BivyError } from "../base/index.ts";

/** One atom of a package, without what it forbids. */
export interface Dependency {
  readonly atom: Atom;
  /** None where it is broken: apk was forced, or the database was edited. */
  readonly satisfiedBy: readonly PackageNode[];
}

/** That another package needs this one. */
export interface Dependent {
  readonly node: PackageNode;
  readonly kind: "depends" | "install-if";
  /** What this one satisfies: one of that package's. */
  readonly dependency: Dependency;
}

/** An installed package among the others. */
export interface PackageNode {
  readonly package: InstalledPackage;
  /** Its place in the list of packages. */
  readonly position: number;
  readonly dependencies: readonly Dependency[];
  /**
   * What brings the package in by itself, once it is all there (`install_if`). None where there is no
   * such rule, or where it does not hold here.
   */
  readonly installIf: readonly Dependency[];
  /** The packages that need it: by what they depend on, or by what their rule waits for. */
  readonly dependents: readonly Dependent[];
}

/** An entry of world. */
export interface WorldEntry extends Dependency {
  /** Whether the packages are as it wants them: there, or, where it forbids something, not there. */
  readonly holds: boolean;
}

export interface DependencyGraph {
  /** In the order of the packages. */
  readonly nodes: readonly PackageNode[];
  readonly world: readonly WorldEntry[];
}

/** A name that a package has or provides. */
interface Offer extends Provided {
  readonly node: OpenNode;
}

interface OpenNode extends PackageNode {
  readonly dependencies: Dependency[];
  readonly installIf: Dependency[];
  readonly dependents: Dependent[];
}

/**
 * How often a dependency may be held against a package. An honest root needs a few times as many as it
 * has dependencies; only a made-up one has thousands of packages that all give one name.
 */
const mostComparisons = 2_000_000;

/** The graph of installed packages; `world` may ask for what is not there. */
export function dependencyGraph(
  packages: readonly InstalledPackage[],
  world: readonly Atom[],
): DependencyGraph {
  const nodes = packages.map((subject, position): OpenNode => ({
    package: subject,
    position,
    dependencies: [],
    installIf: [],
    dependents: [],
  }));
  const findMatching = matcherOf(nodes);
  for (const node of nodes) {
    for (const atom of node.package.depends)
      if (!atom.conflict) addDependency(node, "depends", atom, findMatching(atom));
    addRule(node, findMatching);
  }
  return { nodes, world: world.map((atom) => worldEntry(atom, findMatching(atom))) };
}

type FindMatching = (atom: Atom) => readonly OpenNode[];

function addDependency(
  node: OpenNode,
  kind: Dependent["kind"],
  atom: Atom,
  satisfiedBy: readonly OpenNode[],
): void {
  const dependency = { atom, satisfiedBy };
  (kind === "depends" ? node.dependencies : node.installIf).push(dependency);
  for (const each of satisfiedBy)
    if (each !== node) each.dependents.push({ node, kind, dependency });
}

/** A rule counts as a whole, and its own package cannot meet it. */
function addRule(node: OpenNode, findMatching: FindMatching): void {
  const conditions = node.package.installIf.map((atom) => ({
    atom,
    matching: findMatching(atom).filter((each) => each !== node),
  }));
  if (conditions.some(({ atom, matching }) => matching.length > 0 === atom.conflict)) return;
  for (const { atom, matching } of conditions)
    if (!atom.conflict) addDependency(node, "install-if", atom, matching);
}

/** Finds the packages that match an atom, whether it asks for them or forbids them. */
function matcherOf(nodes: readonly OpenNode[]): FindMatching {
  const offers = new Map<string, Offer[]>();
  const offer = (name: string, each: Offer): void => {
    const known = offers.get(name);
    if (known === undefined) offers.set(name, [each]);
    else known.push(each);
  };
  for (const node of nodes) {
    const { name, version, identity, provides } = node.package;
    offer(name, { node, version, identity });
    for (const atom of provides)
      if (!atom.conflict) offer(atom.name, { node, version: atom.version, identity });
  }
  let comparisons = 0;
  return (atom) => {
    const candidates = offers.get(atom.name) ?? [];
    comparisons += candidates.length;
    if (comparisons > mostComparisons) throw tooManyComparisons();
    if (atom.broken) return [];
    const wanted = atom.conflict ? { ...atom, conflict: false } : atom;
    const matching = candidates.filter((each) => satisfies(each, wanted)).map(({ node }) => node);
    return matching.length < 2 ? matching : [...new Set(matching)];
  };
}

function tooManyComparisons(): BivyError {
  return new BivyError(
    "limit-exceeded",
    `the installed database: its dependencies and provides make more than ${mostComparisons} pairs`,
    { hint: "Too many packages provide the same names: the database is damaged or hostile." },
  );
}

function worldEntry(atom: Atom, matching: readonly PackageNode[]): WorldEntry {
  return {
    atom,
    satisfiedBy: atom.conflict ? [] : matching,
    holds: matching.length > 0 !== atom.conflict,
  };
}

/** How the walk from world came to a package. */
export interface Arrival {
  /** 0 for what an entry names. What came in by a rule is one step beyond the last of its conditions. */
  readonly step: number;
  /** The package before it; of a rule's conditions, the first of those that were met last. */
  readonly from?: PackageNode;
}

/** Puts the packages of one step in order; `fromOf` gives the package before each. */
export type Arrange = (
  nodes: readonly PackageNode[],
  fromOf: (node: PackageNode) => PackageNode | undefined,
) => readonly PackageNode[];

/**
 * The packages that these entries of world bring in, by the fewest steps, those of fewer steps first.
 * What several packages of one step bring in comes from the first of them, as `arrange` has them.
 */
export function arrivalsFrom(
  entries: Iterable<WorldEntry>,
  arrange: Arrange = (nodes) => nodes,
): ReadonlyMap<PackageNode, Arrival> {
  const arrivals = new Map<PackageNode, Arrival>();
  let next: PackageNode[] = [];
  const reach = (node: PackageNode, arrival: Arrival): void => {
    if (arrivals.has(node)) return;
    arrivals.set(node, arrival);
    next.push(node);
  };
  for (const { satisfiedBy } of entries) for (const node of satisfiedBy) reach(node, { step: 0 });

  const met = new Set<Dependency>();
  const open = new Map<PackageNode, { left: number; arrival: Arrival }>();
  /** A rule is due once all its conditions are met: after the first that came with the last step. */
  const meet = (owner: PackageNode, arrival: Arrival): void => {
    const known = open.get(owner);
    const last = known?.arrival.step === arrival.step ? known.arrival : arrival;
    const left = (known?.left ?? owner.installIf.length) - 1;
    open.set(owner, { left, arrival: last });
    if (left === 0) reach(owner, last);
  };
  for (let step = 1; next.length > 0; step++) {
    const nodes = arrange(next, (node) => arrivals.get(node)?.from);
    next = [];
    for (const from of nodes) {
      for (const { satisfiedBy } of from.dependencies)
        for (const needed of satisfiedBy) reach(needed, { step, from });
      for (const { node: owner, kind, dependency } of from.dependents) {
        if (kind === "depends" || met.has(dependency)) continue;
        met.add(dependency);
        meet(owner, { step, from });
      }
    }
  }
  return arrivals;
}

/** The packages that these entries of world bring in, each with the number of steps from world. */
export function reachableFrom(
  graph: DependencyGraph,
  entries: Iterable<WorldEntry>,
): ReadonlyMap<PackageNode, number> {
  return new Map(Array.from(arrivalsFrom(entries), ([node, { step }]) => [node, step]));
}

/**
 * What would go if this entry of world went: the packages that it brings in and no other entry does,
 * in the order of the packages.
 */
export function shareOf(graph: DependencyGraph, entry: WorldEntry): readonly PackageNode[] {
  const all = reachableFrom(graph, graph.world);
  const others = graph.world.filter((each) => each !== entry);
  const rest = reachableFrom(graph, others);
  return graph.nodes.filter((node) => all.has(node) && !rest.has(node));
}
