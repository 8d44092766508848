/** Interruptions: signals, kills, full disks, closed pipes and neighbours leave everything as it was. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { demoProgram } from "../src/cli/demo-program.ts";
import { asUser, giveTo, installForOthers } from "./other-user.ts";
import { servePackages, type Misbehaviour, type PackageServer } from "./package-server.ts";
import { needs } from "./requirements.ts";
import {
  assertFailure,
  assertNothingLeft,
  build,
  listFolder,
  openWorkspace,
  readLayout,
  runBivy,
  startBivy,
  succeed,
  type Outcome,
  type RunOptions,
  type Workspace,
} from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  smallWorld,
  writeRepository,
  type SamplePackage,
} from "./signed-repository.ts";

const asRoot = needs({ root: true, tools: ["unshare", "mount", "setpriv"] });

async function openServed(
  context: TestContext,
): Promise<{ workspace: Workspace; server: PackageServer; config: string }> {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, makeRepository(smallWorld));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [server.url], packages: ["app"] }),
  );
  return { workspace, server, config };
}

/** Sends half of the file, and then nothing more. */
const stall: Misbehaviour = (response, file) => {
  response.writeHead(200, { "content-length": file.byteLength });
  response.write(file.subarray(0, file.byteLength / 2));
};

/** The files of a workspace outside of the cache, which may keep what is whole. */
function listOutsideCache(workspace: Workspace): string[] {
  return listFolder(workspace.folder).filter((path) => !path.startsWith("home/.cache"));
}

const places = (workspace: Workspace) => [
  "--tag",
  "sample",
  "-o",
  `oci:${workspace.path("layout")}`,
  "-o",
  `docker-archive:${workspace.path("image.tar")}`,
];

suite("signals", { concurrency: 2 }, () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    test(`${signal} in the middle of a download`, async (context) => {
      const { workspace, server, config } = await openServed(context);
      server.misbehave("app-1.0-r0.apk", stall);
      const before = listOutsideCache(workspace);
      const running = startBivy(workspace, ["build", config, ...places(workspace)]);
      await server.asked("app-1.0-r0.apk");
      running.process.kill(signal);
      const outcome = await running.outcome;
      assertFailure(outcome, { exitCode: 130, code: "aborted", message: /aborted/ });
      assert.deepEqual(listOutsideCache(workspace), before);
      server.heal(makeRepository(smallWorld));
      await build(workspace, [config, ...places(workspace)]);
    });

  test("one Ctrl-C that arrives twice, as npm and timeout pass it on", async (context) => {
    const { workspace, server, config } = await openServed(context);
    server.misbehave("app-1.0-r0.apk", stall);
    const before = listOutsideCache(workspace);
    const running = startBivy(workspace, ["build", config, ...places(workspace)]);
    await server.asked("app-1.0-r0.apk");
    running.process.kill("SIGINT");
    await sleep(20);
    running.process.kill("SIGINT");
    const outcome = await running.outcome;
    // Node gives its signal handlers up before the process is gone; to a shell both are 130.
    const ended = outcome.signal === "SIGINT" ? { ...outcome, exitCode: 130 } : outcome;
    assertFailure(ended, { exitCode: 130, code: "aborted", message: /aborted/ });
    assert.deepEqual(listOutsideCache(workspace), before);
  });

  test("SIGKILL in the middle of a download", async (context) => {
    const { workspace, server, config } = await openServed(context);
    server.misbehave("app-1.0-r0.apk", stall);
    const running = startBivy(workspace, ["build", config, ...places(workspace)]);
    await server.asked("app-1.0-r0.apk");
    running.process.kill("SIGKILL");
    assert.equal((await running.outcome).signal, "SIGKILL");
    server.heal(makeRepository(smallWorld));
    await build(workspace, [config, ...places(workspace)]);
    assert.deepEqual(
      listFolder(join(workspace.home, ".local")).filter((path) => path.includes("unfinished")),
      [],
    );
  });
});

/** An x86-64 program that says a text and then spins until it is killed: `jmp .` in place of its end. */
function spinningProgram(): Uint8Array {
  const program = Buffer.from(demoProgram("x86_64", "spinning\n"));
  program.set([0xeb, 0xfe], program.indexOf(Buffer.from("b83c000000", "hex")));
  return program;
}

/** A script that never ends, whose interpreter has a name of its own. */
function spinning(interpreter: string): SamplePackage[] {
  const files = { [`bin/${interpreter}`]: { mode: 0o755, text: spinningProgram() } };
  const scripts = { "post-install": `#!/bin/${interpreter}\n` };
  return [
    { name: "interpreter", files },
    { name: "app", depends: ["interpreter"], files: { "etc/app": "app\n" }, scripts },
  ];
}

