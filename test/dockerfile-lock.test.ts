/**
 * Locks of Dockerfiles, end to end: the packages of RUN lines are locked, and a build from the lock gives
 * the digest of the online one, without the network. Repositories are the stub of Alpine 3.17 among the
 * fixtures, served on loopback; `FROM alpine` is the minirootfs of 3.19.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { createIndexFile, generateSigningKey } from "../src/apk/index.ts";
import { createLayout } from "../src/oci/index.ts";
import { fixturePath, readFixture, withRealApk } from "./alpine-fixtures.ts";
import { importRoot } from "./conformance/dockerfile-build/minirootfs-image.ts";
import { servePackages, type PackageServer } from "./package-server.ts";
import { assertFailure, openWorkspace, runBivy, succeed, type Workspace } from "./run-bivy.ts";

const keyName = "fixture@bivy-6743a001.rsa.pub";

interface Project {
  readonly workspace: Workspace;
  readonly server: PackageServer;
  write(dockerfile: string): void;
  /** Runs bivy in the project; the words may begin with build or lock. */
  bivy(...words: readonly string[]): ReturnType<typeof runBivy>;
  /** The digest of a build that must succeed. */
  build(...words: readonly string[]): Promise<string>;
  lock(): LockDocument;
}

interface LockDocument {
  readonly images: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly platforms: Readonly<
    Record<
      string,
      {
        readonly steps: readonly {
          readonly commands: readonly string[];
          readonly recorded?: boolean;
          readonly unresolved?: readonly unknown[];
          readonly packages: readonly { readonly name: string; readonly vendored?: string }[];
        }[];
      }
    >
  >;
}

async function openProject(context: TestContext): Promise<Project> {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, new Map());
  const stub = fixturePath("repo/v3.17-stub/main/x86_64");
  for (const name of readdirSync(stub))
    server.files.set(`main/x86_64/${name}`, readFixture(`repo/v3.17-stub/main/x86_64/${name}`));
  const layout = await createLayout(workspace.path("alpine"));
  const root = fixturePath("minirootfs/alpine-minirootfs-3.19.4-x86_64.tar.gz");
  await layout.put(await importRoot(root, layout.blobs), { name: "latest" });
  await succeed(workspace, ["image", "copy", `oci:${layout.path}`, "store:alpine:3.19", "-q"]);
  mkdirSync(workspace.path("project"));
  workspace.write(`project/${keyName}`, readFixture(`repo/keys/${keyName}`));
  const cwd = workspace.path("project");
  const bivy = (...words: readonly string[]) => runBivy(workspace, words, { cwd });
  return {
    workspace,
    server,
    write: (dockerfile) =>
      writeFileSync(workspace.path("project/Dockerfile"), dockerfile.replaceAll("URL", server.url)),
    bivy,
    async build(...words) {
      const outcome = await bivy("build", ".", "-q", "-t", "result", "--format", "json", ...words);
      assert.equal(outcome.exitCode, 0, outcome.stderr);
      return (JSON.parse(outcome.stdout) as { readonly digest: string }).digest;
    },
    lock: () =>
      JSON.parse(readFileSync(workspace.path("project/bivy.lock"), "utf8")) as LockDocument,
  };
}

const dockerfile = `FROM alpine:3.19 AS base
COPY ${keyName} /etc/apk/keys/
RUN echo URL/main > /etc/apk/repositories
FROM base AS build
RUN apk add --no-cache --virtual .build gcc make && apk add --no-cache curl && apk del .build
FROM base
ARG EDITOR=nano
RUN --mount=type=tmpfs,target=/scratch apk add --no-cache $EDITOR 'python3~3.10' && apk info -e python3
RUN adduser -D app && env > /env.txt
COPY --from=build /etc/apk/world /world
`;

test("a build from a lock gives the digest of the online one", withRealApk, async (context) => {
  const project = await openProject(context);
  project.write(dockerfile);
  const locked = await project.bivy("lock", ".", "--vendor", "kept", "-q");
  assert.equal(locked.exitCode, 0, locked.stderr);
  const { images, platforms } = project.lock();
  assert.deepEqual(Object.keys(images), ["docker.io/library/alpine:3.19"]);
  const names = platforms["linux/amd64"]!.steps.map(({ packages }) =>
    packages.map(({ name }) => name),
  );
  assert.ok(names[0]!.includes("gcc") && names[0]!.includes("libcurl"), names.join());
  assert.ok(names[1]!.includes("nano") && names[1]!.includes("python3"), names.join());
  const online = await project.build();
  project.server.files.clear();
  // Another machine, with nothing but the project and the base.
  const home = {
    XDG_DATA_HOME: project.workspace.path("data"),
    XDG_CACHE_HOME: project.workspace.path("cache"),
  };
  const cwd = project.workspace.path("project");
  const options = { cwd, environment: home };
  const base = [
    "image",
    "copy",
    `oci:${project.workspace.path("alpine")}`,
    "store:alpine:3.19",
    "-q",
  ];
  await succeed(project.workspace, base, options);
  const words = ["build", ".", "--locked", "--offline", "-q", "--format", "json"];
  const { stdout } = await succeed(project.workspace, words, options);
  assert.equal((JSON.parse(stdout) as { readonly digest: string }).digest, online);
  const vendored = platforms["linux/amd64"]!.steps.flatMap(({ packages }) => packages);
  for (const { vendored: path } of vendored)
    if (path !== undefined) assert.ok(existsSync(`${cwd}/${path}`), path);
});

