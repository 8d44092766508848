/**
 * Suite dockerfile-build: whole builds. `cases.json` names a context (a folder of `contexts.tar.gz`, or of
 * a folder `contexts`) and a Dockerfile for each case; `expected/NAME.json` says whether it builds, and
 * with which config and tree. For a case without one, an expectation beside this file counts, which was
 * written from BuildKit's reference; it may name a base, to which its tree is added.
 *
 * `alpine` and `busybox`, from whatever registry, are the minirootfs of Alpine 3.19.4. Nothing comes over
 * the network. The builds go through the library, each with an empty store of its own.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createHttpClient, openCache } from "../../src/http/index.ts";
import { defaultLimits, isBivyError, messageOf } from "../../src/base/index.ts";
import {
  buildDockerfile,
  findIgnore,
  openBuildContext,
  openStepCache,
  planBuild,
  type DockerfileBuildOptions,
} from "../../src/build/index.ts";
import { parseDockerfile } from "../../src/dockerfile/index.ts";
import { openStore, readImageTree, type ContainerConfig, type Image } from "../../src/oci/index.ts";
import type { DirectoryNode } from "../../src/tree/index.ts";
import { listTree, type TreeLine } from "./dockerfile-build/list-tree.ts";
import { importRoot } from "./dockerfile-build/minirootfs-image.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = {
  name: "dockerfile-build",
  defaultPath: "buildah-conformance",
  run,
};

interface Case {
  readonly name: string;
  readonly contextDir?: string;
  readonly dockerfile?: string;
  readonly dockerfileContents?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly fsSkip?: readonly string[];
  /** Folders of the host that commands see, as `"@@TEMPDIR@@:/tmp/test"` in the words of the suite's origin. */
  readonly transientMounts?: string;
}

interface Expectation {
  readonly builds: boolean;
  readonly config?: ContainerConfig;
  readonly tree?: readonly TreeLine[];
  /** The tree is that of the minirootfs, and these besides. */
  readonly base?: "minirootfs";
}

const ownExpectations = fileURLToPath(new URL("dockerfile-build", import.meta.url));
const platform = { os: "linux", architecture: "amd64" };
const signal = new AbortController().signal;

async function* run(path: string): AsyncIterable<CaseResult> {
  const folder = readdirSync(path).includes("cases.json") ? path : dirname(path);
  const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as readonly Case[];
  const work = mkdtempSync(join(tmpdir(), "bivy-conformance-"));
  try {
    const contexts = unpackContexts(folder, work);
    const rootfs = findMinirootfs(folder);
    const baseStore = openStore({ path: join(work, "bases") });
    const base = await importRoot(rootfs, baseStore.blobs);
    for (const each of cases) yield await runCase(each, { folder, contexts, base, work });
  } finally {
    execFileSync("chmod", ["-R", "u+rwX", work]);
    rmSync(work, { recursive: true, force: true });
  }
}

function unpackContexts(folder: string, work: string): string {
  if (existsSync(join(folder, "contexts"))) return join(folder, "contexts");
  const contexts = join(work, "contexts");
  mkdirSync(contexts);
  execFileSync("tar", ["-xpf", join(folder, "contexts.tar.gz"), "-C", contexts]);
  return contexts;
}

/** Beside the cases, as in the shared material, or else there. */
function findMinirootfs(folder: string): string {
  const shared = fileURLToPath(new URL("../../../shared/fixtures/minirootfs", import.meta.url));
  for (const place of [resolve(folder, "../../fixtures/minirootfs"), shared])
    for (const name of existsSync(place) ? readdirSync(place) : [])
      if (/3\.19\.4.*\.tar\.gz$/.test(name)) return join(place, name);
  throw new Error("the minirootfs of Alpine 3.19.4 is not there: it stands for alpine and busybox");
}

interface Surroundings {
  readonly folder: string;
  readonly contexts: string;
  readonly base: Image;
  readonly work: string;
}

interface Built {
  readonly config: ContainerConfig;
  readonly tree: DirectoryNode;
}

async function runCase(each: Case, around: Surroundings): Promise<CaseResult> {
  const expected = readExpectation(each, around.folder);
  let found: Built | string;
  try {
    found = await build(each, around);
  } catch (error) {
    if (!isBivyError(error)) throw error;
    found = messageOf(error);
  }
  const wanted = await describeWanted(expected, each, around.base);
  const given =
    typeof found === "string" ? `does not build` : await describeBuilt(found, each, expected);
  const notes = typeof found === "string" && expected.builds ? [found] : [];
  return { name: each.name, passed: wanted === given, expected: wanted, found: given, notes };
}

