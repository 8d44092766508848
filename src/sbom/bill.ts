/**
 * The bill of materials: what SPDX and CycloneDX both say about an image, before it has a format. All
 * lists are sorted, so that the order of a database does not show.
 */
import { comparePackages, tryParseChecksum, type InstalledPackage } from "../apk/index.ts";
import { compareNames, type Digest } from "../base/index.ts";
import { dependencyGraph, type Inventory, type PackageNode } from "../inventory/index.ts";
import { shortReference, type Reference } from "../oci/index.ts";
import { tryParseLicense, type LicenseStatement } from "./license.ts";
import { apkPackageUrl, imagePackageUrl } from "./package-url.ts";

export interface SbomOptions {
  /** When the document counts as made: seconds since 1970. */
  readonly time: number;
  /** That of bivy, which makes the document. */
  readonly version: string;
  /** What the image is called, where it has a name. */
  readonly reference?: Reference;
}

export interface Bill {
  readonly subject: BillSubject;
  readonly distribution: BillDistribution | undefined;
  /** By name, then version. */
  readonly packages: readonly BillPackage[];
}

/** What the bill is about. */
export interface BillSubject {
  /** Of this and of all that has one: its name in the document, of letters, digits, `.` and `-`. */
  readonly id: string;
  readonly name: string;
  /** Of the manifest; undefined for a root that is no image. */
  readonly digest: Digest | undefined;
  readonly purl: string | undefined;
  /** The ids of the packages that world asks for. */
  readonly dependsOn: readonly string[];
}

export interface BillDistribution {
  readonly id: string;
  /** As os-release has it, such as `alpine`. */
  readonly name: string;
  readonly version: string | undefined;
}

export interface BillPackage {
  readonly id: string;
  readonly installed: InstalledPackage;
  readonly purl: string;
  /** Undefined where the package states none. */
  readonly license: LicenseStatement | undefined;
  /** Undefined where the database has none, or not a whole one. */
  readonly checksum: BillChecksum | undefined;
  readonly maintainer: Maintainer | undefined;
  /** Undefined where it is no address of a web page. */
  readonly homepage: string | undefined;
  /** The ids of the packages that meet its dependencies. */
  readonly dependsOn: readonly string[];
}

/**
 * The identity (`C:`) of a package: the checksum of its control section, which holds that of the data.
 * It names one build, but it is not the checksum of the package's file.
 */
export interface BillChecksum {
  readonly algorithm: "sha1" | "sha256";
  readonly hex: string;
}

export interface Maintainer {
  readonly name: string;
  readonly email: string | undefined;
}

/** The bill of materials of an inventory. */
export function billOf(inventory: Inventory, options: SbomOptions): Bill {
  const { distribution, world } = inventory;
  const installed = inventory.packages
    .map((each) => each.installed)
    .sort((a, b) => comparePackages(a, b) || compareNames(a.identity, b.identity));
  const ids = uniqueIds(installed.map(({ name }) => name));
  const graph = dependencyGraph(installed, world);
  const idsOf = (nodes: readonly PackageNode[]): string[] =>
    Array.from(new Set(nodes), ({ position }) => ids[position]!).sort(compareNames);
  return {
    subject: {
      ...describeSubject(inventory, options),
      dependsOn: idsOf(graph.world.flatMap(({ satisfiedBy }) => satisfiedBy)),
    },
    distribution: distribution && {
      id: "distribution",
      name: distribution.id,
      version: distribution.version,
    },
    packages: graph.nodes.map((node) => ({
      id: ids[node.position]!,
      installed: node.package,
      purl: apkPackageUrl(node.package, distribution),
      license: tryParseLicense(node.package.license),
      checksum: tryReadChecksum(node.package.identity),
      maintainer: tryParseMaintainer(node.package.maintainer),
      homepage: isWebPage(node.package.url) ? node.package.url : undefined,
      dependsOn: idsOf(
        node.dependencies.flatMap(({ satisfiedBy }) => satisfiedBy).filter((each) => each !== node),
      ),
    })),
  };
}

/** Not what messages call it: that can be a path of this machine. */
function describeSubject(
  { image, config }: Inventory,
  { reference }: SbomOptions,
): Omit<BillSubject, "dependsOn"> {
  const digest = image?.digest;
  return {
    id: "image",
    name: reference === undefined ? (image === undefined ? "root" : "image") : nameOf(reference),
    digest,
    purl:
      reference === undefined || digest === undefined || config === undefined
        ? undefined
        : imagePackageUrl(reference, digest, config),
  };
}

function nameOf({ registry, repository, tag }: Reference): string {
  return shortReference({ registry, repository, ...(tag === undefined ? {} : { tag }) });
}

/** Names have characters that ids must not have; those that become equal are numbered. */
function uniqueIds(names: readonly string[]): readonly string[] {
  const used = new Map<string, number>();
  return names.map((name) => {
    const plain = `package-${name.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;
    let count = used.get(plain) ?? 0;
    let id = plain;
    while (count > 0 && used.has(id)) id = `${plain}-${++count}`;
    used.set(plain, Math.max(count, 1));
    if (id !== plain) used.set(id, 1);
    return id;
  });
}

/** A Q2 that was cut to 20 bytes is a checksum of no algorithm. */
function tryReadChecksum(identity: string): BillChecksum | undefined {
  const bytes = tryParseChecksum(identity);
  if (bytes === undefined) return undefined;
  const hex = Buffer.from(bytes).toString("hex");
  if (bytes.length === 32) return { algorithm: "sha256", hex };
  return bytes.length === 20 && identity[1] === "1" ? { algorithm: "sha1", hex } : undefined;
}

/** `NAME <ADDRESS>`, or a name alone. */
function tryParseMaintainer(text: string): Maintainer | undefined {
  const match = /^([^<>]*)<([\w.+-]+@[\w.-]+)>\s*$/.exec(text);
  const name = (match?.[1] ?? text).trim();
  const email = match?.[2];
  return name === "" && email === undefined ? undefined : { name: name || email!, email };
}

function isWebPage(url: string): boolean {
  return /^https?:\/\/[\x21-\x7e]+$/.test(url) && URL.canParse(url);
}
