/** bivy db, end to end: fetched from a server, moved as a bundle and through a registry, compared. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, utimesSync, cpSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { encodeText } from "../src/base/index.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { servePackages } from "./package-server.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  assertFailure,
  openWorkspace,
  projectFolder,
  runBivy,
  startBivy,
  succeed,
  type Workspace,
} from "./run-bivy.ts";

const sample = join(projectFolder, "examples", "scan");

/** The files of a folder, by the paths that the servers of the feeds have them at. */
function served(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of readdirSync(folder, { recursive: true }) as string[])
    if (name.includes(".")) {
      try {
        files.set(name, readFileSync(join(folder, name)));
      } catch {
        // A folder that is called after a branch.
      }
    }
  return new Map(
    Array.from(files, ([name, bytes]) => [
      name === "epss_scores-current.csv" ? "epss_scores-current.csv.gz" : name,
      bytes,
    ]),
  );
}

async function serveFeeds(context: TestContext, folder = join(sample, "advisories")) {
  const server = await servePackages(context, served(folder));
  const hosts = [
    "https://secdb.alpinelinux.org",
    "https://alpinelinux.org",
    "https://gitlab.alpinelinux.org",
    "https://epss.empiricalsecurity.com",
    "https://www.cisa.gov/sites/default/files/feeds",
    "https://osv-vulnerabilities.storage.googleapis.com",
    "https://nvd.nist.gov/feeds/json/cve/2.0",
  ];
  const flags = hosts.flatMap((host) => ["--mirror", `${host}=${server.url}`]);
  return { server, flags };
}

interface Status {
  readonly digest: string;
  readonly feeds: readonly {
    readonly name: string;
    readonly branch?: string;
    readonly fetched: number;
  }[];
  readonly branches: readonly { readonly branch: string; readonly supported?: boolean }[];
}

async function status(workspace: Workspace, ...words: readonly string[]): Promise<Status> {
  const { stdout } = await succeed(workspace, ["db", "status", "--format", "json", ...words]);
  return JSON.parse(stdout) as Status;
}

test("an update fetches all feeds, and the next one says what is new", async (context) => {
  const workspace = openWorkspace(context);
  const { server, flags } = await serveFeeds(context);
  const first = await succeed(workspace, ["db", "update", ...flags]);
  assert.match(
    first.stdout,
    /^sha256:[0-9a-f]{64}\n1 branch, 2 files of secdb.*\nThis is the first/s,
  );
  const { feeds, branches } = await status(workspace);
  assert.deepEqual(
    feeds.map(({ name }) => name),
    ["secdb", "secdb", "releases", "kev", "epss"],
  );
  assert.deepEqual([branches[0]!.branch, branches[0]!.supported], ["v3.20", true]);

  server.heal(served(join(sample, "newer")));
  const second = await succeed(workspace, ["db", "update", ...flags]);
  assert.match(
    second.stdout,
    /Fixes that are new: 1\n.*\nv3\.20 +main +openssl +3\.3\.2-r0 +CVE-2024-6119/s,
  );
  assert.match(second.stdout, /No fixes are withdrawn/);
  const third = await succeed(workspace, ["db", "update", ...flags, "--format", "json"]);
  const { digest, changes } = JSON.parse(third.stdout);
  assert.deepEqual([changes.added, changes.withdrawn], [[], []]);
  assert.equal((await status(workspace)).digest, digest);
});

test("what fails is named and kept, and a page in place of a feed too", async (context) => {
  const workspace = openWorkspace(context);
  const { server, flags } = await serveFeeds(context);
  await succeed(workspace, ["db", "update", ...flags]);
  const before = await status(workspace);
  server.misbehave("/v3.20/main.json", (response) => void response.end("<html>"));
  const { stderr } = await succeed(workspace, ["db", "update", ...flags]);
  assert.match(
    stderr,
    /warning: secdb v3\.20 main: .*expected a JSON document; an older copy is kept/,
  );
  const after = await status(workspace);
  const ageOf = ({ feeds }: Status) => feeds.find(({ branch }) => branch !== undefined)!.fetched;
  assert.equal(ageOf(after), ageOf(before));
});

