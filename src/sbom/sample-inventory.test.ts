/**
 * Inventories of a few packages, made for one test, in memory. It has no tests of its own; the name keeps
 * it out of the published package.
 */
import { layeredImage, layerTar, type LayerFiles } from "../../test/layered-root.ts";
import {
  createInstalled,
  createPackage,
  formatInstalled,
  parseAtom,
  type Package,
} from "../apk/index.ts";
import { defaultLimits, encodeName } from "../base/index.ts";
import {
  readInventory,
  takeInventory,
  type Inventory,
  type InventoryOptions,
} from "../inventory/index.ts";
import { readLayers } from "../tree/index.ts";
import type { SbomOptions } from "./index.ts";

export const options: SbomOptions = { time: 1_700_000_000, version: "1.2.3" };

export type SamplePackage = Partial<Package> &
  Pick<Package, "name" | "version"> & { readonly tag?: string };

export function databaseOf(packages: readonly SamplePackage[]): Uint8Array {
  const installed = packages.map(({ tag, ...each }) =>
    createInstalled(createPackage(each), tag === undefined ? {} : { tag }),
  );
  return encodeName(formatInstalled(installed));
}

export const alpineRelease = { "etc/os-release": "ID=alpine\nVERSION_ID=3.19.1\n" };

function filesOf(packages: readonly SamplePackage[], files: LayerFiles): LayerFiles {
  return { "lib/apk/db/installed": databaseOf(packages), ...files };
}

/** An image with these packages; of Alpine, unless other files are given. */
export async function imageInventory(
  packages: readonly SamplePackage[],
  files: LayerFiles = alpineRelease,
  reading: Pick<InventoryOptions, "checksums" | "inspects"> = {},
): Promise<Inventory> {
  const image = await layeredImage([{ createdBy: "ADD", files: filesOf(packages, files) }]);
  return readInventory({ kind: "image", image }, reading);
}

/** A root that is no image. */
export async function rootInventory(
  packages: readonly SamplePackage[],
  files: LayerFiles = alpineRelease,
): Promise<Inventory> {
  const tar = () => layerTar(filesOf(packages, files));
  const tree = await readLayers([{ subject: "layer", tar }], {});
  return takeInventory({ subject: "/home/someone/root", layers: [{}], tree }, defaultLimits);
}

/** Two binary packages of one source, a library of another, and one that states next to nothing. */
export const sampleContents: readonly SamplePackage[] = [
  {
    name: "ssl_client",
    version: "1.36.1-r15",
    arch: "x86_64",
    identity: "Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    description: "External ssl_client for busybox wget",
    url: "https://busybox.net/",
    license: "GPL-2.0-only",
    origin: "busybox",
    maintainer: "Sören Tempel <soeren+alpine@soeren-tempel.net>",
    depends: atoms("so:libcrypto.so.3", "busybox", "!other"),
  },
  {
    name: "busybox",
    version: "1.36.1-r15",
    arch: "x86_64",
    identity: "Q1AQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    license: "GPL-2.0-only",
    origin: "busybox",
    maintainer: "Sören Tempel <soeren+alpine@soeren-tempel.net>",
    depends: atoms("busybox"),
  },
  {
    name: "libcrypto3",
    version: "3.1.4-r5",
    arch: "x86_64",
    identity: "Q1AgICAgICAgICAgICAgICAgICAgI=",
    license: "Apache-2.0 AND custom",
    origin: "openssl",
    maintainer: "Somebody",
    provides: atoms("so:libcrypto.so.3=3"),
  },
  { name: "bare", version: "0" },
];

export const sampleWorld = { ...alpineRelease, "etc/apk/world": "ssl_client\nbare\nabsent\n" };

function atoms(...texts: readonly string[]) {
  return texts.map(parseAtom);
}
