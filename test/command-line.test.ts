/** The command line: help, suggestions, exit codes, the forms of output, and where things are fetched from. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { asUser, giveTo, installForOthers } from "./other-user.ts";
import { servePackages } from "./package-server.ts";
import { needs } from "./requirements.ts";
import {
  assertFailure,
  assertNothingLeft,
  build,
  mainFile,
  openWorkspace,
  projectFolder,
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
  type RepositoryFiles,
} from "./signed-repository.ts";

/** A workspace with a repository in a folder and a configuration that names it. */
function openProject(context: TestContext): { workspace: Workspace; config: string } {
  const workspace = openWorkspace(context);
  writeRepository(workspace.path("repository"), makeRepository(smallWorld));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: ["./repository"], packages: ["app"] }),
  );
  return { workspace, config };
}

suite("help", { concurrency: 2 }, () => {
  test("the version", async (context) => {
    const { version } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8"));
    const { stdout, stderr } = await succeed(openWorkspace(context), ["--version"]);
    assert.equal(stdout, `bivy ${version}\n`);
    assert.equal(stderr, "");
  });

  for (const words of [
    [],
    ["--help"],
    ["-h"],
    ["help"],
    ["build", "--help"],
    ["lock", "-h"],
    ["demo", "--help"],
    ["help", "build"],
  ])
    test(`bivy ${words.join(" ")}`, async (context) => {
      const { stdout, stderr } = await succeed(openWorkspace(context), words);
      assert.equal(stderr, "");
      const usage = stdout.indexOf("\nUsage: bivy ");
      if (!words.includes("demo")) {
        assert.ok(stdout.startsWith("Examples:\n  $ bivy "), "examples come first");
        assert.ok(usage > 0, stdout);
      }
      assert.match(stdout, /-h, --help/);
      for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);
    });

  for (const [words, said] of [
    [["buidl"], /unknown command 'buidl'\n\(Did you mean build\?\)\nSee bivy --help\./],
    [
      ["build", "--ofline"],
      /unknown option '--ofline'\n\(Did you mean --offline\?\)\nSee bivy build --help\./,
    ],
    [["--verison"], /unknown option '--verison'\n\(Did you mean --version\?\)/],
    [["build", "--compression", "lz4"], /'lz4' is invalid. Allowed choices are gzip, zstd, none\./],
    [["build", "one", "two"], /too many arguments/],
    [["lock", "--vendor"], /argument missing/],
  ] as const)
    test(`usage: bivy ${words.join(" ")}`, async (context) => {
      const outcome = await runBivy(openWorkspace(context), words);
      assert.equal(outcome.exitCode, 2);
      assert.match(outcome.stderr, said);
      assert.equal(outcome.stdout, "");
    });
});

