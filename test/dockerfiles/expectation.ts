/** What a case must come to: what buildah has made of it, but for the places where BuildKit is another. */
import { isDeepStrictEqual } from "node:util";
import type { Difference, DockerfileCase } from "./cases.ts";
import type { ImageListing } from "./image-listing.ts";

/** What buildah leaves in an image whose base lacks it: the file that it mounted its own on. */
const residue: Readonly<Record<string, string>> = { "etc/resolv.conf": 'file 755 0:0 ""' };

export interface Expectation extends ImageListing {
  /** Differences that the case names and that are none: the table is out of date. */
  readonly stale: readonly string[];
}

export function expectationOf(each: DockerfileCase, reference: ImageListing): Expectation {
  const tree: Record<string, string> = { ...reference.tree };
  for (const [path, line] of Object.entries(residue)) if (tree[path] === line) delete tree[path];
  const config: Record<string, unknown> = { ...reference.config };
  const stale: string[] = [];
  for (const difference of each.differs ?? [])
    stale.push(
      ...applyChanges(tree, difference.tree, difference),
      ...applyChanges(config, difference.config, difference),
    );
  return { tree, config, stale };
}

/** Gives the changes that change nothing. */
function applyChanges(
  values: Record<string, unknown>,
  changes: Readonly<Record<string, unknown>> | undefined,
  { why }: Difference,
): readonly string[] {
  const stale: string[] = [];
  for (const [name, value] of Object.entries(changes ?? {})) {
    if (isDeepStrictEqual(values[name], value ?? undefined)) stale.push(`${name}: ${why}`);
    if (value === null) delete values[name];
    else values[name] = value;
  }
  return stale;
}
