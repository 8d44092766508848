/**
 * Trees and steps for the tests of this folder. It has no tests of its own; the name keeps it out of the
 * published package.
 *
 * A tree in short: `path/` is a directory, anything else by its text: `-> target` a symlink, `= path` a
 * hard link, `fifo`, `char 1:3`, or a file's content. Mode and owner come first where they are not usual:
 * `600 5:6 text`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext } from "node:test";
import {
  bytesContent,
  collectBytes,
  decodeName,
  defaultLimits,
  encodeText,
  parentPath,
  pathPrefixes,
} from "../../../base/index.ts";
import { parseDockerfile } from "../../../dockerfile/index.ts";
import {
  TreeRoot,
  walkTree,
  type Attributes,
  type DirectoryNode,
  type FileNode,
} from "../../../tree/index.ts";
import { planDockerfile } from "../plan.ts";
import { type CopyStep } from "../steps.ts";
import { applyCopy, type CopyOptions } from "./apply.ts";
import { selectSources, type SelectionOptions } from "./selection.ts";

export type SampleTree = Readonly<Record<string, string>>;

const usual = { directory: 0o755, file: 0o644 } as const;

/** Of what is in a sample tree, and of what a copy makes on its way. */
export const sampleTimes = { tree: 100, made: 200 } as const;

export function sampleTree(sample: SampleTree): DirectoryNode {
  const root = new TreeRoot();
  for (const [path, text] of Object.entries(sample)) putSample(root, path, text);
  return root.snapshot();
}

function putSample(root: TreeRoot, named: string, text: string): void {
  const isDirectory = named.endsWith("/");
  const path = named.replace(/\/$/, "");
  const match = /^(?:([0-7]{3,4})(?: |$))?(?:(\d+):(\d+)(?: |$))?([^]*)$/.exec(text)!;
  const [, mode, uid = "0", gid = "0", said = ""] = match;
  const fallback = isDirectory ? usual.directory : usual.file;
  const attributes: Attributes = {
    mode: mode === undefined ? fallback : Number.parseInt(mode, 8),
    uid: Number(uid),
    gid: Number(gid),
    mtime: sampleTimes.tree,
  };
  for (const folder of pathPrefixes(parentPath(path)))
    if (root.lookup(folder) === undefined)
      root.makeDirectory(folder, {
        mode: usual.directory,
        uid: 0,
        gid: 0,
        mtime: sampleTimes.tree,
      });
  if (isDirectory) root.makeDirectory(path, attributes);
  else if (said.startsWith("-> ")) root.makeSymlink(path, said.slice(3), attributes);
  else if (said.startsWith("= ")) root.makeLink(path, said.slice(2));
  else if (said === "fifo") root.makeSpecial(path, { ...attributes, kind: "fifo" });
  else if (said.startsWith("char ")) {
    const [major, minor] = said.slice(5).split(":").map(Number) as [number, number];
    root.makeSpecial(path, { ...attributes, kind: "character", major, minor });
  } else root.putFile(path, attributes, bytesContent(encodeText(said)));
}

/** The tree in short again: of each file with several names, the first in order has the content. */
export async function listTree(top: DirectoryNode): Promise<SampleTree> {
  const listed: Record<string, string> = {};
  const first = new Map<FileNode, string>();
  for (const { path, node } of walkTree(top)) {
    const owner = node.uid === 0 && node.gid === 0 ? [] : [`${node.uid}:${node.gid}`];
    const expected = node.kind === "directory" ? usual.directory : usual.file;
    const mode =
      node.kind === "symlink" || node.mode === expected
        ? []
        : [node.mode.toString(8).padStart(3, "0")];
    const name = node.kind === "directory" ? `${path}/` : path;
    if (node.kind === "file" && first.has(node)) {
      listed[name] = `= ${first.get(node)}`;
      continue;
    }
    const said =
      node.kind === "file"
        ? [await textOf(node)]
        : node.kind === "symlink"
          ? [`-> ${node.target}`]
          : node.kind === "character"
            ? [`char ${node.major}:${node.minor}`]
            : node.kind === "directory"
              ? []
              : [node.kind];
    listed[name] = [...mode, ...owner, ...said].join(" ");
    if (node.kind === "file") first.set(node, path);
  }
  return listed;
}

async function textOf({ content }: FileNode): Promise<string> {
  const excess = () => new Error("a sample is small");
  return decodeName(await collectBytes(content.chunks(), 1 << 20, excess));
}

const platform = { os: "linux", architecture: "amd64" };

/** The step of a line; `--from` may name the stage `src`. */
export function copyStep(line: string): CopyStep {
  const text = `FROM scratch AS src\nFROM scratch\n${line}\n`;
  const dockerfile = parseDockerfile(text, { subject: "Dockerfile" });
  const plan = planDockerfile(dockerfile, {
    platform,
    buildPlatform: platform,
    base: () => undefined,
  });
  const step = plan.target.steps.at(-1);
  if (step?.kind !== "copy") throw new Error(`${line}: expected a copy`);
  return step;
}

/** Selects and applies in one go. */
export async function runCopy(
  root: TreeRoot,
  line: string,
  sources: DirectoryNode,
  options: Partial<CopyOptions & SelectionOptions> = {},
): Promise<void> {
  const step = copyStep(line);
  const shared = { time: sampleTimes.made, ...options };
  const selected = selectSources(step, sources, { remotes: new Map(), ...shared });
  await applyCopy(root, step, selected, {
    limits: defaultLimits,
    scratch: "/nonexistent",
    ...shared,
  });
}

/** A folder that is removed when the test ends. */
export function scratchFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-copy-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
