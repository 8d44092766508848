/** Resolved dependencies: what a build took in from outside, each by its URI and what it was exactly. */
import { tryParseChecksum } from "../../apk/index.ts";
import { compareNames, type Digest } from "../../base/index.ts";
import { redactCredentials } from "../../http/index.ts";
import { type Platform, type Reference } from "../../oci/index.ts";
import { apkPackageUrl } from "../../sbom/index.ts";
import { digestSet, imageUrl } from "./statement.ts";

/** An image that a stage builds on or that files are taken from. */
export interface ProvenanceImage {
  /** As the Dockerfile names it. */
  readonly reference: Reference;
  /** What the name stood for: the digest of the index or manifest. */
  readonly digest: Digest;
  readonly platform: Platform;
}

/** A file that ADD fetched. */
export interface ProvenanceDownload {
  readonly url: string;
  readonly digest: Digest;
}

/** A commit of a git repository. */
export interface ProvenanceCommit {
  /** Without the part after `#`. */
  readonly url: string;
  /** The branch, tag or commit that was asked for. */
  readonly ref?: string;
  /** Hex, of SHA-1 or SHA-256. */
  readonly commit: string;
}

/** A package that the lock of the build names. */
export interface ProvenancePackage {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly origin: string;
  /** The `C:` value. */
  readonly identity: string;
  /** URL or path of its file. A path is not written: it says something of this machine only. */
  readonly location?: string;
  /** What it was installed into, where that is known. */
  readonly distribution?: { readonly id: string; readonly version?: string };
}

export interface Dependencies {
  readonly images: readonly ProvenanceImage[];
  readonly downloads: readonly ProvenanceDownload[];
  readonly commits: readonly ProvenanceCommit[];
  readonly packages: readonly ProvenancePackage[];
}

/** in-toto's ResourceDescriptor. */
export interface Resource {
  readonly uri: string;
  readonly digest?: Readonly<Record<string, string>>;
  readonly downloadLocation?: string;
}

/** Each once, sorted by URI. */
export function resolvedDependencies(parts: Dependencies): readonly Resource[] {
  const resources: readonly Resource[] = [
    ...parts.images.map(({ reference, digest, platform }) => ({
      uri: imageUrl({ ...reference, digest }, platform),
      digest: digestSet(digest),
    })),
    ...parts.downloads.map(({ url, digest }) => ({
      uri: withoutSecrets(url),
      digest: digestSet(digest),
    })),
    ...parts.commits.map(describeCommit),
    ...parts.packages.map(describePackage),
  ];
  const byText = new Map(resources.map((each) => [JSON.stringify(each), each]));
  return Array.from(byText)
    .sort(([a, { uri: x }], [b, { uri: y }]) => compareNames(x, y) || compareNames(a, b))
    .map(([, resource]) => resource);
}

/** A commit as SPDX writes the location of one, so that it is not taken for a file. */
export function describeCommit({ url, ref, commit }: ProvenanceCommit): Resource {
  const plain = withoutSecrets(url);
  const located = plain.startsWith("git+") ? plain : `git+${plain}`;
  return {
    uri: ref === undefined ? located : `${located}@${ref}`,
    digest: { gitCommit: commit },
  };
}

/** The digest is of the control section, which holds that of the data: no name for it exists. */
function describePackage(each: ProvenancePackage): Resource {
  const bytes = tryParseChecksum(each.identity);
  const algorithm = bytes?.length === 32 ? "apkControlSha256" : "apkControlSha1";
  const { location = "" } = each;
  return {
    uri: apkPackageUrl(each, each.distribution),
    ...(bytes === undefined ? {} : { digest: { [algorithm]: Buffer.from(bytes).toString("hex") } }),
    ...(/^https?:/i.test(location) ? { downloadLocation: withoutSecrets(location) } : {}),
  };
}

/** A URL without its userinfo, and with an ellipsis for what looks like a secret in its query. */
export function withoutSecrets(url: string): string {
  return redactCredentials(url).replaceAll("…", "%E2%80%A6");
}
