/**
 * Layering: which paths of a tree go into which layer.
 *
 * The strategy `origin` gives packages that were built together a layer together, because they change
 * together. It is done in four steps:
 *   1. Packages are grouped by origin. A group's size is what its packages take once installed, its age
 *      the build time of its newest package.
 *   2. With more groups than the budget allows, the largest get layers of their own, and the rest share
 *      one.
 *   3. The layers of single groups come first, the one that was built longest ago lowest, so that an
 *      update replaces what lies on top and all below it stays the same; of the same age, the larger one
 *      is lower, then the name decides. Above them comes the shared layer, which changes most often, and
 *      on top what belongs to no package.
 *   4. Every path gets the layer of the package that owns it by the database, which knows who won where
 *      packages replace each other's files; that is why such packages need not share a layer. A file
 *      that is not as its package brought it goes to the top, so that the layers of packages are the
 *      same in every image. All names of a file that has several go to the lowest of their layers: a
 *      layer cannot link to a file of another one.
 *
 * A directory belongs to the lowest layer that owns it. Others repeat it as a parent with the attributes
 * that it has in the tree, so the layers, applied in order, give exactly the tree.
 */
import { tryParseChecksum, type InstalledFile, type InstalledPackage } from "../apk/index.ts";
import {
  baseName,
  BivyError,
  compareNames,
  encodeName,
  equalBytes,
  joinPath,
  startHash,
} from "../base/index.ts";
import { walkTree, type DirectoryNode, type FileNode, type TreeNode } from "../tree/index.ts";
import type { ConfigLayering } from "./config/schema.ts";

export interface LayerPlan {
  /** What the layer holds, for the history of the image, such as `musl, musl-utils`. */
  readonly comment: string;
  /** Whether a path is in this layer; directories that are not are repeated as parents all the same. */
  includes(path: string): boolean;
}

