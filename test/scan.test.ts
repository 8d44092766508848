/** bivy scan, end to end: first use, targets of every form, thresholds, formats, comparison, and the real images. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLayout } from "../src/oci/index.ts";
import { layeredImage } from "./layered-root.ts";
import { servePackages } from "./package-server.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  assertFailure,
  openWorkspace,
  projectFolder,
  runBivy,
  succeed,
  type Workspace,
} from "./run-bivy.ts";

const sample = join(projectFolder, "examples", "scan");
const root = `dir:${join(sample, "root")}`;
const advisories = join(sample, "advisories");

/** Words of a scan that asks no network. */
const offline = ["--offline", "--db", advisories];

interface Finding {
  readonly id: string;
  readonly fixed: string;
  readonly repository: string;
  readonly package: { readonly name: string; readonly version: string; readonly origin: string };
  readonly risk: { readonly score: number };
}

interface Report {
  readonly subject: { readonly name: string };
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Finding[];
  readonly noFixData: readonly string[];
  readonly warnings: readonly { readonly code: string }[];
}

async function scanJson(
  workspace: Workspace,
  ...words: readonly string[]
): Promise<readonly Report[]> {
  const { stdout } = await succeed(workspace, ["scan", "--format", "json", ...words]);
  return (JSON.parse(stdout) as { readonly reports: readonly Report[] }).reports;
}

function idsOf({ findings }: Report): readonly string[] {
  return findings.map(({ id, package: { name } }) => `${id} ${name}`);
}

const all = [
  "CVE-2024-7264 curl",
  "CVE-2024-7264 libcurl",
  "CVE-2024-6197 curl",
  "CVE-2024-6197 libcurl",
  "CVE-2023-42363 busybox",
];

test("a scan ranks by risk, fits 80 columns, and says what to do next", async (context) => {
  const workspace = openWorkspace(context);
  const { stdout, stderr } = await succeed(workspace, ["scan", root, ...offline]);
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
  const at = (text: string) => {
    const index = stdout.indexOf(text);
    assert.ok(index >= 0, `${text} is not in\n${stdout}`);
    return index;
  };
  assert.ok(at("CVE-2024-7264") < at("CVE-2024-6197"));
  assert.ok(at("CVE-2024-6197") < at("CVE-2023-42363"));
  at("apk upgrade busybox curl libcurl");
  at("without known fix data");
  assert.equal(stderr, "");
  const [report] = await scanJson(workspace, root, ...offline);
  assert.deepEqual(idsOf(report!), all);
  assert.deepEqual(
    report!.suppressed.map(({ id, package: { name } }) => `${id} ${name}`),
    ["CVE-2024-6874 curl", "CVE-2024-6874 libcurl"],
  );
});

test("from no database to the first report in one command", async (context) => {
  const workspace = openWorkspace(context);
  const files = new Map<string, Buffer>();
  for (const repository of ["main", "community"])
    files.set(
      `v3.20/${repository}.json`,
      readFileSync(join(advisories, "v3.20", `${repository}.json`)),
    );
  files.set("releases.json", readFileSync(join(advisories, "releases.json")));
  const server = await servePackages(context, files);
  const hosts = [
    "https://secdb.alpinelinux.org",
    "https://alpinelinux.org",
    "https://gitlab.alpinelinux.org",
    "https://epss.empiricalsecurity.com",
    "https://www.cisa.gov",
    "https://osv-vulnerabilities.storage.googleapis.com",
    "https://dl-cdn.alpinelinux.org",
  ];
  const flags = hosts.flatMap((host) => ["--mirror", `${host}=${server.url}`]);
  const first = await succeed(workspace, ["scan", root, ...flags]);
  assert.match(first.stderr, /There is no advisory database yet: fetching one/);
  assert.match(first.stdout, /CVE-2024-7264/);
  const asked = server.requests.filter((path) => path.includes("/main.json")).length;
  await succeed(workspace, ["scan", root, ...flags]);
  const again = server.requests.filter((path) => path.includes("/main.json")).length;
  assert.equal(again, asked, "a database that is new is not fetched again");
});

