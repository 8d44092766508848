/**
 * Required by: the shortest way from world to each installed package, which says why it is there: an
 * entry of world names the first, and each needs the next.
 */
import { compareNames } from "../base/index.ts";
import { arrivalsFrom, type DependencyGraph, type PackageNode } from "./dependencies.ts";

/** What an entry of world leads to. */
export interface WorldPath {
  /** Whether an entry of world names it. */
  readonly inWorld: boolean;
  /** Names from that which world names to the package itself; none where nothing needs it. */
  readonly names: readonly string[];
}

/**
 * Names on all paths together. An honest root has a few thousand; in a made-up one every package may
 * need the next, and the paths would take the square of their number.
 */
const mostNames = 4_000_000;

/**
 * The path to each package. Of several that are as short, the first by the names on it. A package that
 * came in by a rule (`install_if`) comes after whichever of its conditions was met last. Those whose paths
 * are too long to be kept are left out.
 */
export function pathsFromWorld(graph: DependencyGraph): ReadonlyMap<PackageNode, WorldPath> {
  const ranks = new Map<PackageNode, number>();
  const arrivals = arrivalsFrom(graph.world, (nodes, fromOf) => {
    // Paths of one length are in the order of those that they go on from, and then of their last names.
    const rankOf = (node: PackageNode) => ranks.get(fromOf(node) ?? node) ?? 0;
    const sorted = nodes.toSorted((a, b) => rankOf(a) - rankOf(b) || byName(a, b));
    for (const [rank, node] of sorted.entries()) ranks.set(node, rank);
    return sorted;
  });
  const paths = new Map<PackageNode, readonly string[]>();
  let left = mostNames;
  for (const [node, { step, from }] of arrivals) {
    left -= step + 1;
    if (left < 0) break;
    paths.set(node, [...(from === undefined ? [] : paths.get(from)!), node.package.name]);
  }
  const found = new Map<PackageNode, WorldPath>();
  for (const node of graph.nodes) {
    const names = paths.get(node);
    if (names !== undefined) found.set(node, { inWorld: names.length === 1, names });
    else if (!arrivals.has(node)) found.set(node, { inWorld: false, names: [] });
  }
  return found;
}

function byName(a: PackageNode, b: PackageNode): number {
  return compareNames(a.package.name, b.package.name) || a.position - b.position;
}
