/** What bivy lock and bivy build say of known vulnerabilities, end to end: with a database, without, with an old one. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { servePackages, type PackageServer } from "./package-server.ts";
import { openWorkspace, projectFolder, runBivy, succeed, type Workspace } from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  sampleKey,
  type RepositoryFiles,
  type SamplePackage,
} from "./signed-repository.ts";

const sample = join(projectFolder, "examples", "scan");

/** `NAME VERSION` */
function packages(...words: readonly string[]): readonly SamplePackage[] {
  return words.map((each) => {
    const [name = "", version = ""] = each.split(" ");
    return { name, version, files: { [`usr/share/${name}`]: `${each}\n` } };
  });
}

const vulnerable = packages("curl 8.8.0-r0", "nodejs 20.13.1-r0", "tzdata 2024a-r1");
const mended = packages(
  "curl 8.9.1-r0",
  "nodejs 20.15.1-r0",
  "openssl 3.3.1-r0",
  "tzdata 2024b-r0",
);

/** The files of a repository, below a folder of the server. */
function below(folder: string, samples: readonly SamplePackage[]): RepositoryFiles {
  return new Map(
    Array.from(makeRepository(samples), ([path, bytes]) => [`${folder}/${path}`, bytes]),
  );
}

/** Makes the sample's advisories the current database, as if they had been fetched then. */
async function importAdvisories(workspace: Workspace, fetched = new Date()): Promise<void> {
  const copy = workspace.path("advisories");
  cpSync(join(sample, "advisories"), copy, { recursive: true });
  for (const name of readdirSync(copy, { recursive: true }) as string[])
    utimesSync(join(copy, name), fetched, fetched);
  await succeed(workspace, ["db", "import", copy, "-q"]);
}

const longAgo = new Date("2023-11-15T00:00:00Z");

interface Project {
  readonly workspace: Workspace;
  readonly server: PackageServer;
  /** An image configuration of curl and tzdata. */
  readonly config: string;
}

async function openProject(context: TestContext, branch = "v3.20"): Promise<Project> {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, below(`${branch}/main`, vulnerable));
  const config = workspace.write(
    "project/image.yaml",
    sampleConfig({
      repositories: [`${server.url}/${branch}/main`],
      packages: ["curl", "tzdata"],
    }),
  );
  return { workspace, server, config };
}

test("another lock of a configuration says what it mends", async (context) => {
  const { workspace, server, config } = await openProject(context);
  const lock = async (...words: readonly string[]) =>
    (await succeed(workspace, ["lock", config, "-q", ...words])).stdout;
  const none = /vulnerabilities/;
  assert.doesNotMatch(await lock(), none);
  assert.doesNotMatch(await lock(), none, "nobody asked, and there is no database");
  assert.match(
    await lock("--update"),
    /^vulnerabilities not compared: no advisory database; bivy db update$/m,
  );
  await importAdvisories(workspace);
  const asked = server.requests.length;
  assert.match(
    await lock(),
    /^vulnerabilities: 0 mended, 0 brought in, 2 left \(advisories of \d+ minutes? ago; 1 package without fix data\)$/m,
  );
  server.heal(below("v3.20/main", mended));
  assert.match(
    await lock("--cache-dir", workspace.path("empty")),
    /^vulnerabilities: 2 mended, 0 brought in, 0 left .*\nx86_64: mends CVE-2024-7264 \(medium, exploited\), CVE-2024-6197 \(high\): curl 8\.8\.0-r0 -> 8\.9\.1-r0$/m,
  );
  assert.ok(server.requests.slice(asked).every((path) => path.startsWith("/v3.20/")));
});

test("another lock of a Dockerfile says what it mends and brings in", async (context) => {
  const { workspace, server } = await openProject(context);
  const key = sampleKey();
  cpSync(join(sample, "root"), workspace.path("project", "root"), { recursive: true });
  workspace.write("project/root/etc/apk/repositories", `${server.url}/v3.20/main\n`);
  workspace.write("project/root/etc/apk/arch", "x86_64\n");
  workspace.write(`project/root/etc/apk/keys/${key.key.name}`, key.publicPem);
  const cwd = workspace.path("project");
  const always = ["-q", "-f", "Dockerfile", "--platform", "linux/amd64"];
  const run = async (...words: readonly string[]) =>
    (await succeed(workspace, [...words, ...always], { cwd })).stdout;
  const write = (text: string) => writeFileSync(join(cwd, "Dockerfile"), text);
  write("FROM scratch\nCOPY root /\n");
  await run("build", ".", "-t", "base");
  write("FROM base AS app\nRUN apk add --no-cache nodejs\n");
  assert.doesNotMatch(await run("lock", "."), /vulnerabilities/);
  assert.match(await run("lock", "--update", "."), /no advisory database/);
  await importAdvisories(workspace, longAgo);
  assert.match(
    await run("lock", "--update", "."),
    /nothing changes\nvulnerabilities: 0 mended, 0 brought in, 2 left \(advisories are \d+ days old; bivy db update\)/,
  );
  server.heal(below("v3.20/main", mended));
  write("FROM base AS app\nRUN apk add --no-cache nodejs openssl\n");
  const stdout = await run("lock", "--update", ".", "--cache-dir", workspace.path("empty"));
  assert.match(stdout, /^vulnerabilities: 2 mended, 1 brought in, 0 left/m);
  assert.match(
    stdout,
    /^linux\/amd64: app: mends CVE-2024-\d+.*, CVE-2024-\d+.*: nodejs 20\.13\.1-r0 -> 20\.15\.1-r0$/m,
  );
  assert.match(stdout, /^linux\/amd64: app: brings in CVE-2024-5535.*: openssl 3\.3\.1-r0$/m);
});

