/** Installed packages: what the database of apk says in the files of a stage. */
import { parseInstalled, type InstalledPackage } from "../../../apk/index.ts";
import { decodeName, readContent, type Limits } from "../../../base/index.ts";
import { findNode, resolveInRoot, type DirectoryNode } from "../../../tree/index.ts";

/** Where the database is: plain paths, the usual one first. */
export const databases = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/** The packages of a tree; undefined where it has no database of them. */
export async function readInstalled(
  tree: DirectoryNode,
  limits: Limits,
): Promise<readonly InstalledPackage[] | undefined> {
  const lookup = (path: string) => findNode(tree, path);
  const wide = { ...limits, "document-size": limits["index-size"] };
  for (const place of databases) {
    const node = findNode(tree, resolveInRoot({ lookup }, place));
    if (node?.kind !== "file") continue;
    const text = decodeName(await readContent(node.content, wide, place));
    return parseInstalled(text, { subject: `/${place}` });
  }
  return undefined;
}
