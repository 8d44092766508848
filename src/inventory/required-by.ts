/**
 * Required by: the shortest way from world to each installed package, which says why it is there: an
 * entry of world names the first, and each needs the next.
 */
import { compareNames } from "../base/index.ts";
import type { DependencyGraph, PackageNode } from "./dependencies.ts";

/** What an entry of world leads to. */
export interface WorldPath {
  /** Whether an entry of world names it. */
  readonly inWorld: boolean;
  /** Names from that which world names to the package itself; none where nothing needs it. */
  readonly names: readonly string[];
}

/**
 * The path to each package. Of several that are as short, the first by the names on it. A package that
 * came in by a rule (`install_if`) is one step beyond whichever of its conditions comes first.
 */
export function pathsFromWorld(graph: DependencyGraph): ReadonlyMap<PackageNode, WorldPath> {
  const named = new Set(graph.world.flatMap(({ satisfiedBy }) => satisfiedBy));
  const paths = new Map<PackageNode, readonly string[]>();
  let level = Array.from(named).sort(byName);
  for (const node of level) paths.set(node, [node.package.name]);
  while (level.length > 0) {
    const next: PackageNode[] = [];
    // In the order of their paths, so that the first to reach a package has the first path.
    for (const node of level)
      for (const needed of neededBy(node)) {
        if (paths.has(needed)) continue;
        paths.set(needed, [...paths.get(node)!, needed.package.name]);
        next.push(needed);
      }
    level = next;
  }
  return new Map(
    graph.nodes.map((node) => [node, { inWorld: named.has(node), names: paths.get(node) ?? [] }]),
  );
}

/** What a package depends on, and what waited for it to come in. */
function neededBy(node: PackageNode): readonly PackageNode[] {
  const depends = node.dependencies.flatMap(({ satisfiedBy }) => satisfiedBy);
  const waiting = node.dependents
    .filter(({ kind }) => kind === "install-if")
    .map((dependent) => dependent.node);
  return Array.from(new Set([...depends, ...waiting])).sort(byName);
}

function byName(a: PackageNode, b: PackageNode): number {
  return compareNames(a.package.name, b.package.name) || a.position - b.position;
}
