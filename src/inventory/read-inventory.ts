/**
 * Reading an inventory: one pass over the layers of an image, a root folder or a root archive, in
 * which what will be read is kept in memory; then the database, the settings and the release files.
 */
import { stat } from "node:fs/promises";
import { findDatabase, parseInstalled, type InstalledPackage } from "../apk/index.ts";
import { decompress } from "../archive/index.ts";
import {
  defaultLimits,
  fileContent,
  fileError,
  joinPath,
  limitExceeded,
  readContent,
  type Limits,
} from "../base/index.ts";
import {
  layerHistory,
  readImageTree,
  selectPlatform,
  type Image,
  type ImageConfig,
  type LocatedImage,
  type Platform,
} from "../oci/index.ts";
import {
  readDirectoryTree,
  readLayers,
  resolveInRoot,
  type ChecksumAlgorithm,
  type FileNode,
  type LayeredTree,
  type ReadLayersOptions,
} from "../tree/index.ts";
import {
  largestSetting,
  readArchs,
  readKeys,
  readRepositories,
  readWorld,
} from "./apk-settings.ts";
import { distributionOf, releaseConflict, type ReleaseFile } from "./distribution.ts";
import { startInspection, type Inspection } from "./inspection.ts";
import type {
  Distribution,
  FileOwner,
  Inventory,
  InventoryLayer,
  StaticBinary,
} from "./inventory.ts";
import { foundFiles, languagePackages, staticBinaries } from "./language-packages.ts";
import type { LanguagePackage } from "./languages/language-package.ts";
import { fileOwners } from "./owners.ts";
import { packageLayers, readLowerDatabases, type LayeredPackages } from "./package-layers.ts";
import { rootFiles, type RootFiles } from "./root-files.ts";

export interface InventoryOptions {
  /** What messages call it; default what the image, or else the path, is called. */
  readonly subject?: string;
  /** Which image of an index; default that of this machine. */
  readonly platform?: Platform;
  readonly limits?: Limits;
  /** Which checksums of all files are computed on the way (see `LayeredTree.checksumOf`). */
  readonly checksums?: readonly ChecksumAlgorithm[];
  /** What else is kept in memory, because the caller will read it. */
  readonly keeps?: (path: string, size: number) => boolean;
  /**
   * Whether contents are looked into while they stream by, for `Inventory.languages` and
   * `Inventory.staticBinaries`; default no.
   */
  readonly inspects?: boolean;
  readonly signal?: AbortSignal;
}

/** What an image, a root folder or a root archive holds. */
export async function readInventory(
  located: LocatedImage,
  options: InventoryOptions = {},
): Promise<Inventory> {
  const source = await openSource(located, options);
  const { subject = source.subject, limits = defaultLimits } = options;
  return takeInventory({ ...source, subject }, limits);
}

/** A tree, and what is known about it from elsewhere. */
export interface InventorySource extends Pick<
  Inventory,
  "subject" | "image" | "config" | "layers" | "tree"
> {
  /** What its contents were looked into with while the tree was read. */
  readonly inspection?: Inspection | undefined;
}

async function openSource(
  located: LocatedImage,
  options: InventoryOptions,
): Promise<InventorySource> {
  const inspection = options.inspects === true ? startInspection(options.limits) : undefined;
  const reading = readingOptions(options, inspection);
  if (located.kind === "image") {
    const image = await selectPlatform(located.image, options.platform);
    const config = await image.config();
    const layers = await imageLayers(image, config);
    const tree = await readImageTree(image, reading);
    return { subject: image.subject, image, config, layers, tree, inspection };
  }
  const { path } = located;
  if (located.kind === "root")
    return {
      subject: path,
      layers: [{}],
      tree: await readDirectoryTree(path, reading),
      inspection,
    };
  const { size } = await stat(path).catch((error: unknown) => {
    throw fileError(error, "reading", path);
  });
  const limits = options.limits ?? defaultLimits;
  const tar = () => decompress(fileContent(path, size).chunks(), { subject: path, limits });
  const tree = await readLayers([{ subject: path, tar }], reading);
  return { subject: path, layers: [{ size }], tree, inspection };
}

async function imageLayers(image: Image, config: ImageConfig): Promise<readonly InventoryLayer[]> {
  const history = layerHistory(config);
  return (await image.layers()).map(({ digest, diffId, size, mediaType }, at) => {
    const { created_by: createdBy, comment } = history[at] ?? {};
    return {
      digest,
      diffId,
      size,
      mediaType,
      ...(createdBy === undefined ? {} : { createdBy }),
      ...(comment === undefined ? {} : { comment }),
    };
  });
}

/** What is read of a root, by its path, also where links give its folder another one. */
const databaseFile = /(?:^|\/)apk\/db\/installed$/;
const settingFile =
  /(?:^|\/)(?:apk\/(?:world|arch|repositories|repositories\.d\/[^/]+|keys\/.+)|os-release|alpine-release)$/;
/** Which advisories are for the root: a scan reads them. */
const advisoryFile = /(?:^|\/)etc\/secfixes\.d\/[^/]+$/;