suite("wrong usage", { concurrency: 2 }, () => {
  for (const [words, expected] of [
    [
      ["build", "missing.yaml"],
      {
        exitCode: 3,
        code: "file-not-found",
        message: /^missing\.yaml: no such/,
        hint: /image\.yaml/,
      },
    ],
    [
      ["build", "both"],
      {
        exitCode: 2,
        code: "usage",
        message: /one of Dockerfile and image\.yaml, found both/,
        hint: /-f both\/Dockerfile both/,
      },
    ],
    [
      ["build", "empty"],
      {
        exitCode: 3,
        code: "file-not-found",
        message: /expected a Dockerfile or image\.yaml.*found neither/,
      },
    ],
    [
      ["build", "typo.yaml"],
      {
        exitCode: 2,
        code: "config-invalid",
        message: /typo\.yaml:3:3: unknown field "packges" in contents; did you mean "packages"\?/,
      },
    ],
    [["build", "broken.yaml"], { exitCode: 2, code: "config-invalid", message: /broken\.yaml:2:/ }],
    [
      ["build", "two.yaml"],
      {
        exitCode: 2,
        code: "config-invalid",
        message:
          /two\.yaml:1:1: .*"entrypiont"; did you mean "entrypoint"\?[^]*two\.yaml:3:\d+: .*uid/,
      },
    ],
    [
      ["build", "image.yaml", "--limit", "ratoi=5"],
      { exitCode: 2, code: "usage", message: /no limit named ratoi/, hint: /ratio/ },
    ],
    [
      ["build", "image.yaml", "--limit", "ratio=much"],
      { exitCode: 2, code: "usage", message: /NAME=NUMBER/ },
    ],
    [
      ["build", "image.yaml", "--mirror", "nonsense"],
      { exitCode: 2, code: "usage", message: /FROM=TO/, hint: /--mirror http/ },
    ],
    [
      ["build", "image.yaml", "--arch", "x86-64"],
      { exitCode: 2, code: "arch-invalid", message: /x86-64/, hint: /x86_64/ },
    ],
    [
      ["build", "image.yaml", "--tag", "UPPER CASE"],
      { exitCode: 2, code: "reference-invalid", message: /UPPER CASE/ },
    ],
    [
      ["build", "image.yaml", "-o", "dir:out"],
      { exitCode: 2, code: "usage", message: /dir:out/, hint: /oci:DIR/ },
    ],
    [
      ["build", "image.yaml", "-o", "docker-archive:out.tar:UPPER"],
      { exitCode: 2, code: "usage", message: /UPPER is not a reference/ },
    ],
    [
      ["build", "image.yaml", "-o", "out"],
      { exitCode: 2, code: "usage", message: /--output out: expected oci:DIR/, hint: /-t NAME/ },
    ],
    [
      ["build", "image.yaml", "-o", "ocy:out"],
      { exitCode: 2, code: "usage", message: /--output ocy:out: expected oci:DIR/ },
    ],
    [
      ["build", "image.yaml", "-o", "https://example.com/app"],
      { exitCode: 2, code: "reference-invalid", message: /URL/, hint: /: example\.com\/app/ },
    ],
    [
      ["build", "image.yaml", "-o", "oci-archive:out.tar", "-o", "docker-archive:./out.tar"],
      { exitCode: 2, code: "usage", message: /out\.tar: .*found it twice/, hint: /another file/ },
    ],
    [
      ["build", "image.yaml", "--lock", "missing.lock"],
      { exitCode: 2, code: "lock-missing", message: /missing\.lock/, hint: /bivy lock/ },
    ],
    [
      ["build", "tagged.yaml"],
      {
        exitCode: 2,
        code: "config-invalid",
        message: /tagged\.yaml: app@edge: expected a repository with the tag edge/,
        hint: /"@edge https:/,
      },
    ],
    [
      ["build", "image.yaml", "-o", "oci-archive:no/folder/out.tar"],
      { exitCode: 3, code: "file-not-found", message: /no\/folder/, hint: /./ },
    ],
    [
      ["build", "image.yaml", "--context", "missing"],
      { exitCode: 3, code: "file-not-found", message: /missing/, hint: /./ },
    ],
    [
      ["build", "unserved.yaml"],
      {
        exitCode: 3,
        code: "file-not-found",
        message: /nowhere.*APKINDEX\.tar\.gz/,
        hint: /architecture/,
      },
    ],
    [
      ["build", "image.yaml", "--offline", "--locked"],
      { exitCode: 2, code: "lock-missing", message: /bivy\.lock/, hint: /bivy lock/ },
    ],
  ] as const)
    test(words.join(" "), async (context) => {
      const { workspace } = openProject(context);
      workspace.write("both/Dockerfile", "FROM alpine\n");
      workspace.write("both/image.yaml", "archs: [x86_64]\n");
      workspace.write("empty/README", "");
      workspace.write("typo.yaml", "# a comment\ncontents:\n  packges: [app]\n");
      workspace.write("broken.yaml", "contents:\n\t- packages\n");
      workspace.write("two.yaml", "entrypiont: {}\naccounts:\n  users: [{username: a, uid: 0}]\n");
      const contents = JSON.parse(readFileSync(workspace.path("image.yaml"), "utf8"));
      const files = { files: [{ source: "source", path: "/srv/source" }] };
      if (words.includes("--context" as never))
        workspace.write("image.yaml", JSON.stringify({ ...contents, ...files }));
      const tagged = sampleConfig({ repositories: ["./repository"], packages: ["app@edge"] });
      workspace.write("tagged.yaml", tagged);
      const unserved = sampleConfig({ repositories: ["./nowhere"], packages: ["app"] });
      workspace.write("unserved.yaml", unserved);
      assertFailure(await runBivy(workspace, words), expected);
      assertNothingLeft(workspace);
    });
});

test("standard output that is full", async (context) => {
  const { workspace } = openProject(context);
  const prefix = ["sh", "-c", 'exec "$@" >/dev/full', "sh"];
  const { exitCode, stderr } = await runBivy(workspace, ["build", "-q"], { prefix });
  assert.equal(exitCode, 3);
  assert.match(stderr, /^error: standard output: writing failed: ENOSPC.*\n$/);
});

test("a temporary folder that is not there", async (context) => {
  const { workspace } = openProject(context);
  const environment = { TMPDIR: workspace.path("nowhere") };
  const outcome = await runBivy(workspace, ["build", "-o", "oci:out"], { environment });
  assertFailure(outcome, {
    exitCode: 3,
    code: "file-not-found",
    message: /nowhere\/bivy-/,
    hint: /set TMPDIR/,
  });
});

