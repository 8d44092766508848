/** bivy lock: the very packages of a build, repeated whatever happens to the repository. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { servePackages, type PackageServer } from "./package-server.ts";
import {
  assertFailure,
  assertNothingLeft,
  build,
  listFolder,
  openWorkspace,
  runBivy,
  succeed,
  type Workspace,
} from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  smallWorld,
  writeRepository,
  type SamplePackage,
} from "./signed-repository.ts";

/** The same packages a month later: what was locked is no longer there. */
const laterWorld: readonly SamplePackage[] = smallWorld.map((sample) => ({
  ...sample,
  version: "1.0-r1",
}));

interface Project {
  readonly workspace: Workspace;
  readonly server: PackageServer;
  readonly config: string;
  /** Builds into an archive and gives the digest. */
  digest(words?: readonly string[], cache?: string): Promise<string>;
}

async function openProject(context: TestContext): Promise<Project> {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, makeRepository(smallWorld));
  const config = workspace.write(
    "project/image.yaml",
    sampleConfig({ repositories: [server.url], packages: ["app"] }),
  );
  const image = `oci-archive:${workspace.path("image.tar")}`;
  const digest = async (words: readonly string[] = [], cache = "cache") => {
    const cacheFlag = ["--cache-dir", workspace.path(cache)];
    return (await build(workspace, [config, "-o", image, ...cacheFlag, ...words])).digest;
  };
  return { workspace, server, config, digest };
}

/** The mirror drops every old revision. */
function moveOn({ server }: Project): void {
  server.files.clear();
  server.heal(makeRepository(laterWorld));
}

const locked = ["--locked"];

test("a lock says what it has, and is the same each time", async (context) => {
  const project = await openProject(context);
  const { workspace, config, server } = project;
  const { stdout } = await succeed(workspace, ["lock", config]);
  const lockFile = workspace.path("project/bivy.lock");
  assert.equal(stdout, `x86_64: 3 packages\n${lockFile}\n`);
  const text = readFileSync(lockFile, "utf8");
  const lock = JSON.parse(text);
  const [first] = lock.archs.x86_64.packages;
  assert.equal(first.name, "base");
  assert.equal(first.url, `${server.url}/x86_64/base-1.0-r0.apk`);
  assert.match(first.identity, /^Q1/);
  assert.equal(first.signedBy, "sample.rsa.pub");
  const { stdout: json } = await succeed(workspace, ["lock", config, "--format", "json"]);
  assert.equal(json, text);
  assert.equal(readFileSync(lockFile, "utf8"), text);
  assertNothingLeft(workspace);
});

test("what is locked and kept outlives the repository", async (context) => {
  const project = await openProject(context);
  const { workspace, config, server, digest } = project;
  const expected = await digest();
  await succeed(workspace, ["lock", config, "--vendor", workspace.path("project/packages")]);
  assert.deepEqual(listFolder(workspace.path("project/packages")), [
    "x86_64",
    "x86_64/app-1.0-r0.apk",
    "x86_64/base-1.0-r0.apk",
    "x86_64/library-1.0-r0.apk",
  ]);
  moveOn(project);
  assert.notEqual(await digest(), expected);
  assert.equal(await digest(locked, "empty"), expected);
  // The project moves to another folder, and the server is gone for good.
  server.files.clear();
  renameSync(workspace.path("project"), workspace.path("checked out elsewhere"));
  const { digest: moved } = await build(workspace, [
    workspace.path("checked out elsewhere"),
    "--locked",
    "--offline",
    "--cache-dir",
    workspace.path("empty too"),
    "-o",
    `oci-archive:${workspace.path("image.tar")}`,
  ]);
  assert.equal(moved, expected);
});

test("what is locked and cached can be built offline", async (context) => {
  const project = await openProject(context);
  const { workspace, config, server, digest } = project;
  const expected = await digest();
  await succeed(workspace, ["lock", config, "--cache-dir", workspace.path("cache")]);
  moveOn(project);
  const asked = server.requests.length;
  assert.equal(await digest(["--locked", "--offline"]), expected);
  assert.equal(server.requests.length, asked);
});

test("what is locked but not kept is missed once the mirror dropped it", async (context) => {
  const project = await openProject(context);
  const { workspace, config } = project;
  await succeed(workspace, ["lock", config]);
  moveOn(project);
  const words = ["build", config, "--locked", "--tag", "sample"];
  const empty = ["--cache-dir", workspace.path("empty")];
  assertFailure(await runBivy(workspace, [...words, ...empty]), {
    exitCode: 3,
    code: "package-unavailable",
    message: /(app|base|library)-1\.0-r0: .* is not there \(404\)/,
    hint: /bivy lock --vendor/,
  });
  assertFailure(await runBivy(workspace, [...words, ...empty, "--offline"]), {
    exitCode: 3,
    code: "offline",
    message: /(app|base|library)-1\.0-r0: not in the cache/,
    hint: /without --offline/,
  });
  assertNothingLeft(workspace);
});

