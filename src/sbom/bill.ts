/**
 * The bill of materials: what SPDX and CycloneDX both say about an image, before it has a format. All
 * lists are sorted, so that the order of a database does not show.
 */
import { comparePackageNames, compareVersions, tryParseChecksum } from "../apk/index.ts";
import { compareNames } from "../base/index.ts";
import { formatPackageUrl, type Inventory } from "../inventory/index.ts";
import { contentsOf, type InventoryContentsOptions } from "./inventory-contents.ts";
import { tryParseLicense, type LicenseStatement } from "./license.ts";
import { apkPackageUrl } from "./package-url.ts";
import type {
  SbomComponent,
  SbomContents,
  SbomDocument,
  SbomFile,
  SbomPackage,
} from "./read/sbom-document.ts";
import { supplierOf, type Organization } from "./supplier.ts";

export interface SbomOptions extends InventoryContentsOptions {
  /** When the document counts as made: seconds since 1970. */
  readonly time: number;
  /** That of bivy, which makes the document. */
  readonly version: string;
  /** Who states it; default bivy, which made it by itself. */
  readonly author?: string;
  /** When in the life of the image it was made: while it was built, or later from the image. */
  readonly phase?: "build" | "post-build";
}

/** What a bill is made of: an inventory, or what was read from another bill. */
export type SbomSource = Inventory | SbomDocument;

export interface Bill {
  /** The name of the subject in the document. */
  readonly subjectId: string;
  /** The ids of the packages that world asks for; undefined where that is not known. */
  readonly worldIds: readonly string[] | undefined;
  readonly distributionId: string;
  readonly contents: SbomContents;
  /** By name, then version. */
  readonly packages: readonly BillPackage[];
  readonly others: readonly BillComponent[];
  readonly files: readonly BillFile[];
  /** The tool that made the document that this one is made of. */
  readonly formerTool: string | undefined;
}

export interface BillPackage extends SbomPackage {
  /** Of this and of all that has one: its name in the document, of letters, digits, `.` and `-`. */
  readonly id: string;
  readonly purl: string;
  readonly statedLicense: LicenseStatement | undefined;
  /** Undefined where the database has none, or not a whole one. */
  readonly checksum: BillChecksum | undefined;
  /** Who gives it out, where that is no person. */
  readonly organization: Organization | undefined;
  readonly contact: Maintainer | undefined;
  /** Undefined where it is no address of a web page. */
  readonly homepage: string | undefined;
  /** The ids of the packages that meet its dependencies; undefined where they are not known. */
  readonly needs: readonly string[] | undefined;
  /** The id of the package before it on its path from world. */
  readonly requiredBy: string | undefined;
}

export interface BillComponent extends SbomComponent {
  readonly id: string;
  readonly statedLicense: LicenseStatement | undefined;
}

export interface BillFile extends SbomFile {
  readonly id: string;
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

/** A root has one layer, too, of which nothing is known. */
export function isImage({ digest, layers }: SbomContents): boolean {
  return digest !== undefined || layers.some(({ diffId }) => diffId !== undefined);
}

export function billOf(source: SbomSource, options: SbomOptions): Bill {
  const isInventory = "tree" in source;
  const contents = isInventory ? contentsOf(source, options) : source;
  const sorted = contents.packages.toSorted(comparePackages);
  const ids = uniqueIds(sorted.map(({ name }) => `package-${name}`));
  const idOf = new Map<string, string>();
  for (const [at, { name }] of sorted.entries()) if (!idOf.has(name)) idOf.set(name, ids[at]!);
  const findBefore = predecessors(sorted, ids);
  const others = contents.others.toSorted(compareComponents);
  const otherIds = uniqueIds(others.map(({ ecosystem, name }) => `${ecosystem}-${name}`));
  return {
    subjectId: "image",
    worldIds: sorted.some(({ inWorld }) => inWorld === undefined)
      ? undefined
      : ids.filter((_, at) => sorted[at]!.inWorld === true),
    distributionId: "distribution",
    contents,
    packages: sorted.map((each, at): BillPackage => {
      const { license = "", identity = "", maintainer = "", url = "" } = each;
      return {
        ...each,
        id: ids[at]!,
        purl: apkPackageUrl({ arch: "", ...each }, contents.distribution),
        statedLicense: tryParseLicense(license),
        checksum: tryReadChecksum(identity),
        organization: supplierOf(each, contents),
        contact: tryParseMaintainer(maintainer),
        homepage: isWebPage(url) ? url : undefined,
        needs: each.dependsOn?.map((name) => idOf.get(name)).filter((id) => id !== undefined),
        requiredBy: findBefore(each),
      };
    }),
    others: others.map((each, at) => ({
      ...each,
      purl: each.purl === "" ? formatPackageUrl({ type: "generic", ...each }) : each.purl,
      id: otherIds[at]!,
      statedLicense: tryParseLicense(each.license ?? ""),
    })),
    files: (contents.files ?? []).map((each, at) => ({ ...each, id: `file-${at + 1}` })),
    formerTool: isInventory ? undefined : source.tool,
  };
}

function comparePackages(a: SbomPackage, b: SbomPackage): number {
  return (
    comparePackageNames(a.name, b.name) ||
    compareVersions(a.version, b.version) ||
    compareNames(a.identity ?? "", b.identity ?? "")
  );
}

function compareComponents(a: SbomComponent, b: SbomComponent): number {
  return (
    compareNames(a.ecosystem, b.ecosystem) ||
    compareNames(a.name, b.name) ||
    compareNames(a.version, b.version) ||
    compareNames(a.path ?? "", b.path ?? "")
  );
}

/** Names have characters that ids must not have; those that become equal are numbered. */
function uniqueIds(names: readonly string[]): readonly string[] {
  const used = new Map<string, number>();
  return names.map((name) => {
    const plain = name.replaceAll(/[^A-Za-z0-9.-]/g, "-");
    let count = used.get(plain) ?? 0;
    let id = plain;
    while (count > 0 && used.has(id)) id = `${plain}-${++count}`;
    used.set(plain, Math.max(count, 1));
    if (id !== plain) used.set(id, 1);
    return id;
  });
}

/** Finds, by the path of a package, the package before it on that path. */
function predecessors(
  packages: readonly SbomPackage[],
  ids: readonly string[],
): (each: SbomPackage) => string | undefined {
  const named = Map.groupBy(packages.keys(), (at) => packages[at]!.name);
  return ({ path = [] }) => {
    const before = named.get(path.at(-2) ?? "") ?? [];
    const found = before.find((at) => leadsTo(packages[at]!.path, path));
    return found === undefined ? undefined : ids[found];
  };
}

/** Whether a path is another one without its last step. */
function leadsTo(shorter: readonly string[] | undefined, path: readonly string[]): boolean {
  return shorter?.length === path.length - 1 && shorter.every((name, at) => name === path[at]);
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
