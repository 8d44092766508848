/**
 * Tree listings: all that one can know of the files of a tree, in a line for each path, so that a tree
 * that bivy has read can be held against a folder that another tool has unpacked.
 */
import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { createReadStream, lstatSync, readdirSync, readlinkSync, type BigIntStats } from "node:fs";
import { readTar } from "../src/archive/index.ts";
import { decodeName, encodeName } from "../src/base/index.ts";
import { readFiles, walkTree, type LayeredTree, type TreeNode } from "../src/tree/index.ts";

/** By path, the root as `.`. Folders are without their times, which every change of their files changes. */
export type TreeListing = Readonly<Record<string, string>>;

interface Facts {
  readonly kind: string;
  readonly mode: number;
  readonly owner: string;
  readonly nanoseconds: bigint;
  /** Size and SHA-256 of a content, the target of a link, the numbers of a device. */
  readonly what: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** The first path, in the order of the listing, of the same file. */
  readonly first: string;
}

function lineOf({ kind, mode, owner, nanoseconds, what, xattrs, first }: Facts): string {
  const values = [...xattrs].map(
    ([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`,
  );
  const time = kind === "directory" ? "" : String(nanoseconds);
  const same = kind === "directory" ? "" : `first:${first}`;
  return [kind, mode.toString(8), owner, time, what, same, ...values.sort()]
    .filter((part) => part !== "")
    .join(" ");
}

/** A tree by bivy; every content is read again from where it is. */
export async function listLayeredTree(tree: LayeredTree): Promise<TreeListing> {
  const nodes = [{ path: ".", node: tree.top as TreeNode }, ...walkTree(tree.top)];
  const hashes = new Map<TreeNode, string>();
  const files = nodes.map(({ node }) => node).filter((node) => node.kind === "file");
  for await (const { file, chunks } of readFiles(files)) {
    const hash = createHash("sha256");
    for await (const chunk of chunks()) hash.update(chunk);
    hashes.set(file, hash.digest("hex"));
  }
  const firsts = new Map<TreeNode, string>();
  const lines: [string, string][] = [];
  for (const { path, node } of nodes) {
    if (!firsts.has(node)) firsts.set(node, path);
    lines.push([
      path,
      lineOf({
        kind: node.kind,
        mode: node.mode,
        owner: `${node.uid}:${node.gid}`,
        nanoseconds: BigInt(node.mtime) * 1_000_000_000n + BigInt(node.mtimeNanoseconds ?? 0),
        what: whatOf(node, hashes),
        xattrs: node.xattrs ?? new Map(),
        first: firsts.get(node)!,
      }),
    ]);
  }
  return Object.fromEntries(lines);
}

function whatOf(node: TreeNode, hashes: ReadonlyMap<TreeNode, string>): string {
  switch (node.kind) {
    case "file":
      return `${node.content.size} ${hashes.get(node)}`;
    case "symlink":
      return node.target;
    case "character":
    case "block":
      return `${node.major}:${node.minor}`;
    default:
      return "";
  }
}

/** A folder on disk, by lstat(2); its extended attributes as GNU tar reads them. */
export async function listUnpackedFolder(folder: string): Promise<TreeListing> {
  const xattrs = await xattrsBelow(folder);
  const firsts = new Map<bigint, string>();
  const lines: [string, string][] = [];
  for (const path of [".", ...pathsBelow(folder, "")]) {
    const host = hostPath(folder, path);
    const stats = lstatSync(host, { bigint: true });
    if (!firsts.has(stats.ino)) firsts.set(stats.ino, path);
    const first = firsts.get(stats.ino)!;
    lines.push([
      path,
      lineOf({
        kind: kindOf(stats),
        mode: Number(stats.mode & 0o7777n),
        owner: `${stats.uid}:${stats.gid}`,
        nanoseconds: stats.mtimeNs,
        what: await whatStands(host, stats),
        xattrs: xattrs.get(first) ?? new Map(),
        first,
      }),
    ]);
  }
  return Object.fromEntries(lines);
}

/** In the order of `walkTree`, since it decides which name of a file comes first. */
function pathsBelow(folder: string, path: string): readonly string[] {
  const names = readdirSync(hostPath(folder, path), { encoding: "buffer" }).sort(Buffer.compare);
  return names.flatMap((name) => {
    const below = path === "" ? decodeName(name) : `${path}/${decodeName(name)}`;
    const isFolder = lstatSync(hostPath(folder, below)).isDirectory();
    return isFolder ? [below, ...pathsBelow(folder, below)] : [below];
  });
}

function hostPath(folder: string, path: string): Buffer {
  return Buffer.from(encodeName(`${folder}/${path}`));
}

function kindOf(stats: BigIntStats): TreeNode["kind"] {
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isCharacterDevice()) return "character";
  if (stats.isBlockDevice()) return "block";
  return stats.isFIFO() ? "fifo" : "file";
}

async function whatStands(host: Buffer, stats: BigIntStats): Promise<string> {
  if (stats.isSymbolicLink()) return decodeName(readlinkSync(host, "buffer"));
  if (stats.isCharacterDevice() || stats.isBlockDevice()) {
    const { rdev } = stats;
    return `${(rdev >> 8n) & 0xfffn}:${(rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n)}`;
  }
  if (!stats.isFile()) return "";
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(host)) hash.update(chunk as Buffer);
  return `${stats.size} ${hash.digest("hex")}`;
}

/** Of all that has some, by path; of a file with several names, by one of them. */
async function xattrsBelow(
  folder: string,
): Promise<ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>> {
  const options = ["--format=posix", "--sort=name", "--xattrs", "--xattrs-include=*"];
  const tar = spawn("tar", ["-C", folder, ...options, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => tar.on("close", resolve));
  const found = new Map<string, ReadonlyMap<string, Uint8Array>>();
  for await (const { header } of readTar(tar.stdout, { subject: "tar" }))
    if (header.xattrs.size > 0) found.set(header.path.replace(/^\.\//, ""), header.xattrs);
  if ((await ended) !== 0) throw new Error(`tar of ${folder} ended with ${await ended}`);
  return found;
}
