/** Root readers: how the files of a stage's base, and of the build context, are looked at. */
import { isBivyError, readContent, type Limits } from "../../../base/index.ts";
import { findNode, resolveInRoot, type DirectoryNode, type TreeNode } from "../../../tree/index.ts";

/** Files of a root by their plain paths, such as `etc/apk/world`. Links are followed inside the root. */
export interface RootReader {
  /** Undefined where there is no file, or one with more bytes than `most`. */
  read(path: string, most?: number): Promise<Uint8Array | undefined>;
  /** The names in a folder, sorted; none where there is no folder. */
  list(path: string): Promise<readonly string[]>;
}

export function readerOfTree(tree: DirectoryNode, limits: Limits): RootReader {
  const lookup = (path: string): TreeNode | undefined => findNode(tree, path);
  const find = (path: string): TreeNode | undefined => {
    try {
      return lookup(resolveInRoot({ lookup }, path));
    } catch (error) {
      // Links in a circle lead to no file.
      if (isBivyError(error)) return undefined;
      throw error;
    }
  };
  // The installed database is the largest of the files that are asked for.
  const wide = { ...limits, "document-size": limits["index-size"] };
  return {
    async read(path, most = Infinity) {
      const node = find(path);
      if (node?.kind !== "file" || node.content.size > most) return undefined;
      return readContent(node.content, wide, path);
    },
    async list(path) {
      const node = find(path);
      return node?.kind === "directory" ? Array.from(node.children.keys()).sort() : [];
    },
  };
}

/** A root without files. */
export const emptyRoot: RootReader = {
  read: () => Promise.resolve(undefined),
  list: () => Promise.resolve([]),
};
