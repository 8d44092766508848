/** Explaining: why what a word means is in an image. */
import { packageLabel } from "../apk/index.ts";
import { reachableFrom, type DependencyGraph, type Inventory } from "../inventory/index.ts";
import { notInImage } from "./absence.ts";
import type { Explanation, OtherMeaning, PackageReason } from "./explanation.ts";
import { findMeanings, isNamed, type Finding } from "./meaning.ts";
import { shortestPaths } from "./paths.ts";

export interface ExplainOptions {
  /** How many of the shortest paths of a package are listed; default 10. */
  readonly paths?: number;
}

const defaultPaths = 10;

/** Why something is in an image. Fails with `not-in-image` where it is not, and never was. */
export function explain(
  inventory: Inventory,
  graph: DependencyGraph,
  asked: string,
  options: ExplainOptions = {},
): Explanation {
  const [found, ...more] = findMeanings(inventory, graph, asked);
  const brokenWorld = graph.world.filter(({ holds }) => !holds);
  const removedPackages = inventory.removedPackages.filter(({ installed }) =>
    isNamed(installed, asked),
  );
  const isMissed = brokenWorld.some(({ atom }) => atom.name === asked);
  if (found === undefined && removedPackages.length === 0 && !isMissed)
    throw notInImage(inventory, asked);
  const steps = reachableFrom(graph, graph.world);
  const { meaning, nodes, places }: Finding = found ?? {
    meaning: "package",
    nodes: [],
    places: [],
  };
  return {
    asked,
    meaning,
    packages: nodes.map(({ node, provides }): PackageReason => ({
      ...inventory.packages[node.position]!,
      ...(provides === undefined ? {} : { provides }),
      ...shortestPaths(graph, steps, node, options.paths ?? defaultPaths),
      dependents: node.dependents,
    })),
    places,
    removedPackages,
    others: more.flatMap(otherMeanings),
    brokenWorld,
  };
}

function otherMeanings({ meaning, nodes, places }: Finding): readonly OtherMeaning[] {
  const names =
    places.length > 0
      ? places.map(({ path }) => `/${path}`)
      : nodes.map(({ node }) => packageLabel(node.package));
  return names.map((name) => ({ meaning, name }));
}
