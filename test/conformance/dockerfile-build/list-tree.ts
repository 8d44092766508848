/** The tree of an image as the expectations of builds have it: one line a path, times left out. */
import { createHash } from "node:crypto";
import {
  readFiles,
  walkTree,
  type DirectoryNode,
  type FileNode,
  type TreeNode,
} from "../../../src/tree/index.ts";

/** Path, type, octal mode, uid, gid, target of a link, first 16 hex digits of the content's SHA-256. */
export type TreeLine = readonly [string, string, string, number, number, string, string];

const letters: Readonly<Record<TreeNode["kind"], string>> = {
  file: "f",
  directory: "d",
  symlink: "l",
  character: "c",
  block: "b",
  fifo: "p",
};

/** What a runtime mounts, and what it writes for its own purposes. */
const leftOut = /^(?:(?:dev|proc|run|sys)(?:\/|$)|etc\/(?:hosts|resolv\.conf|hostname)$)/;

export async function listTree(top: DirectoryNode): Promise<readonly TreeLine[]> {
  const walked = [...walkTree(top)].filter(({ path }) => !leftOut.test(path));
  const hashes = new Map<FileNode, string>();
  const files = walked.flatMap(({ node }) => (node.kind === "file" ? [node] : []));
  for await (const { file, chunks } of readFiles(files)) {
    const hash = createHash("sha256");
    for await (const chunk of chunks()) hash.update(chunk);
    hashes.set(file, hash.digest("hex").slice(0, 16));
  }
  return walked.map(({ path, node }) => [
    path,
    letters[node.kind],
    node.mode.toString(8),
    node.uid,
    node.gid,
    node.kind === "symlink" ? node.target : "",
    node.kind === "file" ? hashes.get(node)! : "",
  ]);
}