/** Bytes of databases, those of replaced layers among them, that one inventory reads and keeps. */
const databaseMemory = 64 * 1024 * 1024;
/** Bytes of all other files. */
const settingMemory = 16 * 1024 * 1024;

function readingOptions(
  options: InventoryOptions,
  inspection: Inspection | undefined,
): ReadLayersOptions {
  const { limits, checksums, keeps, signal } = options;
  const keepsOwn = keepInventoryFiles();
  return {
    ...(limits === undefined ? {} : { limits }),
    ...(checksums === undefined ? {} : { checksums }),
    ...(signal === undefined ? {} : { signal }),
    ...(inspection === undefined ? {} : { inspect: inspection.inspect }),
    keeps: (path, size) => keepsOwn(path, size) || keeps?.(path, size) === true,
  };
}

/**
 * Says which files an inventory will read, so that whoever reads layers for another reason and takes one
 * afterwards keeps them: a content that was not kept is read from its layer again, from the beginning.
 */
export function keepInventoryFiles(): (path: string, size: number) => boolean {
  const fitsDatabases = memoryOf(databaseMemory);
  const fitsSettings = memoryOf(settingMemory);
  return (path, size) => {
    if (databaseFile.test(path)) return fitsDatabases(size);
    const isRead = settingFile.test(path) || advisoryFile.test(path);
    return isRead && size <= largestSetting && fitsSettings(size);
  };
}

/** Says whether so many bytes more fit; those that do are taken. */
function memoryOf(bytes: number): (size: number) => boolean {
  let left = bytes;
  return (size) => {
    if (size > left) return false;
    left -= size;
    return true;
  };
}

/** The inventory of a tree. */
export async function takeInventory(
  { inspection, ...source }: InventorySource,
  limits: Limits,
): Promise<Inventory> {
  const { tree } = source;
  const files = rootFiles(tree);
  const databasePath = findDatabase(files);
  const { packages, removedPackages } = await readPackages(tree, databasePath, files, limits);
  const distribution = await readDistribution(files);
  const world = await readWorld(files);
  const archs = await readArchs(files);
  const repositories = await readRepositories(files);
  const keys = await readKeys(files, tree);
  const found = inspection && foundFiles(tree, inspection);
  for (const { finding } of found ?? [])
    for (const problem of finding.problems) files.note(problem);
  let owners: ReadonlyMap<string, FileOwner> | undefined;
  let languages: readonly LanguagePackage[] | undefined;
  let binaries: readonly StaticBinary[] | undefined;
  const inventory: Inventory = {
    ...source,
    ...(distribution === undefined ? {} : { distribution }),
    hasDatabase: databasePath !== undefined,
    ...(databasePath === undefined ? {} : { databasePath }),
    packages,
    removedPackages,
    world,
    archs,
    repositories,
    keys,
    problems: files.problems,
    // Many commands ask for packages only, and the lists of files are most of a database.
    get owners() {
      return (owners ??= fileOwners(
        packages.map(({ installed }) => installed),
        tree.top,
      ));
    },
    get languages() {
      return (languages ??= found && languagePackages(found, tree, inventory.owners));
    },
    get staticBinaries() {
      return (binaries ??= found && staticBinaries(found, tree, inventory.owners));
    },
  };
  return inventory;
}

async function readPackages(
  tree: LayeredTree,
  databasePath: string | undefined,
  files: RootFiles,
  limits: Limits,
): Promise<LayeredPackages> {
  const path =
    databasePath === undefined
      ? undefined
      : resolveInRoot(files, joinPath(databasePath, "installed"));
  const lower = await readLowerDatabases(tree, path, databaseMemory, files.note);
  const node = path === undefined ? undefined : files.lookup(path);
  if (path === undefined || node?.kind !== "file") return { ...packageLayers(lower), packages: [] };
  const layer = tree.layerOf(path) ?? 0;
  return packageLayers([...lower, { layer, packages: await readInstalled(node, path, limits) }]);
}

/** Unlike what else is read, the database must be readable: a root is not empty because it is not. */
async function readInstalled(
  file: FileNode,
  path: string,
  limits: Limits,
): Promise<readonly InstalledPackage[]> {
  const most = limits["index-size"];
  if (file.content.size > most) throw limitExceeded("index-size", limits, path);
  const bytes = await readContent(file.content, { ...limits, "document-size": most }, path);
  return parseInstalled(bytes, { subject: path });
}

async function readDistribution(files: RootFiles): Promise<Distribution | undefined> {
  const read = async (path: string): Promise<ReleaseFile | undefined> => {
    const text = await files.readText(path, largestSetting);
    return text === undefined ? undefined : { path, text };
  };
  // The first is the one that os-release(5) prefers.
  const osRelease = (await read("etc/os-release")) ?? (await read("usr/lib/os-release"));
  const alpineRelease = await read("etc/alpine-release");
  const conflict = releaseConflict(osRelease, alpineRelease);
  if (conflict !== undefined) files.note(conflict);
  return distributionOf(osRelease, alpineRelease);
}
