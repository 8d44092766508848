/** The distribution of a document: a component or field of its own names it, or else the purls do. */
import { alpineBranch, type Distribution } from "../../inventory/index.ts";
import { factNames } from "../facts.ts";
import type { StatedComponent, StatedDistribution, StatedDocument } from "./stated.ts";

export function distributionOfDocument(
  { distribution, facts }: StatedDocument,
  packages: readonly StatedComponent[],
  subject: string,
  problems: string[],
): Distribution | undefined {
  // bivy's documents name the distribution where it is known; their purls must name a vendor all the same.
  const isOwn = facts.has(factNames.layerCount);
  const stated = isOwn ? undefined : distributionOfPackages(packages, subject, problems);
  const { id, version, name, path = subject, like } = { ...stated, ...distribution };
  if (id === undefined) return undefined;
  const isAlpine = id === "alpine";
  // A component may name the distribution alone, and the purls its version.
  const known =
    version ?? (distribution === undefined || stated?.id === id ? stated?.version : undefined);
  const branch = isAlpine && known !== undefined ? alpineBranch(known) : undefined;
  return {
    id,
    name: name ?? (isAlpine ? "Alpine Linux" : id),
    ...(known === undefined ? {} : { version: known }),
    ...(branch === undefined ? {} : { branch }),
    ...(like === undefined || like.length === 0 ? {} : { like }),
    path,
  };
}

/** That which most packages are of. */
function distributionOfPackages(
  packages: readonly StatedComponent[],
  subject: string,
  problems: string[],
): StatedDistribution | undefined {
  const counts = new Map<string, { readonly stated: StatedDistribution; count: number }>();
  for (const { purl } of packages) {
    const stated = distributionOfPurl(purl);
    if (stated === undefined) continue;
    const key = JSON.stringify([stated.id, stated.version]);
    const found = counts.get(key);
    if (found === undefined) counts.set(key, { stated, count: 1 });
    else found.count += 1;
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count);
  // A package URL without a version does not contradict one that has it.
  const versions = new Set(sorted.map(({ stated }) => stated.version).filter(Boolean));
  if (versions.size > 1)
    problems.push(
      `${subject}: its packages are said to be of ${versions.size} releases; that of most of them counts`,
    );
  return (sorted.find(({ stated }) => stated.version !== undefined) ?? sorted[0])?.stated;
}

/** Tools write `distro=alpine-3.19.1`, `distro=3.19.1`, or `os_name=alpine&os_version=3.19.1`. */
function distributionOfPurl(purl: StatedComponent["purl"]): StatedDistribution | undefined {
  if (purl === undefined) return undefined;
  const { distro, os_name: osName, os_version: osVersion } = purl.qualifiers ?? {};
  const namespace = purl.namespace ?? (purl.type === "alpine" ? "alpine" : undefined);
  const id = (osName ?? namespace)?.toLowerCase();
  if (id === undefined) return undefined;
  const label = distro?.toLowerCase().startsWith(`${id}-`) ? distro.slice(id.length + 1) : distro;
  const version = osVersion ?? (label?.toLowerCase() === id ? undefined : label);
  return { id, ...(version === undefined ? {} : { version }) };
}
