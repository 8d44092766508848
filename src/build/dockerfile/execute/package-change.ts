/** Which packages a build added to its base, took away, or brought to another version. */
import { parseInstalled } from "../../../apk/index.ts";
import { decodeName, readContent, type Limits } from "../../../base/index.ts";
import { findNode, resolveInRoot, type DirectoryNode } from "../../../tree/index.ts";

export interface PackageChange {
  readonly name: string;
  /** The version in the base; undefined where it is not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const databases = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

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
  const lookup = (path: string) => findNode(tree, path);
  for (const place of databases) {
    const node = findNode(tree, resolveInRoot({ lookup }, place));
    if (node?.kind !== "file") continue;
    const text = decodeName(await readContent(node.content, limits, place));
    const installed = parseInstalled(text, { subject: `/${place}` });
    return new Map(installed.map(({ name, version }) => [name, version]));
  }
  return undefined;
}