test("no advisories, no packages and no release are errors, and no report", async (context) => {
  const workspace = openWorkspace(context);
  assertFailure(await runBivy(workspace, ["scan", root, "--offline"]), {
    exitCode: 3,
    code: "advisories-missing",
    message: /there is no advisory database yet/,
    hint: /bivy db update.*bivy db import/,
  });
  const unreachable = ["https://secdb.alpinelinux.org", "https://alpinelinux.org"].flatMap(
    (host) => ["--mirror", `${host}=http://127.0.0.1:1`],
  );
  assertFailure(await runBivy(workspace, ["scan", root, ...unreachable]), {
    exitCode: 3,
    code: "http-unreachable",
    message: /127\.0\.0\.1:1/,
    hint: /--db FILE, or bivy db import FILE/,
  });
  workspace.write("empty/etc/os-release", "ID=debian\nNAME=Debian\nVERSION_ID=12\n");
  assertFailure(await runBivy(workspace, ["scan", `dir:${workspace.path("empty")}`, ...offline]), {
    exitCode: 3,
    code: "nothing-to-scan",
    message: /Debian 12 without apk packages/,
  });
  cpSync(join(sample, "root"), workspace.path("old"), { recursive: true });
  workspace.write("old/etc/os-release", "ID=alpine\nVERSION_ID=3.16.9\n");
  workspace.write("old/etc/alpine-release", "3.16.9\n");
  assertFailure(await runBivy(workspace, ["scan", `dir:${workspace.path("old")}`, ...offline]), {
    exitCode: 3,
    code: "advisories-missing",
    message: /expected advisories for v3\.16, found those for v3\.20/,
    hint: /--branch v3\.16/,
  });
});

test("a typo, a missing file and wrong words are explained", async (context) => {
  const workspace = openWorkspace(context);
  const cases = [
    [["dir:nothing"], 3, /nothing.*no such file or folder/],
    [["nothing.json"], 3, /nothing\.json.*no such file or folder/],
    [[root, "--fail-on", "hihg"], 2, /Did you mean high/],
    [[root, "--severity", "bad"], 2, /expected one of none, low, medium, high, critical/],
    [[root, "--risk", "x"], 2, /expected a number from 0 to 100/],
    [[root, "--impact", "huge"], 2, /expected low, medium, high, critical/],
    [[root, "--impact", "other=high"], 2, /other is not among the targets/],
    [[root, "--ignore-file", "nothing.yaml"], 3, /nothing\.yaml.*no such file/],
    [[root, "--vex", "nothing.json"], 3, /nothing\.json.*no such file/],
    [[root, "--compare"], 2, /expected two targets, found 1/],
    [[root, root, "--format", "openvex"], 2, /expected one target, found 2/],
    [[root, "--format", "xml"], 2, /Allowed choices are table, json, sarif/],
    [[root, "--at", "today"], 2, /expected a day/],
    [[root, "--max-age", "1s", "--at", "2099-01-01"], 3, /advisories-stale/],
  ] as const;
  for (const [words, exitCode, message] of cases) {
    const outcome = await runBivy(workspace, ["scan", ...words, ...offline]);
    assert.equal(outcome.exitCode, exitCode, `${words.join(" ")}: ${outcome.stderr}`);
    assert.match(outcome.stderr, message);
    assert.equal(outcome.stdout, "");
  }
});

test("--fail-on fails, says why, and the report is there all the same", async (context) => {
  const workspace = openWorkspace(context);
  const failing = await runBivy(workspace, ["scan", root, ...offline, "--fail-on", "high,kev"]);
  assert.equal(failing.exitCode, 1);
  assert.match(failing.stderr, /--fail-on high,kev: dir:.*: 4 findings/);
  assert.match(failing.stdout, /CVE-2024-7264/);
  await succeed(workspace, ["scan", root, ...offline, "--fail-on", "critical"]);
  const [report] = await scanJson(workspace, root, ...offline, "--severity", "high");
  assert.deepEqual(idsOf(report!), ["CVE-2024-6197 curl", "CVE-2024-6197 libcurl"]);
  assert.ok(report!.warnings.some(({ code }) => code === "filtered"));
  const [risky] = await scanJson(workspace, root, ...offline, "--risk", "30");
  assert.deepEqual(idsOf(risky!), all.slice(0, 2));
});

test("an impact raises the risk of what it is said of", async (context) => {
  const workspace = openWorkspace(context);
  cpSync(join(sample, "root"), workspace.path("other"), { recursive: true });
  const other = `dir:${workspace.path("other")}`;
  const reports = await scanJson(
    workspace,
    root,
    other,
    ...offline,
    "--impact",
    "critical",
    "--impact",
    `${other}=low`,
  );
  assert.deepEqual(
    reports.map(({ findings }) => findings[0]!.risk.score),
    [65, 16.3],
  );
});