/** The commands of all processes that run one of these names or carry it in their arguments. */
function processesOf(...names: readonly string[]): string[] {
  return readdirSync("/proc").flatMap((id) => {
    try {
      const command = readFileSync(`/proc/${id}/cmdline`, "latin1").replaceAll("\0", " ");
      const program = readlinkSync(`/proc/${id}/exe`);
      return names.some((name) => `${program} ${command}`.includes(name)) ? [command] : [];
    } catch {
      return [];
    }
  });
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (holds()) return;
    await sleep(20);
  }
  assert.fail(`${what} did not come about`);
}

/** Builds until the script spins, sends the signal to the outermost process, and waits for its end. */
async function interruptScript(
  context: TestContext,
  signal: NodeJS.Signals,
  change: (workspace: Workspace) => RunOptions,
): Promise<{ workspace: Workspace; outcome: Outcome; before: string[] }> {
  const workspace = openWorkspace(context);
  const interpreter = `spin-${basename(workspace.folder)}`;
  const files = makeRepository(spinning(interpreter));
  const repository = writeRepository(workspace.path("repository"), files);
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [repository], packages: ["app"] }),
  );
  mkdirSync(workspace.path("out"));
  const options = change(workspace);
  const before = listOutsideCache(workspace);
  const words = [
    "build",
    config,
    "--tag",
    "sample",
    "-o",
    `oci-archive:${workspace.path("out/i")}`,
  ];
  const running = startBivy(workspace, words, options);
  const isSpinning = () => processesOf(`/${interpreter}`).length > 0;
  await until("the script", () => isSpinning() || running.process.exitCode !== null);
  running.process.kill(signal);
  const outcome = await running.outcome;
  assert.ok(!/fault in bivy/.test(outcome.stderr), outcome.stderr);
  await until(
    "the end of all processes",
    () => processesOf(interpreter, workspace.folder).length === 0,
  );
  return { workspace, outcome, before };
}

const aborted = { exitCode: 130, code: "aborted", message: /interrupted/ } as const;

suite("signals during a script", { concurrency: 2, ...asRoot }, () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} as root`, async (context) => {
      const { workspace, outcome, before } = await interruptScript(context, signal, () => ({}));
      assertFailure(outcome, aborted);
      assert.deepEqual(listOutsideCache(workspace), before);
    });
    test(`${signal} as a plain user`, async (context) => {
      const { workspace, outcome, before } = await interruptScript(context, signal, plainUser);
      assertFailure(outcome, aborted);
      assert.deepEqual(listOutsideCache(workspace), before);
    });
  }
  test("SIGKILL as a plain user leaves nothing", async (context) => {
    const { workspace, outcome, before } = await interruptScript(context, "SIGKILL", plainUser);
    assert.equal(outcome.signal, "SIGKILL");
    assert.deepEqual(listOutsideCache(workspace), before);
  });
  test("SIGKILL as root leaves no process", async (context) => {
    const { workspace, outcome } = await interruptScript(context, "SIGKILL", () => ({}));
    assert.equal(outcome.signal, "SIGKILL");
    // What it left in the temporary folder does not disturb the next one.
    await build(workspace, [workspace.path("image.yaml"), "--no-scripts", "--tag", "sample"]);
  });
});

function plainUser(workspace: Workspace): RunOptions {
  const program = installForOthers(workspace);
  giveTo(workspace, 54321, "out");
  return { program, prefix: asUser(54321) };
}

test("two bivy processes share a cache and a store", async (context) => {
  const { workspace, server, config } = await openServed(context);
  const names = ["one", "two", "three", "four"];
  const results = await Promise.all(names.map((name) => build(workspace, [config, "--tag", name])));
  assert.equal(new Set(results.map(({ digest }) => digest)).size, 1);
  const { index: store } = readLayout(join(workspace.home, ".local/share/bivy/images"));
  assert.deepEqual(
    store.manifests
      .map(({ digest, annotations }) => [annotations["org.opencontainers.image.ref.name"], digest])
      .sort(),
    names.map((name) => [`docker.io/library/${name}:latest`, results[0]!.digest]).sort(),
  );
  assertNothingLeft(workspace);
  const asked = server.requests.length;
  await build(workspace, [config, "--offline", "--tag", "five"]);
  assert.equal(server.requests.length, asked);
});

/** Runs bivy where a folder of the workspace is a file system of its own, without room. */
function onFullDisk(folder: string, bytes: number): RunOptions {
  const script = `mount -n -t tmpfs -o size=${bytes},mode=1777 tmpfs "$0" && "$@"
