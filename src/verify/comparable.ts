/** What can be compared at all in a tree: owners and extended attributes may have been lost on its way. */
import type { Inventory } from "../inventory/index.ts";
import { walkTree } from "../tree/index.ts";
import type { Comparable } from "./compare.ts";

export interface Comparability extends Comparable {
  /** What is not compared, and why. */
  readonly notes: readonly string[];
}

/**
 * A plain user who unpacks a root cannot give files to root: then nothing belongs to root. An archiver
 * that knows no extended attributes drops all of them.
 */
export function findComparable({ tree, image, packages }: Inventory): Comparability {
  let owners = image !== undefined;
  let xattrs = false;
  for (const { path, node } of walkTree(tree.top)) {
    // A folder that no layer has an entry of is root's by default.
    owners ||= node.uid === 0 && tree.layerOf(path) !== undefined;
    xattrs ||= node.xattrs !== undefined && node.xattrs.size > 0;
  }
  const lost =
    !xattrs &&
    packages.some(({ installed }) =>
      installed.directories.some(
        ({ xattrHash, files }) =>
          xattrHash !== undefined || files.some((file) => file.xattrHash !== undefined),
      ),
    );
  return {
    owners,
    xattrs,
    notes: [
      ...(owners ? [] : ["Owners were not compared: nothing here belongs to root."]),
      ...(lost
        ? ["Extended attributes were not compared: packages have some, and nothing here has any."]
        : []),
    ],
  };
}
