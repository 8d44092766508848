/** The content of a tree as one digest: all but the times, which differ in every checkout. */
import { encodeName, startHash, type Digest } from "../../../base/index.ts";
import { walkTree, type DirectoryNode, type FileNode, type TreeNode } from "../../../tree/index.ts";

/** `hash` gives the SHA-256 of a file in hex. */
export async function digestOfTree(
  top: DirectoryNode,
  hash: (file: FileNode) => Promise<string>,
): Promise<Digest> {
  const running = startHash("sha256");
  const firstPaths = new Map<FileNode, string>();
  for (const { path, node } of walkTree(top)) {
    const linked = node.kind === "file" ? firstPaths.get(node) : undefined;
    if (node.kind === "file" && linked === undefined) firstPaths.set(node, path);
    const content =
      linked ??
      (node.kind === "file" ? await hash(node) : node.kind === "symlink" ? node.target : "");
    running.update(encodeName(JSON.stringify([path, ...attributesOf(node), content])));
  }
  return `sha256:${running.hex()}`;
}

function attributesOf(node: TreeNode): readonly unknown[] {
  const { kind, mode, uid, gid } = node;
  const device = "major" in node ? [node.major, node.minor] : [];
  const xattrs = Array.from(node.xattrs ?? [], ([name, value]) => [
    name,
    Buffer.from(value).toString("base64"),
  ]);
  return [kind, mode, uid, gid, device, xattrs];
}