test("an ignore file and VEX suppress, with reasons; what expired counts again", async (context) => {
  const workspace = openWorkspace(context);
  workspace.write(
    "bivy-ignore.yaml",
    `ignore:
  - id: CVE-2024-6197
    package: curl
    reason: the program does not use it
    expires: 2026-06-30
  - id: CVE-2019-0001
    reason: long gone
`,
  );
  const vex = workspace.write(
    "vex.json",
    JSON.stringify({
      "@context": "https://openvex.dev/ns/v0.2.0",
      "@id": "https://example.com/vex/1",
      author: "security",
      timestamp: "2026-01-01T00:00:00Z",
      version: 1,
      statements: [
        {
          vulnerability: { name: "CVE-2023-42363" },
          products: [{ "@id": "pkg:apk/alpine/busybox" }],
          status: "not_affected",
          justification: "vulnerable_code_not_in_execute_path",
        },
      ],
    }),
  );
  const words = ["scan", root, ...offline, "--vex", vex, "--format", "json"];
  const before = await succeed(workspace, [...words, "--at", "2026-06-30"]);
  const [report] = (JSON.parse(before.stdout) as { reports: readonly Report[] }).reports;
  assert.deepEqual(idsOf(report!), all.slice(0, 2));
  assert.match(before.stderr, /CVE-2019-0001: nothing here has it/);
  const after = await succeed(workspace, [...words, "--at", "2026-07-01"]);
  const [expired] = (JSON.parse(after.stdout) as { reports: readonly Report[] }).reports;
  assert.deepEqual(idsOf(expired!), all.slice(0, 4));
  assert.match(after.stderr, /CVE-2024-6197: this has expired on 2026-06-30/);
  const shown = await succeed(workspace, [
    "scan",
    root,
    ...offline,
    "--at",
    "2026-06-30",
    "--show-suppressed",
  ]);
  assert.match(shown.stdout, /the program does not use it/);
});

test("what is written as VEX is read back and suppresses the same", async (context) => {
  const workspace = openWorkspace(context);
  for (const format of ["openvex", "cyclonedx"]) {
    const path = workspace.path(`${format}.json`);
    await succeed(workspace, ["scan", root, ...offline, "--format", format, "-o", path]);
    const [report] = await scanJson(workspace, root, ...offline, "--vex", path);
    assert.deepEqual(idsOf(report!), all, "what is affected stays");
    assert.equal(report!.suppressed.length, 2);
  }
});

test("several targets have one summary, and what fails does not hide the others", async (context) => {
  const workspace = openWorkspace(context);
  const outcome = await runBivy(workspace, ["scan", root, "dir:nothing", ...offline]);
  assert.equal(outcome.exitCode, 3);
  assert.match(outcome.stdout, /NOT SCANNED nothing/);
  assert.match(outcome.stdout, /file-not-found|no such file or folder/);
  assert.match(outcome.stdout, /CVE-2024-7264/);
  assert.equal(outcome.stderr, "", "what the table says need not be said twice");
  const words = ["scan", root, "dir:nothing", ...offline, "-o", workspace.path("report.txt")];
  const written = await runBivy(workspace, words);
  assert.equal(written.exitCode, 3);
  assert.match(written.stderr, /^error: dir:nothing: nothing: .* \[file-not-found\]$/m);
});

test("a hundred targets in one run", async (context) => {
  const workspace = openWorkspace(context);
  const reports = await scanJson(workspace, ...Array.from({ length: 100 }, () => root), ...offline);
  assert.equal(reports.length, 100);
  assert.ok(reports.every((report) => idsOf(report).join() === all.join()));
});

