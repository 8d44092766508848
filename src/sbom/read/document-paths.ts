/**
 * The paths from world that bivy's documents state, each by its last step only: the package before it.
 * Links that lead nowhere or round in circles, and paths that would take too much memory, are left out.
 */
import { factNames, firstFact } from "../facts.ts";
import type { StatedComponent } from "./stated.ts";

export interface StatedPath {
  readonly inWorld: boolean;
  readonly path: readonly string[];
}

/** Names on all paths together; an honest document has a few thousand. */
const mostNames = 4_000_000;

/** In the order of the packages; undefined for those of which nothing is stated. */
export function findPaths(
  packages: readonly StatedComponent[],
  problems: string[],
): readonly (StatedPath | undefined)[] {
  const places = new Map<string, number>();
  for (const [at, { ref }] of packages.entries())
    if (ref !== undefined && !places.has(ref)) places.set(ref, at);
  const world = packages.map(({ facts }) => firstFact(facts, factNames.world));
  const before = packages.map(({ facts }) =>
    places.get(firstFact(facts, factNames.requiredBy) ?? ""),
  );
  const depths = findDepths(world, before);
  let left = mostNames;
  let skipped = 0;
  const paths = packages.map((each, at): StatedPath | undefined => {
    if (world[at] === undefined) return undefined;
    const depth = depths[at]!;
    if (depth === 0) {
      const isNeeded = firstFact(each.facts, factNames.requiredBy) !== undefined;
      if (isNeeded) skipped += 1;
      return isNeeded ? undefined : { inWorld: false, path: [] };
    }
    if (depth > left) {
      skipped += 1;
      return undefined;
    }
    left -= depth;
    const path: string[] = [];
    for (let next: number | undefined = at; path.length < depth; next = before[next!])
      path.push(packages[next!]!.name);
    return { inWorld: world[at] === "true", path: path.reverse() };
  });
  if (skipped > 0) problems.push(`the paths from world to ${skipped} packages cannot be followed`);
  return paths;
}

/** The number of names on each path: 1 for what world names, 0 where no path leads to world. */
function findDepths(
  world: readonly (string | undefined)[],
  before: readonly (number | undefined)[],
): readonly number[] {
  const depths = world.map((value): number | undefined => (value === "true" ? 1 : undefined));
  for (const start of depths.keys()) {
    const walked: number[] = [];
    let at: number | undefined = start;
    while (at !== undefined && depths[at] === undefined) {
      // Whoever comes by here again goes round in a circle.
      depths[at] = 0;
      walked.push(at);
      at = before[at];
    }
    let depth = at === undefined ? 0 : depths[at]!;
    if (depth === 0) continue;
    for (const each of walked.reverse()) depths[each] = ++depth;
  }
  return depths.map((depth) => depth ?? 0);
}
