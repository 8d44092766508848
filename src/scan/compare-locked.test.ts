import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLockedPackages, summarizeScans, scanByRepository } from "./index.ts";
import type { PlacedPackage } from "./index.ts";
import { now, sampleDatabase, type Rows } from "./sample-scan.test.ts";

const rows: Rows = {
  "v3.19/main": { openssl: { "3.1.8-r0": ["CVE-2024-1"] }, zlib: { "1.3-r2": ["CVE-2024-4"] } },
  "v3.20/main": {
    openssl: { "3.3.2-r0": ["CVE-2024-1"], "3.3.4-r0": ["CVE-2024-2"] },
    curl: { "8.9.1-r0": ["CVE-2024-3"] },
  },
};

const options = {
  database: {
    ...(await sampleDatabase({ rows })),
    rejections: async () => [{ origin: "curl", id: "CVE-2024-3", reason: "not built so" }],
  },
  time: now,
  version: "1.2.3",
  maxAge: 86_400,
};

/** `NAME VERSION [ORIGIN]`, of main of a branch or of another repository. */
function placed(words: string, repository = "v3.20"): PlacedPackage {
  const [name = "", version = "", origin = name] = words.split(" ");
  const url = repository.startsWith("v")
    ? `https://mirror.example/alpine/${repository}/main`
    : repository;
  return { package: { name, version, origin, arch: "x86_64" }, repository: url };
}

async function compare(before: readonly PlacedPackage[], after: readonly PlacedPackage[]) {
  const { mended, introduced, remaining, ...rest } = await compareLockedPackages(
    before,
    after,
    options,
  );
  const [gone, come, left] = [mended, introduced, remaining].map((findings) =>
    findings.map(({ id, package: { name, version } }) => `${id} ${name} ${version}`),
  );
  return { gone, come, left, ...rest };
}

test("an upgrade mends, a downgrade brings in, and what is the same is left", async () => {
  const [old, recent] = [placed("libssl3 3.3.1-r0 openssl"), placed("libssl3 3.3.2-r0 openssl")];
  const upgrade = await compare([old], [recent]);
  assert.deepEqual(upgrade.gone, ["CVE-2024-1 libssl3 3.3.1-r0"]);
  assert.deepEqual(upgrade.come, []);
  assert.deepEqual(upgrade.left, ["CVE-2024-2 libssl3 3.3.2-r0"]);
  assert.deepEqual(upgrade.branches, ["v3.20"]);
  assert.deepEqual((await compare([recent], [old])).come, ["CVE-2024-1 libssl3 3.3.1-r0"]);
});

test("a package that goes takes its vulnerabilities along, and one that comes brings them", async () => {
  const subject = placed("libssl3 3.3.2-r0 openssl");
  assert.deepEqual((await compare([subject], [])).gone, ["CVE-2024-2 libssl3 3.3.2-r0"]);
  assert.deepEqual((await compare([], [subject])).come, ["CVE-2024-2 libssl3 3.3.2-r0"]);
});

test("each is judged by the branch of its own repository", async () => {
  const move = await compare(
    [placed("libssl3 3.1.7-r0 openssl", "v3.19")],
    [placed("libssl3 3.3.3-r0 openssl")],
  );
  assert.deepEqual(move.gone, ["CVE-2024-1 libssl3 3.1.7-r0"]);
  assert.deepEqual(move.come, ["CVE-2024-2 libssl3 3.3.3-r0"]);
  assert.deepEqual(move.branches, ["v3.19", "v3.20"]);
});

test("what nothing is known of now is not called mended", async () => {
  const zlib = placed("zlib 1.3-r0", "v3.19");
  // v3.20 has no row about zlib here, v3.17 no file, and the third is no branch.
  for (const place of ["v3.20", "v3.17", "https://apk.example/stable"]) {
    const { gone, unknown } = await compare([zlib], [placed("zlib 1.3-r2", place)]);
    assert.deepEqual([gone, unknown], [[], ["zlib"]], place);
  }
  const { missingBranches } = await compare([zlib], [placed("zlib 1.3-r2", "v3.17")]);
  assert.deepEqual(missingBranches, ["v3.17"]);
});

test("what nothing was known of before is not called brought in", async () => {
  const { come, left } = await compare(
    [placed("zlib 1.3-r0", "https://apk.example/stable")],
    [placed("zlib 1.3-r0", "v3.19")],
  );
  assert.deepEqual([come, left], [[], ["CVE-2024-4 zlib 1.3-r0"]]);
});

test("what Alpine rejects counts nowhere", async () => {
  const { gone, come, left } = await compare([placed("curl 8.8.0-r0")], [placed("curl 8.8.0-r0")]);
  assert.deepEqual([gone, come, left], [[], [], []]);
});

test("steps and platforms with the same package count once", async () => {
  const packages = [
    placed("libssl3 3.3.3-r0 openssl"),
    placed("libssl3 3.3.3-r0 openssl"),
    placed("libcrypto3 3.3.3-r0 openssl"),
    placed("musl 1.2.5-r0"),
  ];
  const { reports, elsewhere } = await scanByRepository("app", packages, options);
  assert.equal(reports[0]!.findings.length, 2);
  assert.deepEqual(elsewhere, []);
  const summary = summarizeScans([...reports, ...reports]);
  const { known, ids, judged, noFixData, branches, fetched } = summary;
  assert.deepEqual(
    { known, ids, judged, noFixData, branches, fetched },
    {
      known: 1,
      ids: ["CVE-2024-2"],
      judged: 2,
      noFixData: ["musl"],
      branches: ["v3.20"],
      fetched: now,
    },
  );
  assert.equal(summary.worst?.id, "CVE-2024-2");
  assert.equal(summary.severities.unknown, 1);
});
