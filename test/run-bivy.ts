/** Running the compiled command line, each time in a workspace of its own: home, temporary folder, environment. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ErrorCode } from "../src/base/index.ts";

export const projectFolder = fileURLToPath(new URL("..", import.meta.url));
export const mainFile = join(projectFolder, "dist", "cli", "main.js");

if (!existsSync(mainFile))
  throw new Error(`${mainFile} is not there; these tests drive it: run npm run build first`);

/** A folder with an empty home and an empty temporary folder, removed when the test ends. */
export interface Workspace {
  readonly folder: string;
  readonly home: string;
  /** `TMPDIR` of what runs here. */
  readonly temporary: string;
  path(...parts: readonly string[]): string;
  /** Writes a file, with the folders above it, and gives its path. */
  write(name: string, content: string | Uint8Array): string;
}

export function openWorkspace(context: TestContext): Workspace {
  const folder = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  // Open to other users, whatever the umask is: some tests run as one.
  chmodSync(folder, 0o755);
  const path = (...parts: readonly string[]) => join(folder, ...parts);
  for (const name of ["home", "tmp"]) mkdirSync(path(name));
  return {
    folder,
    home: path("home"),
    temporary: path("tmp"),
    path,
    write(name, content) {
      const file = path(name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
  };
}

export interface RunOptions {
  /** Default: the workspace's folder. */
  readonly cwd?: string;
  /** On top of the workspace's; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A command that starts bivy, such as `["setpriv", "--reuid", "1000"]`. */
  readonly prefix?: readonly string[];
  /** Another Node and another copy of main.js, such as those that other users can read. */
  readonly program?: readonly string[];
}

export interface Outcome {
  /** Undefined for a process that a signal ended. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningBivy {
  readonly process: ChildProcess;
  /** Resolves once standard error has this text; fails when the process ends without. */
  said(text: string): Promise<void>;
  readonly outcome: Promise<Outcome>;
}

/** Longer than any run takes: only a hang gets there. */
const longestRunMilliseconds = 60_000;

export function startBivy(
  workspace: Workspace,
  words: readonly string[],
  options: RunOptions = {},
): RunningBivy {
  const [command, ...more] = [
    ...(options.prefix ?? []),
    ...(options.program ?? [process.execPath, mainFile]),
    ...words,
  ];
  const child = spawn(command!, more, {
    cwd: options.cwd ?? workspace.folder,
    env: environmentOf(workspace, options.environment),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: longestRunMilliseconds,
    killSignal: "SIGKILL",
  });
  const output = { stdout: "", stderr: "" };
  const waiting: { text: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  const notify = () => {
    for (const each of waiting) if (output.stderr.includes(each.text)) each.resolve();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
    notify();
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const { text, reject: fail } of waiting)
        fail(new Error(`bivy ended without saying ${text}: ${output.stderr}`));
      resolve({ exitCode: code ?? undefined, signal, ...output });
    });
  });
  return {
    process: child,
    outcome,
    said: (text) =>
      new Promise((resolve, reject) => {
        waiting.push({ text, resolve, reject });
        notify();
      }),
  };
}

export function runBivy(
  workspace: Workspace,
  words: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return startBivy(workspace, words, options).outcome;
}

function environmentOf(
  { home, temporary }: Workspace,
  changes: RunOptions["environment"] = {},
): NodeJS.ProcessEnv {
  const environment = { PATH: process.env["PATH"], HOME: home, TMPDIR: temporary, ...changes };
  return Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined),
  ) as NodeJS.ProcessEnv;
}

/** Runs bivy, which must succeed. */
export async function succeed(
  workspace: Workspace,
  words: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const outcome = await runBivy(workspace, words, options);
  assert.equal(outcome.exitCode, 0, `bivy ${words.join(" ")}: ${outcome.stderr}`);
  return outcome;
}

/** What `bivy build --format json` prints. */
export interface BuildSummary {
  readonly digest: string;
  readonly places: readonly string[];
  readonly archs: readonly {
    readonly arch: string;
    readonly digest: string;
    readonly layers: number;
    readonly size: number;
    readonly packages: number;
    readonly skippedScripts: readonly string[];
    readonly failedScripts: readonly string[];
  }[];
}

/** Runs `bivy build`, which must succeed, and gives its result. */
export async function build(
  workspace: Workspace,
  words: readonly string[],
  options: RunOptions = {},
): Promise<BuildSummary> {
  const { stdout } = await succeed(workspace, ["build", "--format", "json", ...words], options);
  return JSON.parse(stdout) as BuildSummary;
}

export interface ExpectedFailure {
  readonly exitCode: number;
  readonly code: ErrorCode;
  /** What the message says, and what the hint says. */
  readonly message: RegExp;
  readonly hint?: RegExp;
}

/** The message must name the failure by its code, and say what to do. */
export function assertFailure(outcome: Outcome, expected: ExpectedFailure): void {
  const { stderr } = outcome;
  assert.equal(outcome.exitCode, expected.exitCode, stderr);
  const [, message, code] = /^error: (.*) \[([a-z-]+)\]$/ms.exec(stderr) ?? [];
  assert.equal(code, expected.code, stderr);
  assert.match(message!, expected.message);
  if (expected.hint !== undefined)
    assert.match(/^hint: (.*)$/ms.exec(stderr)?.[1] ?? "no hint", expected.hint);
  assert.equal(outcome.stdout, "", "a failure has no result");
}

/** Nothing of an unfinished build stays in the temporary folder. */
export function assertNothingLeft({ temporary }: Workspace): void {
  assert.deepEqual(readdirSync(temporary), []);
}

/** All files and folders below a folder, without those whose names a test expects; [] where it is absent. */
export function listFolder(folder: string): string[] {
  return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]).sort() : [];
}

/** The fields of index, manifest and config that tests look at; each document has its own. */
export interface ImageDocument {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly architecture: string };
    readonly annotations: Readonly<Record<string, string>>;
  }[];
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
  readonly created: string;
}

/** The documents of an OCI layout. */
export function readLayout(folder: string): {
  readonly index: ImageDocument;
  blob(digest: string): Buffer;
  json(digest: string): ImageDocument;
} {
  const blob = (digest: string) => readFileSync(join(folder, "blobs", ...digest.split(":")));
  return {
    index: JSON.parse(readFileSync(join(folder, "index.json"), "utf8")),
    blob,
    json: (digest) => JSON.parse(blob(digest).toString("utf8")),
  };
}
