/**
 * Facts: what bivy states in a bill of materials beyond its format's own fields, by name. In CycloneDX
 * they are properties; in SPDX, which has none, annotations of the form `NAME: VALUE`. The names and
 * their meaning are those of docs/formats/sbom.md.
 */

export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** The facts that a document states of one thing. A name may stand several times. */
export type Facts = ReadonlyMap<string, readonly string[]>;

export const factNames = {
  origin: "bivy:apk:origin",
  identity: "bivy:apk:identity",
  license: "bivy:apk:license",
  maintainer: "bivy:apk:maintainer",
  tag: "bivy:apk:tag",
  commit: "bivy:apk:commit",
  buildTime: "bivy:apk:build-time",
  /** `true` or `false`. */
  world: "bivy:apk:world",
  /** The id, in the document, of the package before it on its path from world. */
  requiredBy: "bivy:apk:required-by",
  /** What the hash of a package is the hash of. */
  hashOf: "bivy:apk:hash-of",
  repositoryBranch: "bivy:repository:branch",
  repositoryName: "bivy:repository:name",
  repositoryUrl: "bivy:repository:url",
  repositoryEvidence: "bivy:repository:evidence",
  /** Of the document: how many layers there are, of which something may be known. */
  layerCount: "bivy:layers:count",
  layerIndex: "bivy:layer:index",
  layerDigest: "bivy:layer:digest",
  layerDiffId: "bivy:layer:diff-id",
  distributionName: "bivy:distribution:name",
  distributionPath: "bivy:distribution:path",
  distributionLike: "bivy:distribution:like",
  ecosystem: "bivy:language:ecosystem",
  languagePath: "bivy:language:path",
  languageOwner: "bivy:language:owner",
  fileOwner: "bivy:file:owner",
} as const;

/** Of the document: a field of the layer, or of the line of etc/apk/repositories, at a place from 0. */
export function listFactName(list: "layers" | "repositories", at: number, field: string): string {
  return `bivy:${list}:${at}:${field}`;
}

/** Of the document: a label of the image. Only bivy's own, whose names have no other characters. */
export const labelFactPrefix = "bivy:label:";
export const ownLabel = /^dev\.bivy\.[\w.-]+$/;

export function firstFact(facts: Facts, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = facts.get(name)?.[0];
    if (value !== undefined) return value;
  }
  return undefined;
}
