/**
 * Image listings: what an image holds and how its container starts, in lines that people can write
 * down as an expectation, so that images of two builders can be held against each other. Times and
 * the cut into layers are not part of it.
 */
import { isDeepStrictEqual } from "node:util";
import type { ContainerConfig, Image } from "../../src/oci/index.ts";
import { readImageTree } from "../../src/oci/index.ts";
import { walkTree, type FileNode, type TreeNode } from "../../src/tree/index.ts";

/** A line by path, the root's as `/`. A name of a file that has one already is `hard link to PATH`. */
export type TreeListing = Readonly<Record<string, string>>;

export interface ImageListing {
  readonly tree: TreeListing;
  readonly config: ContainerConfig;
}

/**
 * The settings that are compared. What is empty counts as absent, and so does `/` as the working
 * directory, where a container starts anyway.
 */
const settings = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",
  "Healthcheck",
  "OnBuild",
  "Shell",
] as const satisfies readonly (keyof ContainerConfig)[];

export type SettingName = (typeof settings)[number];

export async function listImage(image: Image): Promise<ImageListing> {
  const { config = {} } = await image.config();
  return { tree: await listTree(image), config: pickSettings(config) };
}

function pickSettings(config: ContainerConfig): ContainerConfig {
  const chosen = settings
    .map((name) => [name, config[name]] as const)
    .filter(([name, value]) => !isAbsent(value) && !(name === "WorkingDir" && value === "/"));
  return Object.fromEntries(chosen);
}

function isAbsent(value: string | object | undefined): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

async function listTree(image: Image): Promise<TreeListing> {
  // One pass of each layer gives all that is needed.
  const { top, checksumOf } = await readImageTree(image, {
    checksums: ["sha256"],
    keeps: (_, size) => size <= longestText,
  });
  const nodes = [{ path: "/", node: top as TreeNode }, ...walkTree(top)];
  const contents = new Map<TreeNode, string>();
  for (const { node } of nodes)
    if (node.kind === "file" && !contents.has(node))
      contents.set(node, await describeContent(node, checksumOf(node, "sha256")));
  const firsts = new Map<TreeNode, string>();
  const lines = nodes.map(({ path, node }) => {
    const first = firsts.get(node);
    if (first !== undefined) return [path, `hard link to ${first}`];
    if (node.kind !== "directory") firsts.set(node, path);
    return [path, lineOf(node, contents)];
  });
  return Object.fromEntries(lines);
}

const longestText = 300;
const printable = /^[\t\n\x20-\x7e]*$/;

/** A short text as it is, else size and hash. */
async function describeContent({ content }: FileNode, hash: string | undefined): Promise<string> {
  if (content.size <= longestText) {
    const kept: Uint8Array[] = [];
    for await (const chunk of content.chunks()) kept.push(chunk);
    const text = Buffer.concat(kept).toString("latin1");
    if (printable.test(text)) return JSON.stringify(text);
  }
  return `${content.size} ${hash!.slice(0, 16)}`;
}

function lineOf(node: TreeNode, contents: ReadonlyMap<TreeNode, string>): string {
  // A symlink has no mode of its own.
  const mode = node.kind === "symlink" ? [] : [node.mode.toString(8)];
  const xattrs = [...(node.xattrs ?? [])].map(
    ([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`,
  );
  const rest = whatOf(node, contents);
  return [node.kind, ...mode, `${node.uid}:${node.gid}`, ...rest, ...xattrs.sort()].join(" ");
}

function whatOf(node: TreeNode, contents: ReadonlyMap<TreeNode, string>): string[] {
  switch (node.kind) {
    case "file":
      return [contents.get(node)!];
    case "symlink":
      return ["->", node.target];
    case "character":
    case "block":
      return [`${node.major}:${node.minor}`];
    default:
      return [];
  }
}

/** What differs between two listings, each as what was expected and what was found. */
export function differences(
  expected: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, unknown>>,
): Record<string, { expected: unknown; found: unknown }> {
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  const different = [...names].filter((name) => !isDeepStrictEqual(expected[name], found[name]));
  return Object.fromEntries(
    different.sort().map((name) => [name, { expected: expected[name], found: found[name] }]),
  );
}
