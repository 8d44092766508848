/** Installing sample packages into a root, and listing what a root holds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  CursorPool,
  installPackages,
  type CreatedPackage,
  type Installation,
  type ScriptRequest,
  type ScriptRunner,
  type TransactionOptions,
  type TransactionResult,
} from "../src/apk/index.ts";
import {
  collectBytes,
  defaultLimits,
  hashHex,
  joinPath,
  type BivyEvent,
} from "../src/base/index.ts";
import { DirectoryRoot, TreeRoot, type Root } from "../src/tree/index.ts";
import { assemblePackage, sourceOf, type PackageParts } from "./package-parts.ts";

/** The date of what the transaction itself writes. */
export const installTime = 1_720_000_000;

/** Packages as they are installed when their index is trusted. */
export function trusted(created: CreatedPackage): Installation {
  return {
    package: created.package,
    source: sourceOf(`${created.package.name}.apk`, created.bytes),
    trust: { by: "identity", identity: created.package.identity },
  };
}

export interface SampleInstallation extends TransactionResult {
  readonly events: readonly BivyEvent[];
}

export async function install(
  root: Root,
  packages: readonly (CreatedPackage | Installation)[],
  options: Partial<TransactionOptions> = {},
): Promise<SampleInstallation> {
  const events: BivyEvent[] = [];
  const installations = packages.map((each) =>
    "source" in each && "trust" in each ? each : trusted(each),
  );
  const result = await installPackages(root, installations, {
    world: [],
    archs: ["x86_64"],
    limits: defaultLimits,
    time: installTime,
    cursors: new CursorPool(),
    events: (event) => events.push(event),
    ...options,
  });
  return { ...result, events };
}

/** Installs a package of these parts. */
export async function installParts(root: Root, parts: PackageParts): Promise<SampleInstallation> {
  const assembled = assemblePackage(parts);
  const trust = { by: "identity", identity: assembled.package.identity } as const;
  return install(root, [{ ...assembled, trust }]);
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A root of each kind, empty. */
export function emptyRoots(context: TestContext): readonly (readonly [string, Root])[] {
  const owners = process.getuid?.() === 0;
  return [
    ["TreeRoot", new TreeRoot()],
    ["DirectoryRoot", new DirectoryRoot(temporaryFolder(context), { owners })],
  ];
}

/** One line for each path below `folder`, with all but times; contents as the start of their SHA-256. */
export async function listRoot(root: Root, folder = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const name of root.list(folder)) {
    const path = joinPath(folder, name);
    const entry = root.lookup(path)!;
    const head = `${path} ${entry.kind} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`;
    switch (entry.kind) {
      case "directory":
        lines.push(head, ...(await listRoot(root, path)));
        break;
      case "file": {
        const bytes = await collectBytes(entry.content.chunks(), 1e9, () => new Error(path));
        lines.push(`${head} ${bytes.byteLength} ${hashHex("sha256", bytes).slice(0, 12)}`);
        break;
      }
      case "symlink":
        lines.push(`${head} -> ${entry.target}`);
        break;
      case "fifo":
        lines.push(head);
        break;
      default:
        lines.push(`${head} ${entry.major}:${entry.minor}`);
    }
  }
  return lines;
}

/** The text of a file in a root. */
export async function textAt(root: Root, path: string): Promise<string> {
  const entry = root.lookup(path);
  if (entry?.kind !== "file") return `no file: ${entry?.kind ?? "nothing"}`;
  const bytes = await collectBytes(entry.content.chunks(), 1e9, () => new Error(path));
  return Buffer.from(bytes).toString();
}

/** Runs nothing, but notes what it was asked for; scripts whose text is in `failing` fail. */
export class RecordingRunner implements ScriptRunner {
  readonly requests: ScriptRequest[] = [];
  readonly #failing: readonly string[];
  readonly #onRun: (request: ScriptRequest, root: Root) => void | Promise<void>;

  constructor(
    failing: readonly string[] = [],
    onRun: (request: ScriptRequest, root: Root) => void | Promise<void> = () => undefined,
  ) {
    this.#failing = failing;
    this.#onRun = onRun;
  }

  async run(request: ScriptRequest, root: Root): Promise<{ exitCode: number; output: string }> {
    this.requests.push(request);
    await this.#onRun(request, root);
    const fails = this.#failing.includes(Buffer.from(request.script).toString());
    return { exitCode: fails ? 7 : 0, output: fails ? "it broke\n" : "" };
  }
}