test("a kept copy that was changed is caught", async (context) => {
  const { workspace, config, server } = await openProject(context);
  await succeed(workspace, ["lock", config, "--vendor", workspace.path("project/packages")]);
  const kept = workspace.path("project/packages/x86_64/app-1.0-r0.apk");
  const original = readFileSync(kept);
  const words = ["build", config, "--locked", "--tag", "sample"];
  const changed = Buffer.from(original);
  changed[changed.byteLength - 40]! ^= 1;
  for (const [bytes, code] of [
    [changed, "gzip-invalid"],
    [original.subarray(0, 900), "gzip-truncated"],
    [server.files.get("x86_64/base-1.0-r0.apk")!, "identity-mismatch"],
  ] as const) {
    writeFileSync(kept, bytes);
    const outcome = await runBivy(workspace, words);
    assert.equal(outcome.exitCode, 3, code);
    assert.match(outcome.stderr, /error: .*app-1\.0-r0\.apk/, code);
    assert.match(outcome.stderr, /^hint: /m, code);
  }
  rmSync(kept);
  assertFailure(await runBivy(workspace, words), {
    exitCode: 3,
    code: "file-not-found",
    message: /app-1\.0-r0\.apk/,
    hint: /./,
  });
  assertNothingLeft(workspace);
  assert.equal(existsSync(join(workspace.home, ".local/share/bivy/images/index.json")), false);
});

test("a lock that does not fit says so", async (context) => {
  const { workspace, config, server } = await openProject(context);
  const words = ["build", config, "--locked", "--tag", "sample"];
  assertFailure(await runBivy(workspace, words), {
    exitCode: 2,
    code: "lock-missing",
    message: /bivy\.lock: there is no lock/,
    hint: /bivy lock/,
  });
  await succeed(workspace, ["lock", config]);
  const lockFile = workspace.path("project/bivy.lock");
  const text = readFileSync(lockFile, "utf8");
  const current = readFileSync(config, "utf8");
  const wanted = { repositories: [server.url], packages: ["app", "library"] };
  for (const [changed, message] of [
    [sampleConfig(wanted), /does not have library/],
    [
      sampleConfig({ ...wanted, packages: ["app"], archs: ["x86_64", "aarch64"] }),
      /architecture aarch64/,
    ],
    [
      sampleConfig({ ...wanted, packages: ["app"], repositories: [`${server.url}/`, server.url] }),
      /repositories/,
    ],
  ] as const) {
    writeFileSync(config, changed);
    assertFailure(await runBivy(workspace, words), {
      exitCode: 2,
      code: "lock-outdated",
      message,
      hint: /anew with bivy lock/,
    });
  }
  writeFileSync(config, current);
  for (const [damaged, message] of [
    [text.slice(0, text.length / 2), /bivy\.lock/],
    ["", /bivy\.lock/],
    ["[]", /bivy\.lock/],
    [text.replace('"version": 1', '"version": 7'), /version: expected 1, found 7/],
    [text.replace(/"identity": "Q1./, '"identity": "Q1_'), /base-1\.0-r0/],
    [text.replace(/"sha256": "./, '"sha256": "_'), /sample\.rsa\.pub/],
    [text.replace('"packages": [', '"packages": [7, '), /packages/],
    [text.replaceAll(/"C:Q1.*"/g, '"C:Q1"'), /record/],
  ] as const) {
    writeFileSync(lockFile, damaged);
    assertFailure(await runBivy(workspace, words), {
      exitCode: 2,
      code: "lock-invalid",
      message,
      hint: /anew|release/,
    });
  }
  assertNothingLeft(workspace);
  assert.equal(existsSync(join(workspace.home, ".local")), false);
});

test("a lock of local folders moves with them", async (context) => {
  const workspace = openWorkspace(context);
  writeRepository(workspace.path("here/packages"), makeRepository(smallWorld));
  const config = workspace.write(
    "here/image.yaml",
    sampleConfig({ repositories: ["./packages"], packages: ["app"] }),
  );
  const image = ["-o", `oci-archive:${workspace.path("image.tar")}`];
  const { digest } = await build(workspace, [config, ...image]);
  await succeed(workspace, ["lock", config]);
  assert.ok(!readFileSync(workspace.path("here/bivy.lock"), "utf8").includes(workspace.folder));
  cpSync(workspace.path("here"), workspace.path("somewhere/there"), { recursive: true });
  rmSync(workspace.path("here"), { recursive: true });
  for (const cwd of [workspace.folder, workspace.path("somewhere/there"), "/"]) {
    const words = [workspace.path("somewhere/there/image.yaml"), "--locked", ...image];
    assert.equal((await build(workspace, words, { cwd })).digest, digest);
  }
});

test("a lock that cannot be written leaves the old one", async (context) => {
  const project = await openProject(context);
  const { workspace, config, server } = project;
  await succeed(workspace, ["lock", config]);
  const before = readFileSync(workspace.path("project/bivy.lock"), "utf8");
  server.misbehave("APKINDEX.tar.gz", (response) => void response.writeHead(404).end());
  const outcome = await runBivy(workspace, ["lock", config, "--vendor", workspace.path("kept")]);
  assertFailure(outcome, { exitCode: 3, code: "http-not-found", message: /APKINDEX/ });
  assert.equal(readFileSync(workspace.path("project/bivy.lock"), "utf8"), before);
  assert.deepEqual(listFolder(workspace.path("project")), ["bivy.lock", "image.yaml"]);
  assert.equal(existsSync(workspace.path("kept")), false);
  const nowhere = workspace.path("no/such/folder/bivy.lock");
  server.heal(makeRepository(smallWorld));
  assertFailure(await runBivy(workspace, ["lock", config, "--lock", nowhere]), {
    exitCode: 3,
    code: "file-not-found",
    message: /no\/such\/folder/,
    hint: /./,
  });
});