interface Built {
  readonly vulnerabilities?: {
    readonly known: number;
    readonly ids: readonly string[];
    readonly worst: { readonly id: string; readonly package: string };
    readonly noFixData: readonly string[];
    readonly notJudged: readonly string[];
    readonly suppressed: number;
    readonly advisories: { readonly branches: readonly string[]; readonly fetched: number };
    readonly reason?: string;
  };
}

async function buildAsJson(workspace: Workspace, ...words: readonly string[]) {
  const { stdout } = await succeed(workspace, ["build", "-q", "--format", "json", ...words]);
  return (JSON.parse(stdout) as Built).vulnerabilities;
}

test("a build of a configuration ends with what is known of its packages", async (context) => {
  const { workspace, server, config } = await openProject(context);
  const text = async () => (await succeed(workspace, ["build", config, "-q", "-t", "app"])).stdout;
  const before = await text();
  assert.doesNotMatch(before, /vulnerabilities/);
  assert.equal(await buildAsJson(workspace, config), undefined);
  assert.ok(!existsSync(join(workspace.home, ".local/share/bivy/advisories")));
  await importAdvisories(workspace);
  const after = await text();
  assert.match(
    after,
    /^ {2}vulnerabilities: 2 known \(worst: CVE-2024-7264, curl 8\.8\.0-r0\), 1 package without fix data; bivy scan --branch v3\.20 app:latest says more$/m,
  );
  assert.equal(after.split("\n")[0], before.split("\n")[0], "the image is the same");
  const found = await buildAsJson(workspace, config);
  assert.deepEqual(
    [found!.known, found!.ids, found!.suppressed, found!.noFixData, found!.notJudged],
    [2, ["CVE-2024-6197", "CVE-2024-7264"], 1, ["tzdata"], []],
  );
  assert.deepEqual([found!.worst.id, found!.worst.package], ["CVE-2024-7264", "curl"]);
  assert.deepEqual(found!.advisories.branches, ["v3.20"]);
  server.heal(below("v3.20/main", mended));
  const fresh = ["--cache-dir", workspace.path("empty")];
  const out = ["-o", `oci:${workspace.path("out")}`];
  const { stdout } = await succeed(workspace, ["build", config, "-q", ...out, ...fresh]);
  assert.match(
    stdout,
    /vulnerabilities: none known in 1 package, by advisories of v3\.20 from \d+ minutes? ago, 1 package without fix data; bivy scan --branch v3\.20 oci:/,
  );
});

test("advisories that are old, of other branches, or damaged stop no build", async (context) => {
  const { workspace, config } = await openProject(context);
  await importAdvisories(workspace, longAgo);
  const { stdout } = await succeed(workspace, ["build", config, "-q"]);
  assert.match(stdout, /vulnerabilities: 2 known .*, advisories \d+ days old: bivy db update; /);

  const other = await openProject(context, "v3.7");
  await importAdvisories(other.workspace);
  assert.deepEqual(await buildAsJson(other.workspace, other.config), {
    reason: "no package is of a branch of Alpine that there are advisories of here",
  });

  const blobs = join(workspace.home, ".local/share/bivy/advisories/blobs");
  rmSync(blobs, { recursive: true });
  const damaged = await runBivy(workspace, ["build", config, "-q"]);
  assert.equal(damaged.exitCode, 0, damaged.stderr);
  assert.match(damaged.stdout, /vulnerabilities: not judged: /);
  await succeed(workspace, ["lock", config, "-q"]);
  const relocked = await succeed(workspace, ["lock", config, "-q"]);
  assert.match(relocked.stdout, /^vulnerabilities not compared: /m);
});

test("a build of a Dockerfile ends with what a scan of the image would find", async (context) => {
  const workspace = openWorkspace(context);
  const folder = workspace.path("project");
  cpSync(join(sample, "root"), join(folder, "root"), { recursive: true });
  workspace.write("project/Dockerfile", "FROM scratch\nCOPY root /\n");
  const words = ["build", folder, "-q", "-t", "app"];
  assert.doesNotMatch((await succeed(workspace, words)).stdout, /vulnerabilities/);
  await importAdvisories(workspace);
  const { stdout } = await succeed(workspace, [...words, "--no-cache"]);
  assert.match(
    stdout,
    /^vulnerabilities: 3 known \(worst: CVE-2024-7264, curl 8\.8\.0-r0\),\n {4}2 packages without fix data; bivy scan app:latest says more$/m,
  );
  const found = await buildAsJson(workspace, folder, "--no-cache", "-t", "app");
  const scanned = await runBivy(workspace, ["scan", "app", "--no-update", "--format", "json"]);
  for (const id of found!.ids) assert.ok(scanned.stdout.includes(id), id);
  assert.deepEqual(found!.noFixData, ["musl", "tzdata"]);
  // What came from the cache was not looked at.
  assert.doesNotMatch((await succeed(workspace, words)).stdout, /vulnerabilities/);
});
