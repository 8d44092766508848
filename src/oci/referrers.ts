/**
 * Referrers: signatures, attestations and other manifests that are about an image, its subject. They
 * say so in the field `subject` (OCI image-spec, manifest.md), are listed by the index under the tag
 * `sha256-<hex>` where a registry has no referrers API (distribution-spec, "Referrers Tag Schema"),
 * or are known by their tag alone (cosign: `sha256-<hex>.sig`, `.att`, `.sbom`).
 */
import { tryParseDigest, type Digest } from "../base/index.ts";
import { bareDescriptor, type Descriptor } from "./descriptor.ts";
import { nameOf } from "./layout/layout-index.ts";
import { mediaTypeOf, type ManifestDocument } from "./manifest.ts";
import { isTag, tryParseReference } from "./reference.ts";
import { type ManifestReader } from "./layout/stored-manifest.ts";

const attachedSuffixes = ["sig", "att", "sbom"];
const tagForm = new RegExp(`^sha256-([0-9a-f]{64})(?:\\.(?:${attachedSuffixes.join("|")}))?$`);

/** The tag of the index that lists the referrers of an image. */
export function referrersTag(subject: Digest): string {
  return subject.replace(":", "-");
}

/** The tags under which cosign attaches signatures, attestations and an SBOM to an image. */
export function attachedTags(subject: Digest): readonly string[] {
  return attachedSuffixes.map((suffix) => `${referrersTag(subject)}.${suffix}`);
}

/** The image that a tag of this form is about. */
export function subjectOfTag(tag: string): Digest | undefined {
  const hex = tagForm.exec(tag)?.[1];
  return hex === undefined ? undefined : tryParseDigest(`sha256:${hex}`);
}

/** The tag of an entry, whether its name is that tag or a whole reference. */
function tagOf(entry: Descriptor): string | undefined {
  const name = nameOf(entry);
  if (name === undefined || isTag(name)) return name;
  const reference = tryParseReference(name);
  // A name that is neither was given by somebody, as a tag is.
  return reference === undefined ? name : reference.tag;
}

/**
 * The image that an entry of index.json is about, and goes with; undefined for one that stands for
 * itself. What has a tag that says nothing of a subject was named by somebody, and stands for itself.
 */
export async function subjectOfEntry(
  entry: Descriptor,
  read: ManifestReader,
): Promise<Digest | undefined> {
  const tag = tagOf(entry);
  return tag === undefined ? (await read(entry.digest))?.subject : subjectOfTag(tag);
}

/** The referrers of an image among the entries of an index.json, each once, in their order. */
export async function findReferrers(
  entries: readonly Descriptor[],
  subject: Digest,
  read: ManifestReader,
  artifactType?: string,
): Promise<readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  for (const entry of entries) {
    const manifest = await read(entry.digest);
    if (manifest?.document === undefined || manifest.isDamaged) continue;
    const { document } = manifest;
    const isList = document.kind === "index" && tagOf(entry) === referrersTag(subject);
    if (manifest.subject === subject) found.set(entry.digest, describeReferrer(entry, document));
    else if (isList)
      for (const listed of document.manifest.manifests) found.set(listed.digest, listed);
  }
  return [...found.values()].filter(
    (referrer) => artifactType === undefined || referrer.artifactType === artifactType,
  );
}

/** As a registry lists it (distribution-spec, "Listing Referrers"). */
export function describeReferrer(entry: Descriptor, document: ManifestDocument): Descriptor {
  const { annotations } = document.manifest;
  const artifactType = artifactTypeOf(document);
  return {
    ...bareDescriptor(entry),
    mediaType: mediaTypeOf(document),
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** What kind of artifact a manifest is: that of its config where it does not say so itself. */
function artifactTypeOf({ kind, manifest }: ManifestDocument): string | undefined {
  return manifest.artifactType ?? (kind === "image" ? manifest.config.mediaType : undefined);
}