test("every format is written, to a file too", async (context) => {
  const workspace = openWorkspace(context);
  const beginnings = {
    json: /^\{/,
    sarif: /"version": "2\.1\.0"/,
    cyclonedx: /"bomFormat": "CycloneDX"/,
    openvex: /openvex\.dev\/ns/,
    junit: /^<\?xml/,
    gitlab: /"version": "15\./,
    markdown: /CVE-2024-7264/,
    html: /^<!doctype html>/i,
    table: /CVE-2024-7264/,
  };
  for (const [format, form] of Object.entries(beginnings)) {
    const path = workspace.path(`report.${format}`);
    const scan = ["scan", root, ...offline, "--at", "2026-11-30", "--format", format];
    const written = await succeed(workspace, [...scan, "-o", path]);
    assert.equal(written.stdout, "");
    const text = readFileSync(path, "utf8");
    assert.match(text, form, format);
    assert.match(text, /CVE-2024-7264/);
    const again = await succeed(workspace, scan);
    assert.equal(again.stdout.trimEnd(), text.trimEnd(), `${format} is the same each time`);
  }
});

async function writeImage(
  workspace: Workspace,
  name: string,
  versions: Readonly<Record<string, string>>,
) {
  const text = readFileSync(join(sample, "root/lib/apk/db/installed"), "utf8").replaceAll(
    /^P:(.*)\nV:.*$/gm,
    (whole, each: string) => (each in versions ? `P:${each}\nV:${versions[each]}` : whole),
  );
  const files = {
    "lib/apk/db/installed": text,
    "etc/os-release": "ID=alpine\nVERSION_ID=3.20.1\n",
    "etc/apk/world": "busybox\ncurl\n",
  };
  const layout = await createLayout(workspace.path(name));
  await layout.put(await layeredImage([{ createdBy: "ADD", files }]), { name: "latest" });
  return `oci:${workspace.path(name)}`;
}

test("a comparison says what a rebuild mended, and fails on what the new one has", async (context) => {
  const workspace = openWorkspace(context);
  const old = await writeImage(workspace, "old", {});
  const now = await writeImage(workspace, "new", { curl: "8.9.1-r0", libcurl: "8.9.1-r0" });
  const { stdout } = await succeed(workspace, [
    "scan",
    "--compare",
    old,
    now,
    ...offline,
    "--format",
    "json",
  ]);
  const { mended, introduced, remaining } = JSON.parse(stdout);
  assert.deepEqual(
    [mended, introduced, remaining].map((list: readonly unknown[]) => list.length),
    [4, 0, 1],
  );
  const table = await succeed(workspace, ["scan", "--compare", old, now, ...offline]);
  assert.match(table.stdout, /CVE-2024-7264/);
  await succeed(workspace, ["scan", "--compare", old, now, ...offline, "--fail-on", "kev"]);
  const back = await runBivy(workspace, [
    "scan",
    "--compare",
    now,
    old,
    ...offline,
    "--fail-on",
    "kev",
  ]);
  assert.equal(back.exitCode, 1);
});

test("a finding is explained", async (context) => {
  const workspace = openWorkspace(context);
  const { stdout } = await succeed(workspace, [
    "scan",
    root,
    ...offline,
    "--explain",
    "CVE-2024-7264",
  ]);
  for (const text of ["libcurl", "8.9.1-r0", "CVSS:3.1/AV:N", "2024-08-05", "main"])
    assert.ok(stdout.includes(text), `${text} is not in\n${stdout}`);
});

test("an SBOM of the image stands in for it", async (context) => {
  const workspace = openWorkspace(context);
  const image = await writeImage(workspace, "image", {});
  const [expected] = await scanJson(workspace, image, ...offline);
  for (const format of ["cyclonedx", "spdx"]) {
    const path = workspace.path(`${format}.json`);
    await succeed(workspace, ["sbom", image, "--format", format, "-o", path]);
    const [report] = await scanJson(workspace, path, ...offline);
    assert.deepEqual(report!.findings, expected!.findings);
    assert.deepEqual(report!.suppressed, expected!.suppressed);
  }
});

test("the repository is asked whether the fix is there", async (context) => {
  const workspace = openWorkspace(context);
  await succeed(workspace, ["db", "import", advisories]);
  const server = await servePackages(context, new Map());
  const { stdout } = await succeed(workspace, [
    "scan",
    root,
    "--format",
    "json",
    "--no-update",
    "--mirror",
    `https://dl-cdn.alpinelinux.org=${server.url}`,
  ]);
  assert.ok(server.requests.some((path) => path.endsWith("/v3.20/main/x86_64/APKINDEX.tar.gz")));
  const [report] = (
    JSON.parse(stdout) as { reports: { findings: { availability: { state: string } }[] }[] }
  ).reports;
  assert.equal(report!.findings[0]!.availability.state, "unknown");
});

interface Expectation {
  readonly image: string;
  readonly secdb: string;
  readonly findings: readonly Readonly<Record<string, string>>[];
}

test(
  "the real images and roots give exactly what is expected",
  needs({ fixtures: true }),
  async (context) => {
    const workspace = openWorkspace(context);
    const cases = join(fixtures, "..", "conformance", "scan");
    let rows = 0;
    for (const name of readdirSync(cases).filter((each) => /\d\.json$/.test(each))) {
      const expected = JSON.parse(readFileSync(join(cases, name), "utf8")) as Expectation;
      const folder = expected.image.includes("minirootfs") ? "minirootfs" : "images";
      const [report] = await scanJson(
        workspace,
        join(fixtures, folder, expected.image),
        "--offline",
        "--db",
        join(fixtures, "secdb", expected.secdb.split("/")[0]!),
      );
      const found = report!.findings.map(({ id, fixed, repository, package: each }) => ({
        package: each.name,
        origin: each.origin,
        installed: each.version,
        fixed,
        id,
        repo: repository,
      }));
      const sorted = (list: readonly Readonly<Record<string, string>>[]) =>
        list.map((row) => Object.values(row).join(" ")).sort();
      assert.deepEqual(sorted(found), sorted(expected.findings), name);
      rows += found.length;
    }
    assert.ok(rows > 60, `only ${rows} rows`);
  },
);
