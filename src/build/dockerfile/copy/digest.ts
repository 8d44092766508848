/**
 * Digests of sources: what a copy brings, as a part of the key of its step. Times are no part of it, and
 * neither is the name or the mode of a directory whose contents are copied; what comes over the network is told by its own
 * digest or commit.
 */
import { compareNames, encodeText, joinPath, startHash, type Digest } from "../../../base/index.ts";
import { type Attributes, type FileNode, type TreeNode } from "../../../tree/index.ts";
import { type CopyStep } from "../steps.ts";
import { type SelectedFiles, type SelectedSource } from "./selection.ts";

/**
 * The SHA-256 of a file's content, in hex, asked for under each of its names; `path` is where it stands in
 * the tree it is taken from.
 */
export type FileHash = (file: FileNode, path: string) => string | Promise<string>;

export async function digestOfSources(
  step: CopyStep,
  sources: readonly SelectedSource[],
  hash: FileHash,
): Promise<Digest> {
  const running = startHash("sha256");
  const add: AddLine = (line) => running.update(encodeText(`${JSON.stringify(line)}\n`));
  for (const source of sources) {
    const { unpacks, identity } = source;
    if (source.kind === "remote") {
      add(["remote", identity, unpacks]);
      continue;
    }
    add([source.merges ? "contents" : source.name, identity ?? "", unpacks]);
    if (identity === undefined) await describeEntries(step, source, hash, add);
  }
  return `sha256:${running.hex()}`;
}

type AddLine = (line: readonly unknown[]) => void;

async function describeEntries(
  step: CopyStep,
  { path: base, merges, entries }: SelectedFiles,
  hash: FileHash,
  add: AddLine,
): Promise<void> {
  for (const { path, node, isImplied } of entries) {
    // Only its contents are copied.
    if (merges && path === "") continue;
    const found = node.kind === "file" ? hash(node, path === "" ? base : joinPath(base, path)) : "";
    // Waiting for what is known already would take longer than all the rest.
    const content = typeof found === "string" ? found : await found;
    add([path, isImplied, ...describeNode(step, node), content]);
  }
}

function describeNode(step: CopyStep, node: TreeNode): unknown[] {
  const keepsOwner = step.from !== undefined && step.chown === undefined;
  const { kind, mode, uid, gid } = node;
  const owner = keepsOwner ? [uid, gid] : [];
  const special =
    node.kind === "symlink" ? [node.target] : "major" in node ? [node.major, node.minor] : [];
  return [kind, mode, owner, xattrsOf(node), special];
}

function xattrsOf({ xattrs = new Map() }: Attributes): [string, string][] {
  return [...xattrs]
    .sort(([a], [b]) => compareNames(a, b))
    .map(([name, value]) => [name, Buffer.from(value).toString("hex")]);
}