test("a build from a lock fails where it asks for something else", withRealApk, async (context) => {
  const project = await openProject(context);
  project.write(dockerfile);
  assertFailure(await project.bivy("build", ".", "--locked", "-q"), {
    exitCode: 2,
    code: "lock-missing",
    message: /bivy\.lock/,
    hint: /bivy lock/,
  });
  await project.bivy("lock", ".", "-q");
  project.write(dockerfile.replace("'python3~3.10'", "jq"));
  assertFailure(await project.bivy("build", ".", "--locked", "-q"), {
    exitCode: 2,
    code: "lock-outdated",
    message: /apk, changed/,
    hint: /bivy lock/,
  });
  // A comment, another command and an argument that apk does not see change nothing.
  project.write(`# comment\n${dockerfile.replace("adduser -D app", "adduser -D other")}`);
  await project.build("--locked");
  // What the script hides from the lock is not there.
  project.write(`${dockerfile}RUN wget -T 2 URL/main/x86_64/APKINDEX.tar.gz\n`);
  const outcome = await project.bivy("build", ".", "--locked", "-q");
  assert.equal(outcome.exitCode, 3);
  assert.match(outcome.stderr, /Dockerfile:11:1: the command ended with exit code 1/);
});

test("what cannot be read is said, and learnt from a build", withRealApk, async (context) => {
  const project = await openProject(context);
  project.write(`FROM alpine:3.19
COPY ${keyName} /etc/apk/keys/
RUN echo URL/main > /etc/apk/repositories
RUN apk add --no-cache $(wget -q -O - URL/list)
`);
  project.server.files.set("list", Buffer.from("jq nano"));
  const locked = await project.bivy("lock", ".", "-q");
  assert.equal(locked.exitCode, 0, locked.stderr);
  assert.match(locked.stderr, /Dockerfile:4: .*wget/);
  assertFailure(await project.bivy("build", ".", "--locked", "-q"), {
    exitCode: 2,
    code: "lock-outdated",
    message: /line 4/,
    hint: /--record/,
  });
  const recorded = await project.build("--record");
  const [step] = project.lock().platforms["linux/amd64"]!.steps;
  assert.equal(step!.recorded, true);
  assert.ok(step!.packages.some(({ name }) => name === "jq"));
  // The list is asked for over the network, which the lock does not hold.
  assert.equal(await project.build("--locked", "--network", "host"), recorded);
});

test(
  "an update says what changes, and changes what it was asked to",
  withRealApk,
  async (context) => {
    const project = await openProject(context);
    project.write(dockerfile);
    await project.bivy("lock", ".", "-q");
    const before = readFileSync(project.workspace.path("project/bivy.lock"), "utf8");
    const nothing = await project.bivy("lock", "--update", ".", "-q");
    assert.match(nothing.stdout, /nothing changes/);
    assert.equal(readFileSync(project.workspace.path("project/bivy.lock"), "utf8"), before);
    project.write(dockerfile.replace("nano", "htop"));
    const changed = await project.bivy("lock", "--update", ".", "-q");
    assert.match(changed.stdout, /2: \+ htop/);
    assert.match(changed.stdout, /2: - nano/);
    assertFailure(await project.bivy("lock", ".", "--update", "crul", "-q"), {
      exitCode: 2,
      code: "usage",
      message: /crul/,
      hint: /curl/,
    });
  },
);

test(
  "FROM alpine is made from packages where no registry gives it",
  withRealApk,
  async (context) => {
    const project = await openProject(context);
    const folder = fixturePath("repo/v3.19/main/x86_64");
    for (const name of readdirSync(folder))
      project.server.files.set(
        `v3.19/main/x86_64/${name}`,
        readFixture(`repo/v3.19/main/x86_64/${name}`),
      );
    const { key } = generateSigningKey("empty.rsa.pub", 2048);
    const empty = createIndexFile([], "empty", [{ key, algorithm: "RSA" }]);
    project.server.files.set("v3.19/community/x86_64/APKINDEX.tar.gz", Buffer.from(empty));
    project.write(
      "FROM alpine:3.19.1\nRUN apk info -e busybox && cat /etc/apk/repositories > /list\n",
    );
    await succeed(project.workspace, ["image", "rm", "alpine:3.19"]);
    const mirror = `https://dl-cdn.alpinelinux.org/alpine=${project.server.url}`;
    const words = ["--bootstrap-base", "--allow-untrusted", "--mirror", mirror];
    const registry = { HTTPS_PROXY: "http://127.0.0.1:1" };
    const cwd = project.workspace.path("project");
    const outcome = await runBivy(
      project.workspace,
      ["build", ".", "-q", "-o", "type=local,dest=out", ...words],
      { cwd, environment: { ...registry, NO_PROXY: "127.0.0.1" } },
    );
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.match(outcome.stderr, /made from the packages of its release/);
    assert.match(readFileSync(`${cwd}/out/list`, "utf8"), /alpine\/v3\.19\/main/);
  },
);
