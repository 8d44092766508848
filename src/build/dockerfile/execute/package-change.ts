/** Which packages a build added to its base, took away, or brought to another version. */
import { type Limits } from "../../../base/index.ts";
import { type DirectoryNode } from "../../../tree/index.ts";
import { readInstalled } from "./installed-packages.ts";

export interface PackageChange {
  readonly name: string;
  /** The version in the base; undefined where it is not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Sorted by name; undefined where the tree has no database of packages. */
export async function comparePackages(
  before: DirectoryNode | undefined,
  after: DirectoryNode,
  limits: Limits,
): Promise<readonly PackageChange[] | undefined> {
  const now = await versionsIn(after, limits);
  if (now === undefined) return undefined;
  const then = (before && (await versionsIn(before, limits))) ?? new Map<string, string>();
  const names = [...new Set([...then.keys(), ...now.keys()])].sort();
  return names
    .map((name) => ({ name, before: then.get(name), after: now.get(name) }))
    .filter((change) => change.before !== change.after);
}

async function versionsIn(
  tree: DirectoryNode,
  limits: Limits,
): Promise<ReadonlyMap<string, string> | undefined> {
  const installed = await readInstalled(tree, limits);
  return installed && new Map(installed.map(({ name, version }) => [name, version]));
}
