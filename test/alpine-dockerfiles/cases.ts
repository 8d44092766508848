/**
 * The tables of the world and of what becomes of each Dockerfile in it. To add a case is to add it to
 * a table; no code changes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { ErrorCode } from "../../src/base/index.ts";
import { demoProgram } from "../../src/cli/demo-program.ts";
import type { ContainerConfig } from "../../src/oci/index.ts";
import type { FileFields, FileTable } from "../dockerfiles/files.ts";
import { projectFolder } from "../run-bivy.ts";

/** The Dockerfiles, beside the checkout. */
export const dockerfileFolder = join(
  projectFolder,
  "..",
  "shared",
  "conformance",
  "alpine-dockerfiles",
);

/** Files with the world's own kinds: a script of `commands/`, and an x86_64 program that prints a text. */
export type WorldFiles = Readonly<
  Record<string, FileTable[string] | { readonly command: string } | { readonly program: string }>
>;

export interface StandInImage {
  readonly names: readonly string[];
  readonly files?: WorldFiles;
  /** Beside what every image has: a PATH, and a shell as its command. */
  readonly config?: ContainerConfig;
}

export interface StandInPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: readonly string[];
  readonly provides?: readonly string[];
  readonly files?: WorldFiles;
}

export interface DockerfileCase {
  /** The line at which a file without FROM is refused; it has no builds. */
  readonly fragment?: number;
  readonly context?: WorldFiles;
  readonly builds?: readonly CaseBuild[];
}

export interface CaseBuild {
  readonly target?: string;
  /** Images of the world that take the place of others, so that a file which cannot be built there is. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly fails?: CaseFailure;
  /** Of the image's config. */
  readonly settings?: ContainerConfig;
  readonly runs?: CaseRun;
}

export interface CaseFailure {
  /** Default: that of a command which fails. */
  readonly code?: ErrorCode;
  readonly line: number;
  /** In what bivy or the command says. */
  readonly says: string;
  /** Why that is right. */
  readonly why: string;
}

export interface CaseRun {
  /** Default: the image's own. */
  readonly command?: readonly string[];
  readonly input?: string;
  /** In what it prints; where it fails, on standard error. */
  readonly says: string;
  /** The user's number; default 0. */
  readonly user?: number;
  /** Whether it goes on until it is stopped. */
  readonly serves?: boolean;
  readonly fails?: boolean;
  /** Why it is right that it fails. */
  readonly why?: string;
}

const folder = fileURLToPath(new URL(".", import.meta.url));

export const readCases = () => readTable<Readonly<Record<string, DockerfileCase>>>("cases");
export const readImages = () => readTable<readonly StandInImage[]>("images");
export const readPackages = () => readTable<readonly StandInPackage[]>("packages");
export const readWeb = () => readTable<WorldFiles>("web");

function readTable<T>(name: string): T {
  return parse(readFileSync(join(folder, `${name}.yaml`), "utf8")) as T;
}

/** The Dockerfiles by their name without its ending, in order. */
export function readDockerfiles(): ReadonlyMap<string, string> {
  const names = readdirSync(dockerfileFolder).filter((name) => name.endsWith(".Dockerfile"));
  return new Map(
    names
      .sort()
      .map((name) => [
        name.replace(/\.Dockerfile$/, ""),
        readFileSync(join(dockerfileFolder, name), "utf8"),
      ]),
  );
}

/** A plain table; `http://world.test` becomes the URL of the test's server. */
export function plainFiles(files: WorldFiles, url: string): FileTable {
  return Object.fromEntries(
    Object.entries(files).map(([path, entry]) => [path, plainEntry(entry, url)]),
  );
}

function plainEntry(entry: WorldFiles[string], url: string): FileTable[string] {
  const inWorld = (text: string) => text.replaceAll("http://world.test", url);
  if (typeof entry === "string") return inWorld(entry);
  if (entry === null) return entry;
  if ("command" in entry)
    return {
      text: inWorld(readFileSync(join(folder, "commands", entry.command), "utf8")),
      mode: 0o755,
    };
  if ("program" in entry)
    return {
      bytes: Buffer.from(demoProgram("x86_64", entry.program)).toString("base64"),
      mode: 0o755,
    };
  return entry satisfies FileFields;
}