/** The packages of one origin. */
interface Group {
  readonly origin: string;
  readonly packages: readonly InstalledPackage[];
  /** Bytes that they take once installed. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly newestBuild: number;
}

/** What a name begins with that says of another that it is gone (OCI image-spec, layer.md, "Whiteouts"). */
const whiteoutPrefix = ".wh.";

/** A file of such a name would vanish from the image, and take files of the layers below along. */
function refuseWhiteouts(tree: DirectoryNode): void {
  for (const { path } of walkTree(tree))
    if (baseName(path).startsWith(whiteoutPrefix))
      throw new BivyError(
        "path-unsafe",
        `/${path}: expected a name that a layer can hold, found one that begins with ${whiteoutPrefix}`,
        { hint: "In a layer it removes another file. Leave out what brings it, or rename it." },
      );
}

/** Layers, lowest first. Without `layering` there is one, which holds everything. */
export function planLayers(
  tree: DirectoryNode,
  installed: readonly InstalledPackage[],
  layering: ConfigLayering | undefined,
): readonly LayerPlan[] {
  refuseWhiteouts(tree);
  if (layering === undefined) return [{ comment: commentOf(installed), includes: () => true }];
  const packaged = stackGroups(groupByOrigin(installed), layering.budget);
  const layers = assignPaths(tree, packaged);
  const used = new Set(layers.values());
  const top = packaged.length;
  const plans = [...packaged.entries()]
    .filter(([layer]) => used.has(layer))
    .map(([layer, packages]): LayerPlan => {
      return { comment: commentOf(packages), includes: (path) => layers.get(path) === layer };
    });
  if (plans.length === 0 || used.has(top))
    plans.push({
      comment: "package database and configuration",
      includes: (path) => (layers.get(path) ?? top) === top,
    });
  return plans;
}

function groupByOrigin(installed: readonly InstalledPackage[]): Group[] {
  const byOrigin = Map.groupBy(
    // A package without files is a name in the database, and in no layer.
    installed.filter(({ directories }) => directories.length > 0),
    ({ origin, name }) => (origin === "" ? name : origin),
  );
  return [...byOrigin].map(([origin, packages]) => ({
    origin,
    packages,
    size: packages.reduce((sum, { installedSize }) => sum + installedSize, 0),
    newestBuild: packages.reduce((newest, { buildTime }) => Math.max(newest, buildTime), 0),
  }));
}

/** The packages of each layer, lowest first. */
function stackGroups(
  groups: readonly Group[],
  budget: number,
): readonly (readonly InstalledPackage[])[] {
  const bySize = groups.toSorted((a, b) => b.size - a.size || compareNames(a.origin, b.origin));
  const alone = groups.length <= budget ? bySize.length : budget - 1;
  const shared = bySize.slice(alone).flatMap(({ packages }) => packages);
  const stacked = bySize
    .slice(0, alone)
    // A stable sort: what is equally old stays in the order of size and name.
    .sort((a, b) => a.newestBuild - b.newestBuild)
    .map(({ packages }) => packages);
  return shared.length === 0 ? stacked : [...stacked, shared];
}

/** The layer of every path, as an index into `packaged`; one beyond them is the top. */
function assignPaths(
  tree: DirectoryNode,
  packaged: readonly (readonly InstalledPackage[])[],
): Map<string, number> {
  const { files, directories } = ownedPaths(packaged);
  const layers = new Map<string, number>();
  const lowest = new Map<FileNode, number>();
  const top = packaged.length;
  for (const { path, node } of walkTree(tree)) {
    if (node.kind === "directory") {
      layers.set(path, directories.get(path) ?? top);
      continue;
    }
    const owned = files.get(path);
    const layer = owned === undefined || !isAsPackaged(path, node, owned) ? top : owned.layer;
    layers.set(path, layer);
    if (node.kind === "file") lowest.set(node, Math.min(layer, lowest.get(node) ?? top));
  }
  for (const { path, node } of walkTree(tree))
    if (node.kind === "file") layers.set(path, lowest.get(node)!);
  return layers;
}

/** A file by the database. */
interface OwnedFile extends InstalledFile {
  readonly layer: number;
  readonly package: InstalledPackage;
}

function ownedPaths(packaged: readonly (readonly InstalledPackage[])[]): {
  readonly files: ReadonlyMap<string, OwnedFile>;
  readonly directories: ReadonlyMap<string, number>;
} {
  const files = new Map<string, OwnedFile>();
  const directories = new Map<string, number>();
  for (const [layer, packages] of packaged.entries())
    for (const each of packages)
      for (const directory of each.directories) {
        if (!directories.has(directory.path)) directories.set(directory.path, layer);
        for (const file of directory.files)
          files.set(joinPath(directory.path, file.name), { ...file, layer, package: each });
      }
  return { files, directories };
}

/** Files below it are what accounts, scripts and settings change (apk calls it a protected path). */
const configurationFolder = "etc/";
/** What a configuration file does not exceed by far; a larger one counts as unchanged. */
const largestConfiguration = 4 * 1024 * 1024;

/**
 * Whether a file is still what its package brought. Only configuration is hashed: reading everything
 * once more would cost more than the few layers that it would save.
 */
function isAsPackaged(path: string, node: TreeNode, file: OwnedFile): boolean {
  if (node.uid !== file.uid || node.gid !== file.gid) return false;
  if (node.kind === "symlink") return hasChecksum(file, [encodeName(node.target)]);
  if (node.mode !== file.mode) return false;
  if (node.kind !== "file" || !path.startsWith(configurationFolder)) return true;
  if (node.content.size > largestConfiguration) return true;
  const chunks = node.content.chunks();
  // A tree in memory gives its bytes at once; a content that does not is too large to be one of these.
  return Symbol.iterator in chunks ? hasChecksum(file, chunks) : true;
}

function hasChecksum(file: OwnedFile, chunks: Iterable<Uint8Array>): boolean {
  const expected = file.checksum === undefined ? undefined : tryParseChecksum(file.checksum);
  if (expected === undefined) return true;
  const isSha256 = expected.length === 32 || file.package.flags.shortSha256;
  const hash = startHash(isSha256 ? "sha256" : "sha1");
  for (const chunk of chunks) hash.update(chunk);
  return equalBytes(hash.bytes().subarray(0, expected.length), expected);
}

/** Beyond it the history of an image would be longer than anybody reads. */
const mostNamed = 12;

function commentOf(packages: readonly InstalledPackage[]): string {
  const names = packages.map(({ name }) => name).sort(compareNames);
  if (names.length === 0) return "no packages";
  if (names.length <= mostNamed) return names.join(", ");
  return `${names.slice(0, mostNamed).join(", ")} and ${names.length - mostNamed} more`;
}
