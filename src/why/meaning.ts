/**
 * Meanings: what a word stands for in an image.
 *
 * A word with a slash is a path. Any other is tried as a package (by name, or as `name-version`), a
 * shared library, a command, and a name that packages provide, in this order. `so:` and `cmd:` before a
 * word leave no choice. A word that is none of these may be a package that is no longer installed, or
 * the last part of some path.
 */
import { packageLabel, type Atom, type InstalledPackage } from "../apk/index.ts";
import { joinPath } from "../base/index.ts";
import type { DependencyGraph, Inventory, PackageNode } from "../inventory/index.ts";
import type { Meaning } from "./explanation.ts";
import { findPlace, pathsNamed, type Place } from "./place.ts";

/** A meaning that a word has in an image. */
export interface Finding {
  readonly meaning: Meaning;
  readonly nodes: readonly FoundPackage[];
  readonly places: readonly Place[];
}

export interface FoundPackage {
  readonly node: PackageNode;
  readonly provides?: Atom;
}

/** All that a word means, first what it is taken for. */
export function findMeanings(
  inventory: Inventory,
  graph: DependencyGraph,
  asked: string,
): readonly Finding[] {
  return asked.includes("/")
    ? findPath(inventory, graph, asked)
    : findWord(inventory, graph, asked);
}

/** Whether a package is the one of that name, or of that name and version. */
export function isNamed(subject: InstalledPackage, asked: string): boolean {
  return subject.name === asked || packageLabel(subject) === asked;
}

function findPath(inventory: Inventory, graph: DependencyGraph, asked: string): readonly Finding[] {
  const place = findPlace(inventory, asked);
  const isKnown = [place.node, place.link, place.owner, place.removedIn].some(
    (each) => each !== undefined,
  );
  // A dependency may be on a path, which a package then provides by name.
  const providers = providersOf(graph, asked);
  return [
    ...(isKnown ? [placed("file", graph, [place])] : []),
    ...(providers.length > 0
      ? [{ meaning: "provide", nodes: providers, places: [] } as const]
      : []),
  ];
}

function findWord(inventory: Inventory, graph: DependencyGraph, asked: string): readonly Finding[] {
  const [, kind, name] = /^(so|cmd):(.+)$/.exec(asked) ?? [undefined, undefined, asked];
  const findings: readonly (Finding | undefined)[] = [
    kind === undefined ? findPackages(graph, name) : undefined,
    kind === "cmd" ? undefined : findLibrary(inventory, graph, name),
    kind === "so" ? undefined : findCommand(inventory, graph, name),
    kind === undefined ? findProvided(graph, name) : undefined,
  ];
  const found = findings.filter((finding) => finding !== undefined);
  const wasThere = inventory.removedPackages.some(({ installed }) => isNamed(installed, asked));
  if (found.length > 0 || wasThere || kind !== undefined) return found;
  const places = findByLastPart(inventory, name);
  return places.length === 0 ? [] : [placed("file", graph, places)];
}

function findPackages(graph: DependencyGraph, asked: string): Finding | undefined {
  const nodes = graph.nodes
    .filter((node) => isNamed(node.package, asked))
    .map((node) => ({ node }));
  return nodes.length === 0 ? undefined : { meaning: "package", nodes, places: [] };
}

/** The folders that musl's loader searches, in its order, and two that other systems have. */
const libraryFolders = ["lib", "usr/local/lib", "usr/lib", "lib64", "usr/lib64"];

function findLibrary(
  inventory: Inventory,
  graph: DependencyGraph,
  name: string,
): Finding | undefined {
  const place = firstFile(inventory, libraryFolders, name, () => true);
  const nodes = providersOf(graph, `so:${name}`);
  const isLibrary = nodes.length > 0 || /\.so(?:\.|$)/.test(name);
  return isLibrary ? combined("soname", graph, nodes, place) : undefined;
}

/** Where commands are looked for when the image does not say (Docker's default). */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function findCommand(
  inventory: Inventory,
  graph: DependencyGraph,
  name: string,
): Finding | undefined {
  const variable = inventory.config?.config?.Env?.findLast((entry) => entry.startsWith("PATH="));
  const path = variable?.slice("PATH=".length) ?? defaultPath;
  const folders = path.split(":").filter((folder) => folder.startsWith("/"));
  const place = firstFile(inventory, folders, name, (mode) => (mode & 0o111) !== 0);
  return combined("command", graph, providersOf(graph, `cmd:${name}`), place);
}

/** The first file of the name in these folders. */
function firstFile(
  inventory: Inventory,
  folders: readonly string[],
  name: string,
  accepts: (mode: number) => boolean,
): Place | undefined {
  for (const folder of folders) {
    const place = findPlace(inventory, joinPath(folder, name));
    if (place.node?.kind === "file" && accepts(place.node.mode)) return place;
  }
  return undefined;
}

/** What is there as a file belongs to that file's owner; what is not, to whoever says that it provides it. */
function combined(
  meaning: Meaning,
  graph: DependencyGraph,
  providers: readonly FoundPackage[],
  place: Place | undefined,
): Finding | undefined {
  if (place === undefined)
    return providers.length === 0 ? undefined : { meaning, nodes: providers, places: [] };
  const finding = placed(meaning, graph, [place]);
  const owners = new Set(finding.nodes.map(({ node }) => node));
  const nodes = [
    ...providers.filter(({ node }) => owners.has(node)),
    ...finding.nodes.filter(({ node }) => !providers.some((each) => each.node === node)),
    ...providers.filter(({ node }) => !owners.has(node)),
  ];
  return { ...finding, nodes };
}

function findProvided(graph: DependencyGraph, name: string): Finding | undefined {
  const nodes = providersOf(graph, name);
  return nodes.length === 0 ? undefined : { meaning: "provide", nodes, places: [] };
}

function providersOf(graph: DependencyGraph, name: string): readonly FoundPackage[] {
  return graph.nodes.flatMap((node) => {
    const provides = node.package.provides.find((atom) => atom.name === name && !atom.conflict);
    return provides === undefined ? [] : [{ node, provides }];
  });
}

/** More files of one name than these are not what the user meant. */
const mostPlaces = 10;

function findByLastPart(inventory: Inventory, name: string): readonly Place[] {
  return pathsNamed(inventory, name, mostPlaces).map((path) => findPlace(inventory, path));
}

/** Files, with the packages that own what stands at their ends, or the links to it. */
function placed(meaning: Meaning, graph: DependencyGraph, places: readonly Place[]): Finding {
  const owners = new Set(
    places.flatMap(({ owner, link }) => [owner?.package, link?.owner?.package]),
  );
  const nodes = graph.nodes.filter((node) => owners.has(node.package)).map((node) => ({ node }));
  return { meaning, nodes, places };
}