function readExpectation(each: Case, folder: string): Expectation {
  const file = `${each.name.toLowerCase().replace(/[^a-z0-9]/g, "-")}.json`;
  const path = [join(folder, "expected", file), join(ownExpectations, file)].find(existsSync);
  if (path === undefined) throw new Error(`${each.name}: there is no expectation`);
  return JSON.parse(readFileSync(path, "utf8")) as Expectation;
}

let built = 0;

async function build(each: Case, around: Surroundings): Promise<Built> {
  const context = join(around.contexts, each.contextDir ?? "");
  const path = join(context, each.dockerfile ?? "Dockerfile");
  const text = each.dockerfileContents ?? readFileSync(path, "utf8");
  const work = join(around.work, `build-${(built += 1)}`);
  const store = openStore({ path: join(work, "store") });
  const ignore = await findIgnore(
    context,
    each.dockerfileContents === undefined ? path : undefined,
  );
  const limits = defaultLimits;
  const events = (): void => {};
  const config = await around.base.config();
  const open = async () => ({
    image: around.base,
    config,
    digest: around.base.digest,
    name: "alpine",
    reference: undefined,
    platform,
  });
  const volumes = volumesOf(each, context);
  const dockerfile = parseDockerfile(text, { subject: each.name });
  const planned = await planBuild({
    dockerfile,
    buildArguments: each.buildArgs ?? {},
    platform,
    contextNames: new Set(),
    images: { open },
  });
  const options: DockerfileBuildOptions = {
    dockerfile,
    labels: {},
    namesPlatform: false,
    openContext: (wanted) =>
      openBuildContext(context, { ignore, wanted, hashes: undefined, limits, signal }),
    openNamed: () => {
      throw new Error("there are no named contexts");
    },
    store,
    cache: openStepCache(store, { imports: [], limits }),
    ignoresCache: new Set(),
    workFolder: join(work, "work"),
    compression: "none",
    fixedTime: undefined,
    run: {
      credentials: { secret: async () => undefined, agent: async () => undefined },
      caches: join(work, "caches"),
      network: "none",
      runtime: undefined,
      hosts: "127.0.0.1\tlocalhost buildkitsandbox\n",
      resolvers: "",
      allowsPrivileged: false,
      volumes,
    },
    copy: {
      access: {
        client: createHttpClient({ events, limits, offline: true }),
        cache: openCache(join(work, "cache")),
        limits,
        events,
        signal,
      },
    },
    events,
    limits,
    signal,
  };
  return buildDockerfile(planned, options, async ({ image }) => {
    const { top } = await readImageTree(image, { checksums: ["sha256"] });
    return { config: (await image.config()).config ?? {}, tree: top };
  });
}

/** A folder of the host, which in the suite's origin has the files of the context. */
function volumesOf({ transientMounts }: Case, context: string) {
  const target = transientMounts && /@@TEMPDIR@@:([^"\s]+)/.exec(transientMounts)?.[1];
  return target === undefined ? [] : [{ source: context, target, readOnly: true }];
}

async function describeWanted(
  { builds, config = {}, tree = [], base }: Expectation,
  each: Case,
  baseImage: Image,
): Promise<string> {
  if (!builds) return "does not build";
  const lines = new Map<string, TreeLine>();
  if (base !== undefined)
    for (const line of await listTree((await readImageTree(baseImage)).top))
      lines.set(line[0], line);
  for (const line of tree) lines.set(line[0], line);
  return describe(config, [...lines.values()], each);
}

async function describeBuilt(
  { config, tree }: Built,
  each: Case,
  _expected: Expectation,
): Promise<string> {
  return describe(config, await listTree(tree), each);
}

function describe(config: ContainerConfig, tree: readonly TreeLine[], each: Case): string {
  const skipped = new Set((each.fsSkip ?? []).flatMap(skippedPath));
  const lines = tree
    .filter(([path]) => !skipped.has(path))
    .map((line) => JSON.stringify(line))
    .sort();
  const fields = Object.entries(config)
    .filter(([, value]) => value !== undefined && value !== null)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return [...fields, ...lines].join("\n");
}

/** `(dir):usr:(dir):test` is a path; with `:mtime` behind it, only its time is not compared. */
function skippedPath(skip: string): string[] {
  const parts = skip.split(":").filter((part) => part !== "(dir)");
  return parts.at(-1) === "mtime" ? [] : [parts.join("/")];
}
