/**
 * Fit: whether what a statement names is the package of a finding, or the image that was scanned.
 *
 * A `pkg:apk` purl names a package by its name, or all packages of an origin. Whatever else the purl
 * states must hold; what it does not state may be anything. The digest of an image names exactly that
 * image; a `pkg:oci` purl without one names every image of its `repository_url`.
 */
import { isBivyError, tryParseDigest, type Digest } from "../../base/index.ts";
import { alpineBranch, type Distribution, type PackageUrl } from "../../inventory/index.ts";
import { parseImageLocator, tryParseReference, type Reference } from "../../oci/index.ts";
import type { ScanPackage, ScanSubject } from "../subject.ts";
import { isImagePurl } from "./component.ts";
import type { VexComponent, VexProduct } from "./statement.ts";

/** What of a subject a statement can be about. */
export type VexSubject = Pick<ScanSubject, "name" | "digest" | "distribution">;

/** How closely a product is named; what is named more closely is larger. */
export const closeness = { none: 0, image: 1, origin: 2, package: 3 } as const;

export type Closeness = (typeof closeness)[keyof typeof closeness];

/** How closely a product names the package in the subject; `none` where it is something else. */
export function productFit(product: VexProduct, each: ScanPackage, subject: VexSubject): Closeness {
  const direct = packageFit(product, each, subject.distribution);
  if (direct !== closeness.none) return direct;
  if (!namesImage(product, subject)) return closeness.none;
  if (product.subcomponents === undefined) return closeness.image;
  let best: Closeness = closeness.none;
  for (const part of product.subcomponents) {
    const fit = packageFit(part, each, subject.distribution);
    if (fit > best) best = fit;
  }
  return best;
}

function packageFit(
  { purls }: VexComponent,
  each: ScanPackage,
  distribution: Distribution | undefined,
): Closeness {
  let best: Closeness = closeness.none;
  for (const purl of purls) {
    const fit = purlFit(purl, each, distribution);
    if (fit > best) best = fit;
  }
  return best;
}

function purlFit(
  purl: PackageUrl,
  { name, origin, version, arch }: ScanPackage,
  distribution: Distribution | undefined,
): Closeness {
  if (purl.type !== "apk") return closeness.none;
  const isName = sameWord(purl.name, name);
  if (!isName && !sameWord(purl.name, origin)) return closeness.none;
  if (purl.version !== undefined && purl.version !== version) return closeness.none;
  const { namespace, qualifiers = {} } = purl;
  if (namespace !== undefined && !sameWord(namespace, distribution?.id ?? namespace))
    return closeness.none;
  if (!fitsArch(qualifiers["arch"], arch)) return closeness.none;
  if (!fitsDistribution(qualifiers["distro"], distribution)) return closeness.none;
  const upstream = qualifiers["upstream"] ?? qualifiers["origin"];
  if (upstream !== undefined && !sameWord(upstream.split("@", 1)[0]!, origin))
    return closeness.none;
  return isName ? closeness.package : closeness.origin;
}

/** Names in purls of type apk are in lower case, whatever the package is called. */
function sameWord(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

const anyArch = "noarch";

function fitsArch(stated: string | undefined, arch: string | undefined): boolean {
  if (stated === undefined || arch === undefined) return true;
  return stated === arch || stated === anyArch || arch === anyArch;
}

/**
 * `alpine-3.19.1`, `alpine-3.19`, `3.19.1`, `wolfi`. All releases of a branch have the same packages:
 * which of them an image began with does not matter.
 */
function fitsDistribution(
  stated: string | undefined,
  distribution: Distribution | undefined,
): boolean {
  if (stated === undefined || distribution === undefined) return true;
  const { branch, id } = distribution;
  if (stated === branch) return true;
  const [, statedId, version = ""] = /^(?:([a-z][a-z_]*)(?:-|$))?v?(.*)$/i.exec(stated) ?? [];
  if (statedId !== undefined && !sameWord(statedId, id)) return false;
  if (version === "" || distribution.version === undefined) return true;
  if (branch !== undefined) return version === branch || alpineBranch(version) === branch;
  return version === distribution.version || distribution.version.startsWith(`${version}.`);
}

function namesImage({ purls, digests }: VexProduct, subject: VexSubject): boolean {
  if (digests.length > 0 && digestsOf(subject).some((digest) => digests.includes(digest)))
    return true;
  const reference = referenceOf(subject);
  return reference !== undefined && purls.some((purl) => namesReference(purl, reference));
}

/** An image that was named by the digest of its index is of that index. */
function digestsOf({ name, digest }: VexSubject): readonly Digest[] {
  const named = tryParseDigest(name.slice(name.lastIndexOf("@") + 1));
  return [digest, named].filter((each) => each !== undefined);
}

/** The reference by which a subject was named, if it was. */
export function referenceOf({ name }: Pick<VexSubject, "name">): Reference | undefined {
  try {
    const locator = parseImageLocator(name);
    return "reference" in locator ? locator.reference : undefined;
  } catch (error) {
    if (isBivyError(error)) return undefined;
    throw error;
  }
}

function namesReference(purl: PackageUrl, reference: Reference): boolean {
  if (!isImagePurl(purl) || purl.version !== undefined) return false;
  const { repository_url: url, tag: stated } = purl.qualifiers ?? {};
  if (url === undefined) return false;
  const named = tryParseReference(url.replace(/^(?:https?|docker):\/\//, ""));
  if (named?.registry !== reference.registry || named.repository !== reference.repository)
    return false;
  // A bare digest says of no tag that it is the image's.
  const tag = reference.digest === undefined ? "latest" : undefined;
  return stated === undefined || stated === (reference.tag ?? tag);
}
