/** Measuring: the size report of an image, a root folder or a root archive, made of its inventory. */
import type { Digest } from "../base/index.ts";
import type { Distribution, Inventory } from "../inventory/index.ts";
import { formatPlatform, platformOf } from "../oci/index.ts";
import type { LayeredTree } from "../tree/index.ts";
import { measureFiles, measureFolders, type FileSize, type FolderSize } from "./folder-size.ts";
import { measureLayers, type LayerSize } from "./layer-size.ts";
import { measurePackages, packageOf, type PackageSizes } from "./package-size.ts";
import { findSavings, type Saving } from "./saving.ts";
import { findStoredFiles, type StoredFile } from "./stored-file.ts";
import { measureWaste, type Waste } from "./waste.ts";

/** All in bytes, but where it says otherwise. */
export interface SizeTotals {
  /** What is downloaded: manifest, config, and each blob of a layer once. Absent for a root folder or archive. */
  readonly compressed?: number;
  /** Whether every layer is stored compressed: those of a docker-archive are not, and will be when pushed. */
  readonly isCompressed?: boolean;
  readonly manifest?: number;
  readonly config?: number;
  /** What all layers unpack to on the disk: the contents of their files. */
  readonly unpacked: number;
  /** What a container sees of that: the contents of the final tree, hard links once. */
  readonly visible: number;
  /** Number of layers. */
  readonly layers: number;
  /** Number of files of the final tree, hard links once; links and devices do not count. */
  readonly files: number;
  /** Number of packages; absent where there is no apk database. */
  readonly packages?: number;
}

export interface SizeReport {
  /** What messages call the image. */
  readonly subject: string;
  /** Of its manifest. */
  readonly digest?: Digest;
  /** Such as `linux/amd64`. */
  readonly platform?: string;
  readonly distribution?: Pick<Distribution, "id" | "name" | "version">;
  readonly totals: SizeTotals;
  readonly waste: Waste;
  /** What could be left out, the most worthwhile first. */
  readonly savings: readonly Saving[];
  /** Lowest first. */
  readonly layers: readonly LayerSize[];
  /** Absent where there is no apk database. */
  readonly packages?: PackageSizes;
  /** The largest first. */
  readonly folders: readonly FolderSize[];
  /** The largest first. */
  readonly files: readonly FileSize[];
}

/**
 * Measures an inventory. It must have the SHA-256 of every file (`checksums: ["sha256"]`); without, a
 * file that is stored again unchanged passes for a changed one.
 */
export async function measureSize(inventory: Inventory): Promise<SizeReport> {
  const { tree, distribution } = inventory;
  const stored = findStoredFiles(tree);
  const files = measureFiles(stored.files, (file) => packageOf(file, inventory.owners)?.name);
  const layers = measureLayers(inventory.layers, tree, stored);
  const waste = measureWaste(stored.files);
  const packages = measurePackages(inventory, stored.files);
  return {
    subject: inventory.subject,
    ...(await identify(inventory)),
    ...(distribution === undefined ? {} : { distribution: nameOf(distribution) }),
    totals: {
      ...(await measureTransfer(inventory)),
      unpacked: layers.reduce((sum, layer) => sum + layer.unpacked, 0),
      visible: files.reduce((sum, file) => sum + file.bytes, 0),
      layers: layers.length,
      files: files.length,
      ...(packages === undefined ? {} : { packages: packages.packages.length }),
    },
    waste,
    savings: findSavings(files, copiedPaths(stored.files, tree), waste),
    layers,
    ...(packages === undefined ? {} : { packages }),
    folders: measureFolders(files),
    files,
  };
}

async function identify({ image }: Inventory): Promise<Pick<SizeReport, "digest" | "platform">> {
  if (image === undefined) return {};
  return { digest: image.digest, platform: formatPlatform(await platformOf(image)) };
}

function nameOf({ id, name, version }: Distribution): NonNullable<SizeReport["distribution"]> {
  return { id, name, ...(version === undefined ? {} : { version }) };
}

async function measureTransfer({ image, layers }: Inventory): Promise<Partial<SizeTotals>> {
  if (image === undefined) return {};
  const manifest = image.size;
  const config = (await image.manifest()).config.size;
  const blobs = new Map(layers.map(({ digest, size }) => [digest, size ?? 0]));
  return {
    compressed: [...blobs.values()].reduce((sum, size) => sum + size, manifest + config),
    isCompressed: layers.every(({ digest, diffId }) => digest !== diffId),
    manifest,
    config,
  };
}

/** The paths of files whose content stands in the final tree at an earlier path too, and is no link of it. */
function copiedPaths(files: readonly StoredFile[], tree: LayeredTree): Set<string> {
  const copied = new Set<string>();
  const seen = new Set<string>();
  for (const { node, path, loss } of files) {
    const checksum = tree.checksumOf(node, "sha256");
    if (loss !== undefined || checksum === undefined) continue;
    if (seen.has(checksum)) copied.add(path);
    seen.add(checksum);
  }
  return copied;
}