test("a folder stands for the configuration in it, and names the image", async (context) => {
  const { workspace } = openProject(context);
  const { digest, places } = await build(workspace, []);
  assert.deepEqual(places.length, 1);
  assert.match(places[0]!, /^docker\.io\/library\/bivy-test-[a-z0-9-]+:latest$/);
  assert.deepEqual(
    await build(workspace, [workspace.folder]),
    await build(workspace, ["image.yaml"]),
  );
  const { stdout } = await succeed(workspace, [
    "build",
    "-t",
    "example.com/a:1",
    "-o",
    "oci:out:x",
  ]);
  assert.match(
    stdout,
    new RegExp(
      `^${digest}\n {2}x86_64: 3 packages, 1 layer, [\\d.]+ KiB compressed\n {2}example.com/a:1\n {2}oci:out:x\n$`,
    ),
  );
});

test("the file - is standard output, and then nothing else is on it", async (context) => {
  const { workspace } = openProject(context);
  const { digest } = await build(workspace, ["-o", "oci:out"]);
  const shell = `"$0" "$@" | tar -xO index.json`;
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", shell, process.execPath, mainFile, "build", "-o", "oci-archive:-", "-q"],
    { cwd: workspace.folder, env: { ...process.env, HOME: workspace.home }, encoding: "utf8" },
  );
  const index = JSON.parse(stdout) as { manifests: { digest: string }[] };
  assert.equal(index.manifests[0]?.digest, digest, "the archive arrives whole");
  assert.match(stderr, new RegExp(`^${digest}$`, "m"), "what is said about it is on stderr");
});

test("a place that cannot be written is refused before any work", async (context) => {
  const { workspace } = openProject(context);
  for (const [place, exitCode, code, message] of [
    ["oci-archive:nowhere/a.tar", 3, "file-not-found", /folder .*nowhere does not exist/],
    ["oci-archive:repository", 2, "usage", /found a folder/],
    ["dir:out", 2, "usage", /cannot be written as a plain folder/],
    ["docker-archive:a.tar:UPPER", 2, "usage", /UPPER is not a reference/],
  ] as const) {
    const outcome = await runBivy(workspace, ["build", "-o", place]);
    assertFailure(outcome, { exitCode, code, message, hint: /./ });
    assert.doesNotMatch(outcome.stderr, /Installing/, place);
  }
});

test("what is allowed and hardly ever meant is said", async (context) => {
  const { workspace } = openProject(context);
  const empty = workspace.write("empty.yaml", "archs: [x86_64]\naccounts: { run-as: ghost }\n");
  const { stderr } = await succeed(workspace, ["build", empty, "-o", "oci:empty"]);
  assert.match(stderr, /warning: x86_64: the image has no packages/);
  assert.match(stderr, /warning: accounts\.run-as: the image has no user ghost/);
});

test("progress: json lines, plain lines, or none", async (context) => {
  const { workspace, config } = openProject(context);
  const words = ["build", config, "-o", "oci-archive:out.tar"];
  const json = await succeed(workspace, [...words, "--progress=json"]);
  const events = json.stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events
      .filter(({ type }) => type === "change")
      .map(({ position, text }) => `${position} ${text}`),
    ["1 Installing base (1.0-r0)", "2 Installing library (1.0-r0)", "3 Installing app (1.0-r0)"],
  );
  const links = events.filter(({ type }) => type === "verified").map(({ link }) => link);
  assert.deepEqual(links, ["index", "package", "package", "package", "layer", "image"]);
  const failed = await runBivy(workspace, ["build", "missing.yaml", "--progress=json"]);
  assert.equal(JSON.parse(failed.stderr).code, "file-not-found");
  const quiet = await succeed(workspace, [...words, "--quiet"]);
  assert.equal(quiet.stderr, "");
  assert.equal((await succeed(workspace, [...words, "--progress=quiet"])).stderr, "");
  const plain = await succeed(workspace, words);
  assert.match(plain.stderr, /^\(3\/3\) Installing app \(1\.0-r0\)$/m);
  assert.ok(!plain.stderr.includes("\u001b"), "no colours");
  assert.equal(plain.stdout, quiet.stdout);
});

const asRoot = needs({ root: true, tools: ["setpriv", "unshare"] });

test("a plain user gets the same output and exit codes", asRoot, async (context) => {
  const { workspace, config } = openProject(context);
  const options = { program: installForOthers(workspace), prefix: asUser(54321) };
  giveTo(workspace, 54321);
  for (const words of [
    ["build", "missing.yaml"],
    ["build", config, "--limit", "nothing=1"],
    ["build", config, "--tag", "sample", "--format", "json", "--quiet"],
  ]) {
    const [user, root] = [
      await runBivy(workspace, words, options),
      await runBivy(workspace, words),
    ];
    assert.deepEqual(user, root);
  }
});

/** The small world below a path, such as that of Alpine's mirrors. */
function below(folder: string): RepositoryFiles {
  return new Map(
    [...makeRepository(smallWorld)].map(([path, bytes]) => [`${folder}/${path}`, bytes]),
  );
}

