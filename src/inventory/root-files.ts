/** Root files: the small files of a tree that an inventory reads, links followed inside the root. */
import { compareNames, decodeName, isBivyError, joinPath } from "../base/index.ts";
import {
  findNode,
  readFiles,
  resolveInRoot,
  type FileNode,
  type LayeredTree,
  type TreeNode,
} from "../tree/index.ts";

export interface RootFile {
  /** As it was asked for. */
  readonly path: string;
  /** Plain path at which it stands, once links were followed. */
  readonly place: string;
  readonly bytes: Uint8Array;
}

/** What does not let an inventory fail is noted, and goes without. */
export interface RootFiles {
  /** What stands at a plain path, nothing followed. */
  lookup(path: string): TreeNode | undefined;
  /** Follows the links of a path; undefined where they form a loop. */
  resolve(path: string): string | undefined;
  /** The plain paths of what is in a folder, by name. */
  list(path: string): readonly string[];
  /** Those of the files that are there and have no more than `most` bytes, in the order of the paths. */
  read(paths: Iterable<string>, most: number): Promise<readonly RootFile[]>;
  /** The text of a file; undefined where there is none, or where it is too large. */
  readText(path: string, most: number): Promise<string | undefined>;
  note(problem: string): void;
  readonly problems: readonly string[];
}

/** Beyond so many nobody reads them. */
const mostProblems = 100;

export function rootFiles(tree: LayeredTree): RootFiles {
  const problems: string[] = [];
  const note = (problem: string): void => {
    if (problems.length === mostProblems) problems.push("there are more problems than these");
    if (problems.length < mostProblems) problems.push(problem);
  };
  const lookup = (path: string): TreeNode | undefined => findNode(tree.top, path);
  const resolve = (path: string): string | undefined => {
    try {
      return resolveInRoot({ lookup }, path);
    } catch (error) {
      if (!isBivyError(error, "path-unsafe")) throw error;
      note(error.message);
      return undefined;
    }
  };

  const find = (path: string, most: number): FoundFile | undefined => {
    const place = resolve(path);
    const node = place === undefined ? undefined : lookup(place);
    if (place === undefined || node?.kind !== "file") return undefined;
    const { size } = node.content;
    if (size <= most) return { path, place, node };
    note(`${path}: expected at most ${most} bytes, found ${size}; it was not read`);
    return undefined;
  };

  const read: RootFiles["read"] = async (paths, most) => {
    const found = [...paths].map((path) => find(path, most)).filter((file) => file !== undefined);
    const contents = await readContents(found.map(({ node }) => node));
    return found.map(({ path, place, node }) => ({ path, place, bytes: contents.get(node)! }));
  };
  return {
    lookup,
    resolve,
    list(path) {
      const place = resolve(path);
      const node = place === undefined ? undefined : lookup(place);
      if (place === undefined || node?.kind !== "directory") return [];
      return [...node.children.keys()].sort(compareNames).map((name) => joinPath(place, name));
    },
    read,
    async readText(path, most) {
      const [file] = await read([path], most);
      return file === undefined ? undefined : decodeName(file.bytes);
    },
    note,
    problems,
  };
}

interface FoundFile {
  readonly path: string;
  readonly place: string;
  readonly node: FileNode;
}

/** The contents of files; those that were not kept are read in one more pass over their layers. */
export async function readContents(
  files: readonly FileNode[],
): Promise<ReadonlyMap<FileNode, Uint8Array>> {
  const contents = new Map<FileNode, Uint8Array>();
  for await (const { file, chunks } of readFiles(files)) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks()) parts.push(chunk);
    // Copied: what is left of a layer's chunks must not stay in memory for a small file's sake.
    contents.set(file, Buffer.concat(parts));
  }
  return contents;
}
