/**
 * Package sizes: the bytes that each installed package really has in the tree, what each entry of
 * world costs with all that came for its sake, and the files that belong to no package.
 */
import { formatAtom, type InstalledPackage } from "../apk/index.ts";
import { BivyError, compareNames, parentPath, pathPrefixes } from "../base/index.ts";
import {
  dependencyGraph,
  reachableFrom,
  shareOf,
  type Inventory,
  type PackageNode,
} from "../inventory/index.ts";
import { walkTree } from "../tree/index.ts";
import { largestFirst } from "./ranking.ts";
import type { StoredFile } from "./stored-file.ts";

export interface PackageSize {
  readonly name: string;
  readonly version: string;
  /** Bytes of its files in the final tree, hard links once. */
  readonly bytes: number;
  /** Its files in the final tree, links among them. */
  readonly files: number;
  /** What the database says it has. */
  readonly claimed: number;
  /** The layer that brought it; lowest 0. */
  readonly layer: number;
}

/** Packages taken together, by name in the order of the database. */
export interface PackageGroup {
  readonly packages: readonly string[];
  readonly bytes: number;
}

/** What one entry of world costs. */
export interface WorldShare {
  /** As it stands in etc/apk/world. */
  readonly entry: string;
  /** What would go if the entry went. */
  readonly exclusive: PackageGroup;
  /** What it needs too, and would stay, because other entries need it. */
  readonly shared: PackageGroup;
}

export interface UnownedFolder {
  /** Plain path of the outermost folder in which no package has anything, or in which its files stand loose. */
  readonly path: string;
  readonly bytes: number;
  readonly files: number;
}

export interface PackageSizes {
  /** The largest first. */
  readonly packages: readonly PackageSize[];
  /** The entries whose exclusive share is largest first. */
  readonly world: readonly WorldShare[];
  /** What no entry of world needs. */
  readonly unneeded: PackageGroup;
  /** Files that belong to no package; the largest folders first. */
  readonly unowned: {
    readonly bytes: number;
    readonly files: number;
    readonly folders: readonly UnownedFolder[];
  };
}

/** The package that each file of the final tree belongs to, by the first of its paths that has one. */
export function packageOf(
  file: StoredFile,
  owners: Inventory["owners"],
): InstalledPackage | undefined {
  for (const path of [file.path, ...file.links]) {
    const owner = owners.get(path);
    if (owner !== undefined) return owner.package;
  }
  return undefined;
}

/** Undefined where there is no apk database. */
export function measurePackages(
  inventory: Inventory,
  files: readonly StoredFile[],
): PackageSizes | undefined {
  if (!inventory.hasDatabase) return undefined;
  const { owners, packages } = inventory;
  const sums = new Map(packages.map(({ installed }) => [installed, { bytes: 0, files: 0 }]));
  const unowned: StoredFile[] = [];
  for (const file of files) {
    if (file.loss !== undefined) continue;
    const owner = packageOf(file, owners);
    if (owner === undefined) unowned.push(file);
    else sums.get(owner)!.bytes += file.node.content.size;
  }
  for (const { path, node } of walkTree(inventory.tree.top))
    if (node.kind !== "directory") {
      const owner = owners.get(path);
      if (owner !== undefined) sums.get(owner.package)!.files += 1;
    }
  const sizes = packages.map(({ installed, layer }) => ({
    name: installed.name,
    version: installed.version,
    ...sums.get(installed)!,
    claimed: installed.installedSize,
    layer,
  }));
  const bytes = new Map(packages.map(({ installed }) => [installed, sums.get(installed)!.bytes]));
  return {
    packages: largestFirst(sizes),
    ...measureWorld(inventory, bytes),
    unowned: measureUnowned(unowned, owners),
  };
}

/** Entries of world times packages; an honest image has thousands, only a made-up one more. */
const mostShares = 10_000_000;

function measureWorld(
  { packages, world, subject }: Inventory,
  bytes: ReadonlyMap<InstalledPackage, number>,
): Pick<PackageSizes, "world" | "unneeded"> {
  if (packages.length * world.length > mostShares)
    throw new BivyError(
      "limit-exceeded",
      `${subject}: ${world.length} entries of world and ${packages.length} packages are too many to compare`,
      { hint: "The database is damaged or hostile." },
    );
  const installed = packages.map((each) => each.installed);
  const graph = dependencyGraph(installed, world);
  const group = (nodes: readonly PackageNode[]): PackageGroup => ({
    packages: nodes.map((node) => node.package.name),
    bytes: nodes.reduce((sum, node) => sum + bytes.get(node.package)!, 0),
  });
  const shares = graph.world
    .filter(({ atom }) => !atom.conflict)
    .map((entry): WorldShare => {
      const exclusive = new Set(shareOf(graph, entry));
      const needed = reachableFrom(graph, [entry]);
      return {
        entry: formatAtom(entry.atom),
        exclusive: group([...exclusive]),
        shared: group(graph.nodes.filter((node) => needed.has(node) && !exclusive.has(node))),
      };
    });
  const reached = reachableFrom(graph, graph.world);
  return {
    world: shares.sort(
      (a, b) => b.exclusive.bytes - a.exclusive.bytes || compareNames(a.entry, b.entry),
    ),
    unneeded: group(graph.nodes.filter((node) => !reached.has(node))),
  };
}

function measureUnowned(
  files: readonly StoredFile[],
  owners: Inventory["owners"],
): PackageSizes["unowned"] {
  const shared = new Set<string>();
  for (const path of owners.keys())
    for (
      let above = parentPath(path);
      above !== "" && !shared.has(above);
      above = parentPath(above)
    )
      shared.add(above);
  const folders = new Map<string, { bytes: number; files: number }>();
  let bytes = 0;
  for (const { path, node } of files) {
    const folder = outermostUnowned(parentPath(path), shared, owners);
    const sum = folders.get(folder) ?? { bytes: 0, files: 0 };
    folders.set(folder, sum);
    sum.bytes += node.content.size;
    sum.files += 1;
    bytes += node.content.size;
  }
  return {
    bytes,
    files: files.length,
    folders: largestFirst(Array.from(folders, ([path, sum]) => ({ path, ...sum }))),
  };
}

/** The first folder on the way to `folder` in which no package has anything; `folder` itself if all are shared. */
function outermostUnowned(
  folder: string,
  shared: ReadonlySet<string>,
  owners: Inventory["owners"],
): string {
  for (const prefix of pathPrefixes(folder))
    if (!shared.has(prefix) && !owners.has(prefix)) return prefix;
  return folder;
}