const alpine = "https://dl-cdn.alpinelinux.org/alpine";

suite("mirrors", { concurrency: 2 }, () => {
  const withMirror = async (
    context: TestContext,
    words: (url: string) => readonly string[],
    environment: (url: string) => Record<string, string>,
    settings?: (url: string) => string,
  ) => {
    const workspace = openWorkspace(context);
    const server = await servePackages(context, below("alpine/v3.19/main"));
    const url = `${server.url}/alpine`;
    const { key, publicPem } = sampleKey();
    if (settings !== undefined) workspace.write("home/.config/bivy/config.yaml", settings(url));
    const config = workspace.write(
      "image.yaml",
      sampleConfig({
        repositories: [
          { url: `${alpine}/v3.19/main`, keys: [{ name: key.name, content: publicPem }] },
        ],
        packages: ["app"],
      }),
    );
    const outcome = await runBivy(workspace, ["build", config, "--tag", "sample", ...words(url)], {
      environment: environment(url),
    });
    return { outcome, server };
  };
  const none = () => ({});
  const nothing = () => [];

  test("BIVY_MIRROR", async (context) => {
    const { outcome, server } = await withMirror(context, nothing, (url) => ({
      BIVY_MIRROR: `http://127.0.0.1:9/alpine ${url}`,
    }));
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.equal(server.requests.length, 4);
  });
  test("--mirror", async (context) => {
    const { outcome } = await withMirror(context, (url) => ["--mirror", `${alpine}=${url}`], none);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
  });
  test("config.yaml", async (context) => {
    const settings = (url: string) => `mirrors:\n  ${alpine}:\n    - ${url}/wrong\n    - ${url}\n`;
    const { outcome } = await withMirror(context, nothing, none, settings);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
  });
  test("a config.yaml with a slip", async (context) => {
    const { outcome } = await withMirror(context, nothing, none, () => "mirors: {}\n");
    assertFailure(outcome, {
      exitCode: 2,
      code: "config-invalid",
      message: /config\.yaml: there is no setting mirors; did you mean mirrors\?/,
      hint: /network\.md/,
    });
  });
  test("a mirror that has nothing", async (context) => {
    const { outcome } = await withMirror(context, nothing, (url) => ({ BIVY_MIRROR: `${url}/no` }));
    assertFailure(outcome, {
      exitCode: 3,
      code: "http-not-found",
      message: /alpine\/no\/v3\.19\/main.*404/,
      hint: /./,
    });
  });
});

test("a proxy of the environment, with credentials that are not shown", async (context) => {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, below("main"));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: ["http://packages.example/main"], packages: ["app"] }),
  );
  const proxy = server.url.replace("http://", "http://user:secret@");
  const words = ["build", config, "--tag", "sample"];
  const environment = { http_proxy: proxy };
  const { stderr } = await succeed(workspace, words, { environment });
  assert.equal(server.requests.length, 4);
  for (const [index, path] of server.requests.entries()) {
    assert.match(path, /^http:\/\/packages\.example\/main\/x86_64\//);
    const sent = server.headers[index]!["proxy-authorization"];
    assert.equal(sent, `Basic ${Buffer.from("user:secret").toString("base64")}`);
  }
  assert.doesNotMatch(stderr, /secret/);
  server.misbehave("APKINDEX.tar.gz", (response) => void response.writeHead(407).end());
  const refused = await runBivy(workspace, words, { environment });
  assertFailure(refused, { exitCode: 3, code: "http-status", message: /407/, hint: /proxy/ });
  assert.doesNotMatch(refused.stderr, /secret/);
  const bypassed = await runBivy(workspace, [...words, "--limit", "stall-time=5"], {
    environment: { ...environment, no_proxy: "*", BIVY_MIRROR: "" },
  });
  assertFailure(bypassed, { exitCode: 3, code: "http-unreachable", message: /packages\.example/ });
});

test("--offline opens no connection", async (context) => {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, makeRepository(smallWorld));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [server.url], packages: ["app"] }),
  );
  assertFailure(await runBivy(workspace, ["build", config, "--offline", "--tag", "sample"]), {
    exitCode: 3,
    code: "offline",
    message: /APKINDEX\.tar\.gz: not in the cache/,
    hint: /without --offline/,
  });
  assert.deepEqual(server.requests, []);
  const { digest } = await build(workspace, [config, "--tag", "sample"]);
  const asked = server.requests.length;
  assert.equal((await build(workspace, [config, "--offline", "--tag", "again"])).digest, digest);
  assert.equal(server.requests.length, asked);
  // Online, the index is asked for again, and packages are not.
  await build(workspace, [config, "--tag", "again"]);
  assert.deepEqual(server.requests.slice(asked), ["/x86_64/APKINDEX.tar.gz"]);
});