test("without a network there is no database, and it is said what to do", async (context) => {
  const workspace = openWorkspace(context);
  assertFailure(await runBivy(workspace, ["db", "update", "--offline"]), {
    exitCode: 3,
    code: "offline",
    message: /bivy is offline/,
    hint: /bivy db import/,
  });
  assertFailure(await runBivy(workspace, ["db", "status"]), {
    exitCode: 3,
    code: "advisories-missing",
    message: /there is no current database/,
    hint: /bivy db update/,
  });
});

test("a killed update leaves the good one", async (context) => {
  const workspace = openWorkspace(context);
  const { server, flags } = await serveFeeds(context);
  await succeed(workspace, ["db", "update", ...flags]);
  const { digest } = await status(workspace);
  server.heal(served(join(sample, "newer")));
  server.misbehave("/known_exploited_vulnerabilities.json", () => undefined);
  const running = startBivy(workspace, ["db", "update", ...flags]);
  await server.asked("/known_exploited_vulnerabilities.json");
  running.process.kill("SIGKILL");
  await running.outcome;
  assert.equal((await status(workspace)).digest, digest);
});

test("a bundle carries a database to a machine without a network", async (context) => {
  const [source, target] = [openWorkspace(context), openWorkspace(context)];
  await succeed(source, ["db", "import", join(sample, "advisories")]);
  const bundle = source.path("advisories.tar");
  const { stdout } = await succeed(source, ["db", "export", bundle]);
  await succeed(target, ["db", "import", bundle, "--offline"]);
  const { digest } = await status(target);
  assert.equal(`${digest}\n`, stdout);
  assert.equal((await status(source)).digest, digest);

  const damaged = readFileSync(bundle);
  damaged[damaged.indexOf("CVE-2024-7264")] = 0x58;
  const broken = target.write("broken.tar", damaged);
  const failed = await runBivy(target, ["db", "import", broken]);
  assert.equal(failed.exitCode, 3);
  assert.match(failed.stderr, /digest-mismatch/);
  assert.equal((await status(target)).digest, digest, "the good one stays");
});

test("a registry carries a database", needs({ tools: ["docker-registry"] }), async (context) => {
  const workspace = openWorkspace(context);
  const registry = await startDockerRegistry(context);
  const reference = `${registry.host}/security/advisories:latest`;
  await succeed(workspace, ["db", "import", join(sample, "advisories")]);
  await succeed(workspace, ["db", "export", reference, "--insecure"]);
  const other = openWorkspace(context);
  await succeed(other, ["db", "import", reference, "--insecure"]);
  assert.equal((await status(other)).digest, (await status(workspace)).digest);
});

test("what is no database is refused", async (context) => {
  const workspace = openWorkspace(context);
  const cases = [
    [workspace.folder, "advisories-missing"],
    [workspace.path("nothing"), "file-not-found"],
    [workspace.write("text.tar", encodeText("text")), "tar-truncated"],
  ] as const;
  for (const [path, code] of cases) {
    const { exitCode, stderr } = await runBivy(workspace, ["db", "import", path]);
    assert.equal(exitCode, 3, stderr);
    assert.ok(stderr.includes(`[${code}]`), stderr);
  }
});

test("a folder with a damaged file is refused as a whole", async (context) => {
  const workspace = openWorkspace(context);
  cpSync(join(sample, "advisories"), workspace.path("copy"), { recursive: true });
  workspace.write("copy/v3.20/main.json", "{");
  assertFailure(await runBivy(workspace, ["db", "import", workspace.path("copy")]), {
    exitCode: 3,
    code: "advisories-invalid",
    message: /main\.json: expected a JSON document/,
  });
});

