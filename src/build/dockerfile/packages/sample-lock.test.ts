/** Locks of small Dockerfiles, on images in memory and repositories on loopback, for the tests beside this file. */
import { type TestContext } from "node:test";
import { servePackages, type PackageServer } from "../../../../test/package-server.ts";
import { temporaryFolder } from "../../../../test/root-installation.ts";
import {
  makeRepository,
  packSample,
  sampleKey,
  type RepositoryFiles,
  type SampleKey,
  type SamplePackage,
} from "../../../../test/signed-repository.ts";
import {
  createInstalled,
  formatInstalled,
  formatWorld,
  parseWorld,
  type Access,
  type Key,
} from "../../../apk/index.ts";
import { compareNames, defaultLimits, encodeText } from "../../../base/index.ts";
import { parseDockerfile } from "../../../dockerfile/index.ts";
import { createHttpClient, openCache } from "../../../http/index.ts";
import { type Platform } from "../../../oci/index.ts";
import { planDockerfile, type BuildPlan } from "../plan.ts";
import { type DockerfileLock } from "./dockerfile-lock.ts";
import { type StepRecording } from "./follow-stage.ts";
import { lockDockerfile, type LockResult } from "./lock-dockerfile.ts";
import { type RootReader } from "./root-reader.ts";

/** A root, or a context, by plain path. */
export type SampleFiles = Readonly<Record<string, string>>;

export function readerOf(files: SampleFiles): RootReader {
  return {
    read: (path) =>
      Promise.resolve(Object.hasOwn(files, path) ? encodeText(files[path]!) : undefined),
    list: (path) => {
      const inside = Object.keys(files)
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1).split("/")[0]!);
      return Promise.resolve([...new Set(inside)].sort(compareNames));
    },
  };
}

/** The packages of a repository: `name`, `name-version` or `name: depends`. */
export function samples(...texts: readonly string[]): SamplePackage[] {
  return texts.map((text) => {
    const [head, depends = ""] = text.split(": ");
    const [, name, version = "1.0-r0"] = /^(.+?)(?:-(\d.*))?$/.exec(head!)!;
    return {
      name: name!,
      version,
      files: { [`usr/share/${name}`]: `${text}\n` },
      depends: depends.split(" ").filter((word) => word !== "" && !word.startsWith("+")),
      provides: depends.split(" ").flatMap((word) => (word.startsWith("+") ? word.slice(1) : [])),
    };
  });
}

/** The database of a root in which packages are installed. */
export function installedText(packages: readonly SamplePackage[]): string {
  return formatInstalled(
    packages.map((each) => {
      const { package: subject } = packSample(each, sampleKey());
      return createInstalled(subject, {
        directories: [
          {
            path: "usr/share",
            mode: 0o755,
            uid: 0,
            gid: 0,
            files: [{ name: each.name, mode: 0o644, uid: 0, gid: 0 }],
          },
        ],
      });
    }),
  );
}

export function sampleRoot(
  repositories: string,
  packages: readonly SamplePackage[],
  more: SampleFiles = {},
): SampleFiles {
  return {
    "lib/apk/db/installed": installedText(packages),
    "etc/apk/world": formatWorld(
      parseWorld(packages.map(({ name }) => name).join("\n"), { subject: "world" }),
    ),
    "etc/apk/repositories": repositories,
    "etc/apk/arch": "x86_64\n",
    "etc/apk/keys/sample.rsa.pub": sampleKey().publicPem,
    ...more,
  };
}

export const platform: Platform = { os: "linux", architecture: "amd64" };

export interface SampleProject {
  readonly server: PackageServer;
  readonly access: Access;
  /** Puts repositories in place of those that were there, by their folder. */
  publish(repositories: Readonly<Record<string, readonly SamplePackage[]>>, key?: SampleKey): void;
  plan(dockerfile: string, buildArguments?: Readonly<Record<string, string>>): BuildPlan;
  lock(dockerfile: string | BuildPlan, more?: SampleOptions): Promise<LockResult>;
}

export interface SampleOptions {
  /** By name; `alpine` is there already. */
  readonly images?: Readonly<Record<string, SampleFiles>>;
  readonly context?: SampleFiles;
  readonly keys?: readonly Key[];
  readonly allowUntrusted?: boolean;
  readonly recordings?: Readonly<Record<string, StepRecording>>;
  readonly previous?: { readonly lock: DockerfileLock; readonly update: readonly string[] };
}

/** A server with a repository `main`, and an image `alpine` that has `base` and `musl` installed. */
export async function openProject(context: TestContext): Promise<SampleProject> {
  const server = await servePackages(context, new Map());
  const client = createHttpClient({ environment: {}, retries: 1, wait: () => Promise.resolve() });
  context.after(() => client.close());
  const access = { client, cache: openCache(temporaryFolder(context)), limits: defaultLimits };
  const alpine = sampleRoot(`${server.url}/main\n`, samples("base", "musl"), {
    "etc/alpine-release": "3.19.4\n",
  });
  const plan: SampleProject["plan"] = (text, buildArguments = {}) =>
    planDockerfile(parseDockerfile(text, { subject: "Dockerfile" }), {
      platform,
      buildPlatform: platform,
      buildArguments,
      base: () => ({ config: {} }),
    });
  return {
    server,
    access,
    publish(repositories, key) {
      const all: RepositoryFiles = new Map();
      for (const [folder, packages] of Object.entries(repositories))
        for (const [path, bytes] of makeRepository(packages, key))
          all.set(`${folder}/${path}`, bytes);
      server.heal(all);
    },
    plan,
    lock(dockerfile, more = {}) {
      const images: Readonly<Record<string, SampleFiles>> = { alpine, ...more.images };
      const planned = typeof dockerfile === "string" ? plan(dockerfile) : dockerfile;
      return lockDockerfile([planned], {
        access,
        keys: more.keys ?? [],
        allowUntrusted: more.allowUntrusted ?? false,
        image: (origin) => {
          const name =
            origin.kind === "image" ? origin.reference.repository.replace("library/", "") : "";
          const files = images[name];
          return Promise.resolve(files && { digest: `sha256:${name}`, root: readerOf(files) });
        },
        ...(more.context === undefined ? {} : { context: readerOf(more.context) }),
        recording: (_, step) => more.recordings?.[step],
        ...(more.previous === undefined ? {} : { previous: more.previous }),
      });
    },
  };
}

/** What each step installs, as `stage: name-version …`, with `-name-version` for what it takes away. */
export function describeLock(lock: DockerfileLock): string[] {
  return lock.platforms.flatMap(({ steps }) =>
    steps.map(({ id, packages, removed, unresolved, recorded }) =>
      [
        `${id.slice(0, id.indexOf("/"))}:`,
        ...packages.map(
          ({ package: { name, version }, tag }) => `${name}${tag ? `@${tag}` : ""}-${version}`,
        ),
        ...removed.map((label) => `-${label}`),
        ...(unresolved.length > 0 ? ["?"] : []),
        ...(recorded ? ["recorded"] : []),
      ].join(" "),
    ),
  );
}
