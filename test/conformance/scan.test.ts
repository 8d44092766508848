import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diffLines, type CaseResult } from "./run.ts";
import { suite } from "./scan.ts";
import { sharedCases } from "./shared-folders.ts";

const skip =
  existsSync(sharedCases) || process.env["CI"] !== undefined
    ? false
    : "../shared/conformance is not there";

test("scan cases", { skip }, async () => {
  let count = 0;
  for await (const { name, passed, expected = "", found = "", notes = [] } of suite.run(
    join(sharedCases, suite.defaultPath),
  )) {
    count++;
    assert.ok(passed, `${name}\n${diffLines(expected, found).join("\n")}`);
    assert.deepEqual(notes, [], name);
  }
  assert.ok(count >= 35, `only ${count} cases`);
});

const packages = {
  "alpine-release": "3.19.4\n",
  packages: [{ name: "libssl3", version: "3.1.7-r0", origin: "openssl", arch: "x86_64" }],
};
const secdb = {
  distroversion: "v3.19",
  reponame: "main",
  archs: ["x86_64"],
  packages: [{ pkg: { name: "openssl", secfixes: { "3.1.7-r1": ["CVE-2024-9143"] } } }],
};
const finding = {
  package: "libssl3",
  origin: "openssl",
  installed: "3.1.7-r0",
  fixed: "3.1.7-r1",
  id: "CVE-2024-9143",
  repo: "main",
};

async function run(expected: object): Promise<readonly CaseResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "bivy-cases-"));
  try {
    const write = (name: string, value: object) =>
      writeFileSync(join(folder, name), JSON.stringify(value));
    write("a.b.packages.json", packages);
    write("a.b.2025.json", { branch: "v3.19", secdb: ".", ...expected });
    mkdirSync(join(folder, "snapshot"));
    writeFileSync(join(folder, "snapshot", "main.json"), JSON.stringify(secdb));
    const results: CaseResult[] = [];
    for await (const result of suite.run(folder, { secdb: join(folder, "snapshot") }))
      results.push(result);
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a finding that is expected and one that is not make the difference", async () => {
  assert.deepEqual(
    (await run({ findings: [finding] })).map(({ passed }) => passed),
    [true],
  );
  for (const findings of [[], [{ ...finding, fixed: "3.1.7-r2" }], [finding, finding]])
    assert.deepEqual(
      (await run({ findings })).map(({ passed }) => passed),
      [false],
    );
  assert.equal((await run({ branch: "v3.18", findings: [finding] }))[0]!.passed, false);
});
