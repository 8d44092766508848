/**
 * Paths: how an installed package comes from world, by all of the shortest ways.
 *
 * `reachableFrom` gives every package its number of steps from world. A way of k steps to a package is
 * a way of k - 1 steps to one that brings it in: one that depends on it, or one that is the last to meet
 * a condition of its install-if rule. Ways are therefore found backwards, each link one step nearer to
 * world. There may be more of them than anyone can list, so they are counted without being listed.
 */
import type { Atom } from "../apk/index.ts";
import type { DependencyGraph, PackageNode, WorldEntry } from "../inventory/index.ts";

/** A package on the way, and why it is there. */
export interface PathStep {
  readonly node: PackageNode;
  /** Whether world names it, the package before it depends on it, or its install-if rule brings it in. */
  readonly kind: "world" | "depends" | "install-if";
  /**
   * Of world, the entry; of the package before, the dependencies that this one satisfies; of its own
   * rule, all conditions.
   */
  readonly atoms: readonly Atom[];
}

/** From a package that world names to the one in question. */
export type ReasonPath = readonly PathStep[];

export interface ShortestPaths {
  /** Some of them, in the order of the packages. */
  readonly paths: readonly ReasonPath[];
  /** How many there are; `mostCounted` stands for as many and more. */
  readonly count: number;
}

/** Beyond a million nobody asks how many. */
export const mostCounted = 1_000_000;

/** What brings a package in: another package, or world itself. */
interface Link {
  readonly from: PackageNode | undefined;
  readonly step: PathStep;
}

type LinksOf = (node: PackageNode) => readonly Link[];

/**
 * The shortest paths from world to a package, at most `most` of them. `steps` are those that
 * `reachableFrom` gives for all of world; a package that is not among them has no path.
 */
export function shortestPaths(
  graph: DependencyGraph,
  steps: ReadonlyMap<PackageNode, number>,
  target: PackageNode,
  most: number,
): ShortestPaths {
  const known = new Map<PackageNode, readonly Link[]>();
  const linksOf = (node: PackageNode): readonly Link[] => {
    const links = known.get(node) ?? findLinks(graph.world, steps, node);
    known.set(node, links);
    return links;
  };
  return {
    paths: [...walkPaths(target, linksOf, most)],
    count: countPaths(target, linksOf, steps),
  };
}

function findLinks(
  world: readonly WorldEntry[],
  steps: ReadonlyMap<PackageNode, number>,
  node: PackageNode,
): readonly Link[] {
  const step = steps.get(node);
  if (step === undefined) return [];
  if (step === 0)
    return world
      .filter(({ satisfiedBy }) => satisfiedBy.includes(node))
      .map(({ atom }) => ({ from: undefined, step: { node, kind: "world", atoms: [atom] } }));
  const nearer = (each: PackageNode): boolean => steps.get(each) === step - 1;
  const needed = new Map<PackageNode, Atom[]>();
  for (const { node: from, kind, dependency } of node.dependents) {
    if (kind !== "depends" || !nearer(from)) continue;
    const atoms = needed.get(from);
    if (atoms === undefined) needed.set(from, [dependency.atom]);
    else atoms.push(dependency.atom);
  }
  const links = [...needed].map(([from, atoms]): Link => ({
    from,
    step: { node, kind: "depends", atoms },
  }));
  const atoms = node.installIf.map(({ atom }) => atom);
  for (const from of lastToMeet(node, steps, step - 1))
    links.push({ from, step: { node, kind: "install-if", atoms } });
  return links.sort((a, b) => a.from!.position - b.from!.position);
}

/** The packages that complete the rule of a package in step `last`; none if it was complete later. */
function lastToMeet(
  { installIf }: PackageNode,
  steps: ReadonlyMap<PackageNode, number>,
  last: number,
): ReadonlySet<PackageNode> {
  const completing = new Set<PackageNode>();
  for (const { satisfiedBy } of installIf) {
    let first = Infinity;
    for (const node of satisfiedBy) first = Math.min(first, steps.get(node) ?? Infinity);
    if (first > last) return new Set();
    if (first === last)
      for (const node of satisfiedBy) if (steps.get(node) === last) completing.add(node);
  }
  return completing;
}

/** Goes back from the target link by link; every way that is begun ends in world. */
function* walkPaths(target: PackageNode, linksOf: LinksOf, most: number): Generator<ReasonPath> {
  const way: { readonly links: readonly Link[]; at: number }[] = [
    { links: linksOf(target), at: 0 },
  ];
  for (let found = 0; found < most && way.length > 0;) {
    const turn = way.at(-1)!;
    const link = turn.links[turn.at++];
    if (link === undefined) way.pop();
    else if (link.from !== undefined) way.push({ links: linksOf(link.from), at: 0 });
    else {
      found += 1;
      yield way.map(({ links, at }) => links[at - 1]!.step).reverse();
    }
  }
}

function countPaths(
  target: PackageNode,
  linksOf: LinksOf,
  steps: ReadonlyMap<PackageNode, number>,
): number {
  const involved = new Set([target]);
  for (const node of involved)
    for (const { from } of linksOf(node)) if (from !== undefined) involved.add(from);
  const counts = new Map<PackageNode, number>();
  for (const node of [...involved].sort((a, b) => steps.get(a)! - steps.get(b)!)) {
    const count = linksOf(node).reduce(
      (sum, { from }) => sum + (from === undefined ? 1 : counts.get(from)!),
      0,
    );
    counts.set(node, Math.min(count, mostCounted));
  }
  return counts.get(target)!;
}
