/**
 * Package URLs (purl): names of packages that hold across ecosystems, always in their one canonical
 * spelling (ECMA-427; package-url/purl-spec).
 */
import type { Package } from "../apk/index.ts";
import { compareNames, encodeName, type Digest } from "../base/index.ts";
import type { Distribution } from "../inventory/index.ts";
import type { Platform, Reference } from "../oci/index.ts";

export interface PackageUrl {
  /** Such as `apk`. */
  readonly type: string;
  /** Segments separated by `/`. */
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  /** What is empty or undefined is left out. */
  readonly qualifiers?: Readonly<Record<string, string | undefined>>;
}

export function formatPackageUrl(parts: PackageUrl): string {
  const { type, namespace = "", name, version = "", qualifiers = {} } = parts;
  const path = [...namespace.split("/").filter(Boolean), name].map(encodePart).join("/");
  const query = Object.entries(qualifiers)
    .filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "")
    .sort(([a], [b]) => compareNames(a, b))
    .map(([key, value]) => `${key}=${encodePart(value)}`)
    .join("&");
  const at = version === "" ? "" : `@${encodePart(version)}`;
  return `pkg:${type}/${path}${at}${query === "" ? "" : `?${query}`}`;
}

/** The colon is never encoded; bytes that are no UTF-8 stay what they are. */
function encodePart(text: string): string {
  if (/^[\w.~:-]*$/.test(text)) return text;
  let encoded = "";
  for (const byte of encodeName(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[\w.~:-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The vendor of apk packages where nothing in the image names one: a purl must have some. */
const defaultVendor = "alpine";

/**
 * The purl of an apk package. `upstream` names its origin where that is called otherwise, because
 * advisories go by it.
 */
export function apkPackageUrl(
  { name, version, arch, origin }: Pick<Package, "name" | "version" | "arch" | "origin">,
  distribution: Pick<Distribution, "id" | "version"> | undefined,
): string {
  return formatPackageUrl({
    type: "apk",
    namespace: (distribution?.id ?? defaultVendor).toLowerCase(),
    name: name.toLowerCase(),
    version,
    qualifiers: {
      arch,
      distro: distribution && distributionLabel(distribution),
      upstream: origin === name ? undefined : origin,
    },
  });
}

function distributionLabel({ id, version }: Pick<Distribution, "id" | "version">): string {
  return version === undefined ? id : `${id}-${version}`;
}

/** The purl of an image in a registry, of which the digest is that of its manifest. */
export function imagePackageUrl(
  { registry, repository, tag }: Reference,
  digest: Digest,
  { architecture }: Pick<Platform, "architecture">,
): string {
  return formatPackageUrl({
    type: "oci",
    name: repository.slice(repository.lastIndexOf("/") + 1),
    version: digest,
    qualifiers: { arch: architecture, repository_url: `${registry}/${repository}`, tag },
  });
}
