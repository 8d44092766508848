/**
 * Suppliers: who gives a package out, in the sense of NTIA's minimum elements: the organization that
 * builds and signs it, and not the person who looks after its recipe.
 */
import { repositoryOfUrl } from "../inventory/index.ts";
import type { SbomContents, SbomPackage } from "./read/sbom-document.ts";

export interface Organization {
  readonly name: string;
  readonly url: string;
}

const alpineLinux: Organization = { name: "Alpine Linux", url: "https://alpinelinux.org" };

/**
 * Alpine Linux, where each repository that a package of the root can be from has the form of Alpine's or
 * of a mirror's; undefined where somebody else may have built it.
 */
export function supplierOf(
  { tag }: SbomPackage,
  { distribution, repositories }: SbomContents,
): Organization | undefined {
  if (distribution?.id !== "alpine") return undefined;
  const lines = repositories.filter((each) => each.tag === tag);
  const isAlpines = lines.every(({ url }) => repositoryOfUrl(url)?.name !== undefined);
  return lines.length > 0 && isAlpines ? alpineLinux : undefined;
}