test("an age is shown, and an old database is called old", async (context) => {
  const workspace = openWorkspace(context);
  cpSync(join(sample, "advisories"), workspace.path("copy"), { recursive: true });
  for (const name of readdirSync(workspace.path("copy"), { recursive: true }) as string[])
    utimesSync(workspace.path("copy", name), 1_700_000_000, 1_700_000_000);
  const words = ["db", "status", "--db", workspace.path("copy"), "--at", "2023-11-18"];
  const { stdout } = await succeed(workspace, words);
  assert.match(stdout, /v3\.20 +main, community +4 +3 days \(old\) +until 2099-04-01/);
  const each = await succeed(workspace, [...words, "--all"]);
  assert.match(each.stdout, /v3\.20 +main +3 +3 days .*\nv3\.20 +community +1 +3 days /);
  assertFailure(await runBivy(workspace, [...words, "--max-age", "2d"]), {
    exitCode: 3,
    code: "advisories-stale",
    message: /expected advisories of at most 2d, found some that are \d+ hours old/,
  });
});

interface Diff {
  readonly changes: {
    readonly added: readonly { readonly origin: string; readonly ids: readonly string[] }[];
  };
  readonly rebuild: {
    readonly affected: readonly { readonly name: string; readonly position: number }[];
    readonly unaffected: readonly string[];
    readonly notJudged: readonly { readonly name: string }[];
  };
}

test("a diff names the images to rebuild", async (context) => {
  const workspace = openWorkspace(context);
  const root = `dir:${join(sample, "root")}`;
  const { stdout } = await succeed(workspace, [
    "db",
    "diff",
    join(sample, "advisories"),
    join(sample, "newer"),
    "--images",
    root,
    "--format",
    "json",
  ]);
  const { changes, rebuild } = JSON.parse(stdout) as Diff;
  assert.deepEqual(
    changes.added.map(({ origin, ids }) => [origin, ids]),
    [["openssl", ["CVE-2024-6119"]]],
  );
  assert.deepEqual(
    rebuild.affected.map(({ name }) => name),
    [root],
  );
});

test("images that cannot be read are named once, and are not taken for unaffected", async (context) => {
  const workspace = openWorkspace(context);
  const diff = ["db", "diff", join(sample, "advisories"), join(sample, "advisories"), "--images"];
  const none = await runBivy(workspace, [...diff, "gone.tar"]);
  assert.equal(none.exitCode, 3);
  assert.match(none.stderr, /^error: gone\.tar: reading failed/m);
  assert.match(none.stdout, /^None of the images could be judged\.\n\S.*:\n  gone\.tar: reading/);
  const some = await runBivy(workspace, [...diff, "gone.tar", `dir:${join(sample, "root")}`]);
  assert.match(some.stdout, /^None of the images that could be judged has to be rebuilt\./);
});

test(
  "between the snapshots of October and November 2024 it is the 3.19.4 root alone",
  needs({ fixtures: true }),
  async (context) => {
    const workspace = openWorkspace(context);
    const images = [
      ...readdirSync(join(fixtures, "minirootfs")).map((name) =>
        join(fixtures, "minirootfs", name),
      ),
      ...readdirSync(join(fixtures, "images")).map((name) => join(fixtures, "images", name)),
    ];
    const snapshot = (date: string) => join(fixtures, "secdb", date);
    const { stdout } = await succeed(workspace, [
      "db",
      "diff",
      snapshot("2024-10-15"),
      snapshot("2024-11-15"),
      "--images",
      ...images,
      "--format",
      "json",
    ]);
    const { rebuild } = JSON.parse(stdout) as Diff;
    assert.deepEqual(
      rebuild.affected.map(({ name }) => name),
      images.filter((name) => name.includes("3.19.4")),
    );
    assert.deepEqual(rebuild.unaffected, []);
    // Their branches are in neither snapshot: that is said, and is not "not affected".
    assert.equal(rebuild.notJudged.length, images.length - 1);
  },
);
