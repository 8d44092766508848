/** bivy lock: the very packages of a build, repeated whatever happens to the repository. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { splitGzipMembers } from "../src/archive/index.ts";
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
  sampleKey,
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

test("a lock of a repository and keys beside it means the same in every checkout", async (context) => {
  const workspace = openWorkspace(context);
  writeRepository(workspace.path("project/repository"), makeRepository(smallWorld));
  const key = JSON.stringify({ url: "repository", keys: ["repository/sample.rsa.pub"] });
  workspace.write("project/repository/sample.rsa.pub", sampleKey().publicPem);
  workspace.write(
    "project/image.yaml",
    `contents:
  repositories: [${key}, repository]
  keyring: [repository/sample.rsa.pub]
  runtime_keyring: [repository/sample.rsa.pub]
  packages: [app]
archs: [x86_64]
`,
  );
  const digest = async (folder: string, ...words: readonly string[]): Promise<string> => {
    const place = `oci-archive:${workspace.path("image.tar")}`;
    return (await build(workspace, [workspace.path(folder), ...words, "-o", place])).digest;
  };
  await succeed(workspace, ["lock", workspace.path("project")]);
  const expected = await digest("project");
  assert.equal(await digest("project", ...locked), expected);
  renameSync(workspace.path("project"), workspace.path("elsewhere"));
  assert.equal(await digest("elsewhere", ...locked), expected);
  const lock = readFileSync(workspace.path("elsewhere/bivy.lock"), "utf8");
  assert.ok(!lock.includes(workspace.folder), lock);
  // Whom the image trusts is part of what was locked.
  const config = workspace.path("elsewhere/image.yaml");
  writeFileSync(config, readFileSync(config, "utf8").replace(/^ {2}runtime_keyring.*\n/m, ""));
  const refused = await runBivy(workspace, ["build", config, "--locked", "-o", "oci:refused"]);
  assertFailure(refused, { exitCode: 2, code: "lock-outdated", message: /keys/ });
});

test("a lock does not make trusted what was not", async (context) => {
  const project = await openProject(context);
  const { workspace, config, server, digest } = project;
  const path = "x86_64/APKINDEX.tar.gz";
  const signed = server.files.get(path)!;
  const [signature] = splitGzipMembers(signed, { subject: path });
  server.files.set(path, signed.subarray(signature!.compressed.byteLength));
  await succeed(workspace, ["lock", config, "--allow-untrusted"]);
  const place = `oci:${workspace.path("layout")}`;
  const refused = await runBivy(workspace, ["build", config, "--locked", "-o", place]);
  const message = /found \w+-1\.0-r0 of one that was not trusted/;
  assertFailure(refused, { exitCode: 3, code: "signature-missing", message });
  assert.ok(!existsSync(workspace.path("layout")));
  const words = ["build", config, "--locked", "--allow-untrusted", "--quiet", "-o", place];
  assert.match((await succeed(workspace, words)).stderr, message);
  server.files.set(path, signed);
  await succeed(workspace, ["lock", config]);
  await digest(locked);
});

test("a password of a repository stays in the configuration", async (context) => {
  const { workspace, config, server } = await openProject(context);
  const secret = "not-to-be-seen";
  for (const ending of ["APKINDEX.tar.gz", ".apk"])
    server.misbehave(ending, (response, _file, { headers }) => {
      if (headers.authorization === `Basic ${Buffer.from(`me:${secret}`).toString("base64")}`)
        return false;
      return void response.writeHead(401).end();
    });
  const text = readFileSync(config, "utf8");
  const withPassword = text.replaceAll("http://", `http://me:${secret}@`);
  writeFileSync(config, withPassword.replace("build_repositories", "repositories"));
  const place = `oci:${workspace.path("layout")}`;
  for (const words of [
    ["lock", config],
    ["build", config, "-o", place, "--progress=json"],
    ["build", config, "-o", place, "--compression", "none"],
    ["build", config, "-o", place, "--locked", "--cache-dir", workspace.path("empty")],
  ]) {
    const { stdout, stderr } = await succeed(workspace, words);
    assert.ok(!`${stdout}${stderr}`.includes(secret), `${stdout}${stderr}`);
  }
  server.misbehave("app-1.0-r0.apk", (response) => void response.writeHead(404).end());
  const cacheFlag = ["--cache-dir", workspace.path("another")];
  const missing = await runBivy(workspace, ["build", config, "-o", place, ...cacheFlag]);
  assertFailure(missing, { exitCode: 3, code: "package-unavailable", message: /not there/ });
  assert.ok(!missing.stderr.includes(secret), missing.stderr);
  for (const path of listFolder(workspace.folder)) {
    const file = workspace.path(path);
    if (file === config || !statSync(file).isFile()) continue;
    assert.ok(!readFileSync(file).includes(secret), file);
  }
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
  assertNothingLeft(workspace);
  assert.equal(existsSync(join(workspace.home, ".local/share/bivy/images/index.json")), false);
});

test("a kept copy that is gone is fetched again, and said to be gone", async (context) => {
  const { workspace, config } = await openProject(context);
  await succeed(workspace, ["lock", config, "--vendor", workspace.path("project/packages")]);
  rmSync(workspace.path("project/packages/x86_64/app-1.0-r0.apk"));
  const words = ["build", config, "--locked", "--tag", "sample"];
  const { stderr } = await succeed(workspace, words);
  assert.match(
    stderr,
    /warning: .*app-1\.0-r0\.apk: the kept copy is gone; its package is fetched/,
  );
  assert.doesNotMatch(stderr, /library-1\.0-r0\.apk: the kept copy/);
});

test("a lock goes where a link points, and into a pipe", async (context) => {
  const { workspace, config } = await openProject(context);
  workspace.write("real.lock", "");
  symlinkSync("real.lock", workspace.path("linked.lock"));
  await succeed(workspace, ["lock", config, "--lock", workspace.path("linked.lock")]);
  assert.ok(lstatSync(workspace.path("linked.lock")).isSymbolicLink());
  const text = readFileSync(workspace.path("real.lock"), "utf8");
  const pipe = workspace.path("pipe");
  execFileSync("mkfifo", [pipe]);
  const [piped] = await Promise.all([
    readFile(pipe, "utf8"),
    succeed(workspace, ["lock", config, "--lock", pipe]),
  ]);
  assert.equal(piped, text);
  assert.ok(lstatSync(pipe).isFIFO());
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
