/** Components: how the things that a statement names are read from a document. */
import { tryParseDigest, type Digest } from "../../base/index.ts";
import type { PackageUrl } from "../../inventory/index.ts";
import { tryParsePackageUrl } from "../../sbom/index.ts";
import type { VexComponent, VexProduct } from "./statement.ts";

/** Each text may be a purl, the digest of an image, or a reference that ends with one. */
export function componentOf(
  texts: readonly string[],
  hashes: readonly string[] = [],
): VexComponent {
  const purls = texts.map(tryParsePackageUrl).filter((purl) => purl !== undefined);
  const digests = [
    ...texts.map(digestOfText),
    ...hashes.map((hex) => tryParseDigest(`sha256:${hex.toLowerCase()}`)),
  ];
  return { purls, digests: [...new Set(digests.filter((digest) => digest !== undefined))] };
}

export function productOf(
  text: string,
  component: VexComponent,
  subcomponents?: readonly VexComponent[],
): VexProduct {
  return { text, ...component, ...(subcomponents === undefined ? {} : { subcomponents }) };
}

/** Whether anything that can be found in a scan is named. */
export function isIdentified({ purls, digests }: VexComponent): boolean {
  return purls.length > 0 || digests.length > 0;
}

const imageTypes: ReadonlySet<string> = new Set(["oci", "docker"]);

export function isImagePurl({ type }: PackageUrl): boolean {
  return imageTypes.has(type);
}

function digestOfText(text: string): Digest | undefined {
  const purl = tryParsePackageUrl(text);
  if (purl === undefined) return tryParseDigest(text.slice(text.lastIndexOf("@") + 1));
  return isImagePurl(purl) ? tryParseDigest(purl.version ?? "") : undefined;
}
