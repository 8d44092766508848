/**
 * The world of the tests that build Dockerfiles with the compiled command line: a workspace, Alpine's own
 * root as the image `alpine`, contexts written from tables, and what a build left on the machine.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLayout, openStore } from "../src/oci/index.ts";
import { run } from "./alpine-root.ts";
import { importRoot } from "./conformance/dockerfile-build/minirootfs-image.ts";
import { fixtures, needs } from "./requirements.ts";
import { listFolder, openWorkspace, succeed, type RunOptions, type Workspace } from "./run-bivy.ts";

/** The options of a test that runs commands over Alpine's root. */
export const withAlpine = needs({
  root: true,
  fixtures: true,
  tools: ["unshare", "nsenter", "setpriv"],
});

/** What `bivy build --format json` prints for a Dockerfile. */
export interface DockerfileResult {
  readonly digest: string;
  readonly imageId: string;
  readonly places: readonly string[];
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: string;
    readonly layers: number;
    readonly size: number;
    readonly steps: readonly {
      readonly stage: string;
      readonly instruction: string;
      readonly cached: boolean;
    }[];
  }[];
}

export interface Built extends DockerfileResult {
  /** What was said while it was built. */
  readonly stderr: string;
}

export interface World {
  readonly workspace: Workspace;
  /** Begin the words of every build: they say where `alpine` is, if this world has it. */
  readonly words: readonly string[];
  /** Writes files into a folder of the workspace, and gives its path. */
  place(files: Readonly<Record<string, string>>, folder?: string): string;
  /** Builds, which must succeed. */
  build(words: readonly string[], options?: RunOptions): Promise<Built>;
  /** The text of a file in the workspace. */
  read(...parts: readonly string[]): string;
}

/** A world with `alpine`; `scratchWorld` is one without. */
export async function alpineWorld(context: TestContext): Promise<World> {
  return openWorld(context, ["--build-context", `alpine=oci-layout://${await alpineLayout()}`]);
}

export function scratchWorld(context: TestContext): World {
  return openWorld(context, []);
}

function openWorld(context: TestContext, words: readonly string[]): World {
  const workspace = openWorkspace(context);
  return {
    workspace,
    words,
    place(files, folder = "context") {
      mkdirSync(workspace.path(folder), { recursive: true });
      for (const [name, text] of Object.entries(files)) workspace.write(join(folder, name), text);
      return workspace.path(folder);
    },
    async build(more, options) {
      const all = ["build", "--format", "json", ...words, ...more];
      const { stdout, stderr } = await succeed(workspace, all, options);
      return { ...(JSON.parse(stdout) as DockerfileResult), stderr };
    },
    read: (...parts) => readFileSync(workspace.path(...parts), "utf8"),
  };
}

let layout: Promise<string> | undefined;

/** An OCI layout with the minirootfs of Alpine 3.19, which every user can read; made once. */
function alpineLayout(): Promise<string> {
  return (layout ??= makeAlpineLayout());
}

async function makeAlpineLayout(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "bivy-alpine-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const root = join(fixtures, "minirootfs", "alpine-minirootfs-3.19.4-x86_64.tar.gz");
  const store = openStore({ path: join(folder, "store") });
  const image = await importRoot(root, store.blobs);
  const place = join(folder, "alpine");
  await (await createLayout(place)).put(image, { name: "3.19" });
  await store.close();
  return place;
}

/** The instructions that were carried out, and not found in the cache. */
export function carriedOut({ platforms }: DockerfileResult): string[] {
  return platforms
    .flatMap(({ steps }) => steps.filter(({ cached }) => !cached))
    .map(({ instruction }) => instruction)
    .sort();
}

/** The folder of the local store of a home. */
export function storeOf(home: string): string {
  return join(home, ".local", "share", "bivy", "images");
}

/** The folder where builds of a home do their work. */
export function workFolderOf(home: string): string {
  return join(home, ".cache", "bivy", "build");
}

/** Another machine: nothing of what this one keeps is there. */
export function elsewhere(workspace: Workspace, name: string): RunOptions {
  const home = workspace.path(name);
  mkdirSync(home, { recursive: true });
  return { environment: { HOME: home } };
}

/** The lines of a shell script, as the one command of a RUN. */
export function script(...lines: readonly string[]): string {
  return `<<END\nset -e\n${lines.join("\n")}\nEND`;
}

/** The words of a command line, none of which has a space in it. */
export function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}

/** A Dockerfile that gives what its commands wrote to /out. */
export function fromRun(...lines: readonly string[]): string {
  return ["FROM alpine AS run", ...lines, "FROM scratch", "COPY --from=run /out /", ""].join("\n");
}

/** What skopeo says of an image. */
export function inspect(place: string, ...flags: readonly string[]) {
  return JSON.parse(run("skopeo", ["inspect", "--tls-verify=false", ...flags, place]));
}

/** Runs bivy with this as its standard input. */
export function withInput(workspace: Workspace, text: string): RunOptions {
  return { prefix: ["sh", "-c", 'exec "$@" < "$0"', workspace.write("input", text)] };
}

/** Shell: waits until a file is there, 20 seconds at most. */
export function awaitFile(path: string): string {
  return `for i in $(seq 400); do test -e ${path} && break; sleep 0.05; done; test -e ${path}`;
}

/** Waits for something that must come about soon. */
export async function until(what: () => string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (holds()) return;
    await sleep(20);
  }
  assert.fail(what());
}

/** Processes that have a text in their arguments, environment, program, root or working folder. */
export function processesWith(text: string): string[] {
  const about = (id: string): string =>
    ["cmdline", "environ"]
      .map((name) => attempt(() => readFileSync(`/proc/${id}/${name}`, "latin1")))
      .concat(
        ["cwd", "root", "exe"].map((name) => attempt(() => readlinkSync(`/proc/${id}/${name}`))),
      )
      .join(" ");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((id) => about(id).includes(text))
    .map((id) => `${id} ${about(id).replaceAll("\0", " ").slice(0, 200)}`);
}

/** Lines of the mount tables of all processes that have a text in them. */
export function mountsWith(text: string): string[] {
  const tables = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((id) => attempt(() => readFileSync(`/proc/${id}/mountinfo`, "utf8")));
  return [...new Set(tables.flatMap((table) => table.split("\n")))].filter((line) =>
    line.includes(text),
  );
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    // It has ended, or is one of the kernel's.
    return "";
  }
}

/** The blobs below a layout or store whose bytes are not those of their names. */
export function damagedBlobs(folder: string): string[] {
  const blobs = join(folder, "blobs", "sha256");
  return listFolder(blobs).filter(
    (name) =>
      createHash("sha256")
        .update(readFileSync(join(blobs, name)))
        .digest("hex") !== name,
  );
}

/** Base/owner.ts: whose a file is that goes with its process. */
const ownerForm = /[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-\d+-\d+-[0-9a-f]{12}/;

/** What builds have below a folder while they work, and must not leave: scratch folders, parts of files. */
export function unfinished(folder: string): string[] {
  return listFolder(folder).filter((path) => ownerForm.test(basename(path)));
}
