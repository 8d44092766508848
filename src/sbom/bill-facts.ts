/** What bivy states of the parts of a bill beyond the fields of its formats, in a fixed order. */
import type { Bill, BillComponent, BillFile, BillPackage } from "./bill.ts";
import { factNames, labelFactPrefix, listFactName, type Fact } from "./facts.ts";
import type { SbomContents } from "./read/sbom-document.ts";

/** Facts without those whose value is not known. */
function known(
  entries: readonly (readonly [name: string, value: string | number | boolean | undefined])[],
): readonly Fact[] {
  return entries.flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: String(value) }],
  );
}

/** Of the document as a whole. */
export function documentFacts({ contents }: Bill): readonly Fact[] {
  const { layers, repositories, labels } = contents;
  return known([
    [factNames.layerCount, layers.length],
    ...layers.flatMap(
      ({ digest, diffId, createdBy }, at) =>
        [
          [listFactName("layers", at, "digest"), digest],
          [listFactName("layers", at, "diff-id"), diffId],
          [listFactName("layers", at, "created-by"), createdBy],
        ] as const,
    ),
    ...repositories.flatMap(
      ({ url, tag }, at) =>
        [
          [listFactName("repositories", at, "url"), url],
          [listFactName("repositories", at, "tag"), tag],
        ] as const,
    ),
    ...Array.from(labels, ([name, value]) => [`${labelFactPrefix}${name}`, value] as const),
  ]);
}

export function distributionFacts({ distribution }: SbomContents): readonly Fact[] {
  return known([
    [factNames.distributionName, distribution?.name],
    [factNames.distributionPath, distribution?.path],
    ...(distribution?.like ?? []).map((each) => [factNames.distributionLike, each] as const),
  ]);
}

/** What a document's own fields and names give back of a package. */
export interface FieldsAsRead {
  /** What the document calls the package before it on its path from world. */
  readonly requiredBy: string | undefined;
  readonly license: string | undefined;
  readonly maintainer: string | undefined;
}

export function packageFacts(
  each: BillPackage,
  { layers }: SbomContents,
  read: FieldsAsRead,
): readonly Fact[] {
  const { license, maintainer, repository, layer, checksum } = each;
  return known([
    [factNames.origin, each.origin],
    [factNames.identity, each.identity],
    // A hash counts as that of the file, which apk's identity is not.
    [factNames.hashOf, checksum === undefined ? undefined : "control section"],
    [factNames.license, license === read.license ? undefined : license],
    [factNames.maintainer, maintainer === read.maintainer ? undefined : maintainer],
    [factNames.tag, each.tag],
    [factNames.world, each.inWorld],
    [factNames.requiredBy, read.requiredBy],
    [factNames.repositoryBranch, repository?.branch],
    [factNames.repositoryName, repository?.name],
    [factNames.repositoryUrl, repository?.url],
    [factNames.repositoryEvidence, repository?.evidence],
    [factNames.commit, each.commit],
    [factNames.buildTime, each.buildTime],
    ...layerFacts(layer, layers),
  ]);
}

export function componentFacts(
  { ecosystem, path, owner, layer }: BillComponent,
  { layers }: SbomContents,
): readonly Fact[] {
  return known([
    [factNames.ecosystem, ecosystem],
    [factNames.languagePath, path],
    [factNames.languageOwner, owner],
    ...layerFacts(layer, layers),
  ]);
}

export function fileFacts({ owner, layer }: BillFile, { layers }: SbomContents): readonly Fact[] {
  return known([[factNames.fileOwner, owner], ...layerFacts(layer, layers)]);
}

function layerFacts(
  layer: number | undefined,
  layers: SbomContents["layers"],
): readonly (readonly [string, string | number | undefined])[] {
  return [
    [factNames.layerIndex, layer],
    [factNames.layerDigest, layers[layer ?? -1]?.digest],
    [factNames.layerDiffId, layers[layer ?? -1]?.diffId],
  ];
}

/**
 * What Trivy looks for, by its names without their prefix: without the source package it would take a
 * subpackage for one of which no advisory speaks.
 */
export function trivyFacts(
  { name, version, origin, layer }: BillPackage,
  { layers, distribution }: SbomContents,
): readonly Fact[] {
  return known([
    ["PkgID", `${name}@${version}`],
    ["PkgType", distribution?.id],
    ["SrcName", origin],
    // All packages of a source have its version.
    ["SrcVersion", version],
    ["LayerDiffID", layers[layer ?? -1]?.diffId],
    ["LayerDigest", layers[layer ?? -1]?.digest],
  ]);
}