code=$?; find "$0" -type f -exec sha256sum {} + | sed "s/^/LEFT /" >&2; exit $code`;
  return {
    prefix: ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, folder],
  };
}

suite("a full disk", asRoot, () => {
  const large: SamplePackage[] = [
    { name: "app", files: { "srv/large": { text: randomBytes(3 * 1024 * 1024) } } },
  ];
  const attempt = async (context: TestContext, folder: string, words: readonly string[]) => {
    const workspace = openWorkspace(context);
    const server = await servePackages(context, makeRepository(large));
    const config = workspace.write(
      "image.yaml",
      sampleConfig({ repositories: [server.url], packages: ["app"] }),
    );
    const full = workspace.path(folder);
    mkdirSync(full, { recursive: true });
    const outcome = await runBivy(
      workspace,
      ["build", config, ...words.map((word) => word.replace("FULL", full))],
      onFullDisk(full, 1024 * 1024),
    );
    const left = outcome.stderr.match(/^LEFT .*$/gm) ?? [];
    return {
      workspace,
      outcome: { ...outcome, stderr: outcome.stderr.replace(/^LEFT .*\n/gm, "") },
      left,
    };
  };
  const full = { exitCode: 3, code: "disk-full", message: /no space left/, hint: /space/ } as const;

  for (const [what, folder, words] of [
    ["an archive", "full", ["-o", "oci-archive:FULL/image.tar"]],
    ["a docker archive", "full", ["-o", "docker-archive:FULL/image.tar"]],
    ["a layout", "full", ["-o", "oci:FULL/layout"]],
    ["the store", "home/.local/share/bivy", ["--tag", "sample"]],
    ["temporary files", "tmp", ["-o", "oci-archive:FULL/../image.tar"]],
  ] as const)
    test(`of ${what}`, async (context) => {
      const { workspace, outcome, left } = await attempt(context, folder, words);
      assertFailure(outcome, full);
      // A layout that names no image is none, and a blob is whole or not there.
      const unexpected = left.filter(
        (line) => !/\/(oci-layout|index\.json)$|^LEFT (\w{64}) .*\/blobs\/sha256\/\2$/.test(line),
      );
      assert.deepEqual(unexpected, []);
      assertNothingLeft(workspace);
    });

  test("of the cache costs a warning", async (context) => {
    const { workspace, outcome } = await attempt(context, "home/.cache", ["--tag", "sample"]);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.match(outcome.stderr, /warning: .*cache/);
    assertNothingLeft(workspace);
  });
});

suite("the home folder", { concurrency: 2, ...asRoot }, () => {
  test("that is read-only", async (context) => {
    const { workspace, config } = await openServed(context);
    const options = plainUserWithOut(workspace);
    // Not the user's own: in a user namespace he could write it all the same.
    chownSync(workspace.home, 0, 0);
    const image = workspace.path("out/image.tar");
    const { stderr } = await succeed(
      workspace,
      ["build", config, "-o", `oci-archive:${image}`],
      options,
    );
    assert.match(stderr, /warning: .*cache/);
    assertFailure(await runBivy(workspace, ["build", config, "--tag", "sample", "-q"], options), {
      exitCode: 3,
      code: "file-denied",
      message: /\.local.*permission denied/,
      hint: /./,
    });
    assertNothingLeft(workspace);
  });

  test("that is missing", async (context) => {
    const { workspace, config } = await openServed(context);
    const options = { ...plainUserWithOut(workspace), environment: { HOME: undefined } };
    const words = ["build", config, "-o", `oci-archive:${workspace.path("out/image.tar")}`];
    assertFailure(await runBivy(workspace, words, options), {
      exitCode: 2,
      code: "usage",
      message: /HOME/,
      hint: /XDG_CACHE_HOME/,
    });
    const environment = {
      HOME: undefined,
      XDG_CACHE_HOME: workspace.path("home/cache"),
      XDG_CONFIG_HOME: workspace.path("home/config"),
      XDG_DATA_HOME: workspace.path("home/data"),
    };
    await succeed(workspace, words, { ...options, environment });
    assert.equal(existsSync(workspace.path("out/image.tar")), true);
  });
});

function plainUserWithOut(workspace: Workspace): RunOptions {
  mkdirSync(workspace.path("out"));
  return plainUser(workspace);
}

test("a reader that goes away ends nothing", async (context) => {
  const { workspace, config } = await openServed(context);
  const image = workspace.path("image.tar");
  const script = `"$@" 2>&1 >"$0.result" | head -n 1; test -s "$0.result"`;
  const { exitCode, stdout } = await runBivy(
    workspace,
    ["build", config, "--progress", "plain", "-o", `oci-archive:${image}`],
    { prefix: ["sh", "-c", script, image] },
  );
  assert.equal(exitCode, 0);
  assert.equal(stdout.split("\n").length, 2);
  assert.ok(existsSync(image));
  assertNothingLeft(workspace);
  const help = await runBivy(workspace, ["--help"], {
    prefix: ["sh", "-c", `"$@" | head -n 1`, "sh"],
  });
  assert.equal(help.stderr, "");
  assert.match(help.stdout, /^Examples:\n$/);
});
