/** What inspection found in the final tree: language packages and static binaries, with their owners. */
import { compareNames } from "../base/index.ts";
import { walkTree, type FileNode, type LayeredTree } from "../tree/index.ts";
import type { Finding } from "./finding.ts";
import type { Inspection } from "./inspection.ts";
import type { FileOwner, StaticBinary } from "./inventory.ts";
import type { LanguagePackage } from "./languages/language-package.ts";

/** A file of the final tree that says something. */
export interface FoundFile {
  readonly path: string;
  readonly finding: Finding;
}

/** In the order of the paths; a file with several names is found at the first. */
export function foundFiles({ top }: LayeredTree, inspection: Inspection): readonly FoundFile[] {
  const found: FoundFile[] = [];
  const seen = new Set<FileNode>();
  for (const { path, node } of walkTree(top)) {
    if (node.kind !== "file") continue;
    const finding = inspection.findingOf(node);
    if (finding === undefined || seen.has(node)) continue;
    seen.add(node);
    found.push({ path, finding });
  }
  return found;
}

/** Who owns a path, and which layer brought it, as far as that is known. */
type Place = Pick<LanguagePackage, "path" | "layer" | "owner">;

export type Owners = ReadonlyMap<string, FileOwner>;

/** By ecosystem, name, version and path. What a file states twice comes once. */
export function languagePackages(
  found: readonly FoundFile[],
  tree: LayeredTree,
  owners: Owners,
): readonly LanguagePackage[] {
  const packages = found.flatMap(({ path, finding }) => {
    const place = placeOf(path, tree, owners);
    const stated = new Map(finding.packages.map((each) => [each.purl, each]));
    return [...stated.values()].map((each): LanguagePackage => ({ ...each, ...place }));
  });
  return packages.sort(
    (a, b) =>
      compareNames(a.ecosystem, b.ecosystem) ||
      compareNames(a.name, b.name) ||
      compareNames(a.version, b.version) ||
      compareNames(a.path, b.path) ||
      compareNames(a.purl, b.purl),
  );
}

/** In the order of the paths. */
export function staticBinaries(
  found: readonly FoundFile[],
  tree: LayeredTree,
  owners: Owners,
): readonly StaticBinary[] {
  return found
    .filter(({ finding }) => finding.isStatic)
    .map(({ path }) => placeOf(path, tree, owners));
}

function placeOf(path: string, tree: LayeredTree, owners: Owners): Place {
  const layer = tree.layerOf(path);
  const owner = owners.get(path)?.package.name;
  return {
    path,
    ...(layer === undefined ? {} : { layer }),
    ...(owner === undefined ? {} : { owner }),
  };
}
