/** Package URLs (purl) of what a bill names: apk packages, and images in a registry. */
import type { Package } from "../apk/index.ts";
import type { Digest } from "../base/index.ts";
import { formatPackageUrl, type Distribution } from "../inventory/index.ts";
import type { Platform, Reference } from "../oci/index.ts";

export { formatPackageUrl, type PackageUrl } from "../inventory/index.ts";

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
