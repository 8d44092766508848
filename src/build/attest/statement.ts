/**
 * Statements: what is said (the predicate) about which images (the subjects), as in-toto writes it
 * (in-toto/attestation, spec/v1/statement.md). Images are named as BuildKit names them.
 */
import { concatBytes, encodeText, type Digest } from "../../base/index.ts";
import { formatPlatform, shortReference, type Platform, type Reference } from "../../oci/index.ts";
import { formatPackageUrl } from "../../sbom/index.ts";

export const predicateTypes = {
  spdx: "https://spdx.dev/Document",
  cycloneDx: "https://cyclonedx.org/bom",
  provenance: "https://slsa.dev/provenance/v1",
  provenance02: "https://slsa.dev/provenance/v0.2",
} as const;

export interface StatementSubject {
  readonly name: string;
  readonly digest: Digest;
}

export interface Predicate {
  /** A URI. */
  readonly type: string;
  /** JSON text, which stands in the statement as it is. */
  readonly text: string;
}

/** The bytes of a statement. */
export function encodeStatement(
  subjects: readonly StatementSubject[],
  predicate: Predicate,
): Uint8Array {
  const head = JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: subjects.map(({ name, digest }) => ({ name, digest: digestSet(digest) })),
    predicateType: predicate.type,
  });
  return concatBytes([
    encodeText(`${head.slice(0, -1)},"predicate":`),
    encodeText(predicate.text.trim()),
    encodeText("}"),
  ]);
}

/** What in-toto wants for a name where there is none. */
const noName = "_";

/** An image under each of its names; `digest` is that of its manifest. */
export function imageSubjects(
  digest: Digest,
  platform: Platform,
  references: readonly Reference[],
): readonly StatementSubject[] {
  if (references.length === 0) return [{ name: noName, digest }];
  return references.map(({ registry, repository, tag }) => {
    const named = { registry, repository, ...(tag === undefined ? {} : { tag }) };
    return { name: imageUrl(named, platform), digest };
  });
}

/**
 * The purl of an image as BuildKit writes it: the name as people type it, registry and all, a tag before
 * a digest as the version, the platform as a qualifier.
 */
export function imageUrl(
  { registry, repository, tag, digest }: Reference,
  platform: Platform | undefined,
): string {
  const path = shortReference({ registry, repository });
  const slash = path.lastIndexOf("/");
  const version = tag ?? digest;
  return formatPackageUrl({
    type: "docker",
    namespace: slash === -1 ? "" : path.slice(0, slash),
    name: path.slice(slash + 1),
    ...(version === undefined ? {} : { version }),
    qualifiers: {
      digest: tag === undefined ? undefined : digest,
      platform: platform && formatPlatform(platform),
    },
  });
}

/** A digest as in-toto has it: hex by algorithm. */
export function digestSet(digest: Digest): Readonly<Record<string, string>> {
  return { sha256: digest.slice("sha256:".length) };
}
