/**
 * The cases of the comparison with buildah: Dockerfiles of our own in YAML, a file for each topic, and
 * the base images that they build on. To add a case is to add it to a file; no code changes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { ContainerConfig } from "../../src/oci/index.ts";
import type { FileTable } from "./files.ts";
import type { SettingName } from "./image-listing.ts";

/**
 * In each text `registry.test` stands for the registry of the test and `http://web.test` for the files
 * of the case on its web server.
 */
export interface DockerfileCase {
  readonly name: string;
  readonly dockerfile: string;
  /** A line that stands so many times at the end of the Dockerfile; `{n}` is its number, from 1. */
  readonly repeat?: { readonly times: number; readonly line: string };
  /** Where the Dockerfile lies, from the context; default `Dockerfile`. */
  readonly file?: string;
  readonly context?: FileTable;
  /** Named contexts: folders by their files, images by `docker-image://…`. */
  readonly contexts?: Readonly<Record<string, FileTable | string>>;
  readonly arguments?: Readonly<Record<string, string>>;
  readonly target?: string;
  /** By id, as files; their text must be nowhere in what the build makes. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Whether an agent's socket is there for mounts of type ssh. */
  readonly ssh?: boolean;
  /** Files that the web server has. */
  readonly web?: FileTable;
  /** Whether a second build, which knows nothing of the first, must give the same bytes. */
  readonly twice?: boolean;
  /** What bivy must say; without it the build must succeed. */
  readonly fails?: string;
  readonly reference?: ReferenceChange;
  /** Where BuildKit's image is another one than buildah's. */
  readonly differs?: readonly Difference[];
}

/** What buildah is given where it does not know what BuildKit knows. */
export interface ReferenceChange {
  readonly why: string;
  /** A Dockerfile in words that buildah knows, for the same image. */
  readonly dockerfile?: string;
  /** Other context files, on top of the case's. */
  readonly context?: FileTable;
  /** Where bivy's build must fail and buildah's does not; its image is not looked at. */
  readonly builds?: boolean;
}

/** What BuildKit makes of some paths and settings; null for what is not there. */
export interface Difference {
  readonly why: string;
  readonly tree?: Readonly<Record<string, string | null>>;
  readonly config?: Readonly<Partial<Record<SettingName, ContainerConfig[SettingName] | null>>>;
}

/** An image that cases build on, made by buildah; later ones may build on earlier ones. */
export interface BaseImage {
  /** Name and tag, as in the registry. */
  readonly name: string;
  readonly dockerfile: string;
  readonly context?: FileTable;
}

const folder = fileURLToPath(new URL(".", import.meta.url));

/** The fields of a case and of all that stands in one, so that a slip of the pen is not passed over. */
const known = {
  case: [
    ["name", "dockerfile", "repeat", "file", "context", "contexts", "arguments", "target"],
    ["secrets", "ssh", "web", "twice", "fails", "reference", "differs"],
  ].flat(),
  reference: ["why", "dockerfile", "context", "builds"],
  difference: ["why", "tree", "config"],
};

export function readBases(): readonly BaseImage[] {
  return parse(readFileSync(join(folder, "bases.yaml"), "utf8")) as readonly BaseImage[];
}

/** By topic, in order. */
export function readCases(): ReadonlyMap<string, readonly DockerfileCase[]> {
  const names = new Set<string>();
  const topics = new Map<string, readonly DockerfileCase[]>();
  for (const file of readdirSync(join(folder, "cases")).sort()) {
    const cases = parse(readFileSync(join(folder, "cases", file), "utf8")) as DockerfileCase[];
    for (const each of cases) {
      if (names.has(each.name)) throw new Error(`${file}: ${each.name} is there twice`);
      names.add(each.name);
      checkCase(`${file}: ${each.name}`, each);
    }
    topics.set(file.replace(/\.yaml$/, ""), cases);
  }
  return topics;
}

/** The case as buildah is given it. */
export function forReference({ repeat, ...each }: DockerfileCase): DockerfileCase {
  const { dockerfile, context } = each.reference ?? {};
  return {
    ...each,
    context: { ...each.context, ...context },
    ...(dockerfile === undefined ? repeat && { repeat } : { dockerfile }),
  };
}

function checkCase(where: string, each: DockerfileCase): void {
  checkFields(where, each, known.case);
  if (each.reference !== undefined) checkFields(where, each.reference, known.reference);
  for (const difference of each.differs ?? []) checkFields(where, difference, known.difference);
  if (each.reference?.builds === true && each.fails === undefined)
    throw new Error(`${where}: builds is for a case that fails`);
}

function checkFields(where: string, value: object, names: readonly string[]): void {
  const unknown = Object.keys(value).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`${where}: unknown ${unknown.join(", ")}`);
}
