/** What a report says besides its matches: risk, remedies, suppression, availability, comparison, rebuilds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isBivyError } from "../base/index.ts";
import type { Digest } from "../base/index.ts";
import {
  compareScans,
  parseFailOn,
  parseImpact,
  planRebuilds,
  riskOf,
  type AskAvailability,
  type Finding,
  type ScanReport,
} from "./index.ts";
import {
  now,
  rowsOf,
  sampleDatabase,
  samplePackage,
  sampleSubject,
  scanSample,
} from "./sample-scan.test.ts";

const severity = (score: number) => ({ score, level: "high", source: "NVD" }) as const;

test("risk is severity x exploitability x impact, and says what is assumed", () => {
  const cases = [
    [undefined, undefined, undefined, 0.5, 2.5, ["severity", "exploitability"]],
    [severity(9.8), undefined, undefined, 1, 9.8, ["exploitability"]],
    [severity(9.8), { probability: 0.0001, percentile: 0 }, undefined, 1, 4.9, []],
    [severity(7.5), { probability: 0.25, percentile: 0.9 }, undefined, 1, 37.5, []],
    [
      severity(7.5),
      { probability: 0.0001, percentile: 0 },
      { added: "2024-01-01", ransomware: false },
      1,
      75,
      [],
    ],
    [severity(10), undefined, { added: "2024-01-01", ransomware: true }, 0.25, 25, []],
  ] as const;
  for (const [score, epss, kev, impact, expected, assumed] of cases) {
    const risk = riskOf(score, epss, kev, impact);
    assert.deepEqual([risk.score, risk.assumed], [expected, assumed]);
  }
});

test("impacts are words or numbers", () => {
  for (const [text, value] of [
    ["low", 0.25],
    ["critical", 1],
    ["0.3", 0.3],
    ["0", 0],
    ["1", 1],
  ] as const)
    assert.equal(parseImpact(text, "x"), value);
  for (const text of ["", "huge", "1.1", "-1", "constructor"])
    assert.throws(() => parseImpact(text, "x"), { code: "usage" });
});

const rows = {
  "v3.19/main": {
    openssl: { "3.1.7-r1": ["CVE-2024-9143"], "3.1.8-r0": ["CVE-2024-13176 GHSA-aaaa-bbbb-cccc"] },
    busybox: { "1.36.1-r16": ["CVE-2023-42366"], "0": ["CVE-2021-42373"] },
  },
};
const feeds = {
  "epss_scores-current.csv.gz":
    "cve,epss,percentile\nCVE-2024-13176,0.36,0.97\nCVE-2024-9143,0.0001,0.1\n",
  "known_exploited_vulnerabilities.json": JSON.stringify({
    vulnerabilities: [{ cveID: "CVE-2023-42366", dateAdded: "2024-01-02" }],
  }),
};
const packages = [
  "libcrypto3 3.1.7-r0 openssl",
  "libssl3 3.1.7-r0 openssl",
  "busybox 1.36.1-r15",
  "tzdata 1-r0",
];

test("findings are ranked by risk, with all that the feeds tell", async () => {
  const database = await sampleDatabase({ rows, files: feeds });
  const report = await scanSample(sampleSubject(packages), database);
  assert.deepEqual(
    report.findings.map(({ id, package: { name }, risk }) => [id, name, risk.score]),
    [
      ["CVE-2023-42366", "busybox", 25],
      ["CVE-2024-13176", "libcrypto3", 15],
      ["CVE-2024-13176", "libssl3", 15],
      ["CVE-2024-9143", "libcrypto3", 1.3],
      ["CVE-2024-9143", "libssl3", 1.3],
    ],
  );
  const [kev, epss] = report.findings;
  assert.deepEqual(kev!.kev, { added: "2024-01-02", ransomware: false });
  assert.equal(epss!.epss?.probability, 0.36);
  assert.deepEqual(epss!.aliases, ["GHSA-aaaa-bbbb-cccc"]);
  assert.deepEqual(report.noFixData, ["tzdata"]);
  assert.deepEqual(
    report.notAffected.map(({ id, package: { name } }) => [id, name]),
    [["CVE-2021-42373", "busybox"]],
  );
  assert.deepEqual(
    report.feeds.map(({ name }) => name),
    ["secdb", "kev", "epss"],
  );
});

test("a label of the image says what its loss would mean, unless the user does", async () => {
  const labels = new Map([["dev.bivy.impact", "critical"]]);
  const subject = sampleSubject(packages, { labels });
  const impactOf = async (impact?: number) =>
    (await scanSample(subject, rows, impact === undefined ? {} : { impact })).findings[0]!.risk
      .impact;
  assert.equal(await impactOf(), 1);
  assert.equal(await impactOf(0.25), 0.25);
  const wrong = sampleSubject(packages, { labels: new Map([["dev.bivy.impact", "huge"]]) });
  await assert.rejects(scanSample(wrong, rows), { message: /label dev\.bivy\.impact/ });
});

test("the command that mends names all packages of the origin", async () => {
  const { findings } = await scanSample(sampleSubject(packages), rows);
  const commands = new Set(findings.map(({ remedy }) => remedy.command));
  assert.deepEqual([...commands], ["apk upgrade busybox", "apk upgrade libcrypto3 libssl3"]);
});

const available: AskAvailability = async () => ({
  state: "available",
  version: "9-r0",
  repository: "r",
});
const absent: AskAvailability = async () => ({
  state: "not-available",
  version: "1-r0",
  repository: "r",
});
const ended = {
  "/releases.json": JSON.stringify({
    latest_stable: "v3.22",
    release_branches: [{ rel_branch: "v3.19", eol_date: "2025-11-01" }],
  }),
};

test("a remedy is an upgrade, a newer base, another branch, or patience", async () => {
  const onBase = sampleSubject([samplePackage("busybox 1.36.1-r15", { layer: 0 })], {
    layers: [{}, {}],
  });
  const above = sampleSubject([samplePackage("busybox 1.36.1-r15", { layer: 1 })], {
    layers: [{}, {}],
  });
  const alone = sampleSubject([samplePackage("busybox 1.36.1-r15", { layer: 0 })]);
  const supported = await sampleDatabase({ rows });
  const old = await sampleDatabase({ rows, files: ended });
  const cases = [
    [above, supported, available, "upgrade", "apk upgrade busybox"],
    [alone, supported, available, "upgrade", "apk upgrade busybox"],
    [onBase, supported, available, "rebuild-base", "RUN apk upgrade --no-cache busybox"],
    [alone, supported, absent, "wait", undefined],
    [alone, old, absent, "move-branch", "FROM alpine:3.22"],
    [alone, old, available, "upgrade", "apk upgrade busybox"],
  ] as const;
  for (const [subject, database, availability, kind, command] of cases) {
    const { findings } = await scanSample(subject, database, { availability });
    assert.deepEqual([findings[0]!.remedy.kind, findings[0]!.remedy.command], [kind, command]);
  }
});

test("what Alpine rejects is suppressed, with its reason, and what the user says comes first", async () => {
  const database = await sampleDatabase({ rows });
  const withRejections = {
    ...database,
    rejections: async () => [
      { origin: "openssl", id: "GHSA-aaaa-bbbb-cccc", reason: "not built", branch: "v3.19" },
      { origin: "openssl", id: "CVE-2024-9143", reason: "elsewhere", branch: "edge" },
    ],
  };
  const report = await scanSample(sampleSubject(packages), withRejections, {
    judge: ({ package: { name } }: Finding) =>
      name === "libssl3"
        ? { suppression: { by: "ignore-file", reason: "mine", source: "file:1" } }
        : {},
  });
  assert.deepEqual(
    report.suppressed.map(({ id, package: { name }, suppression }) => [
      id,
      name,
      suppression!.by,
      suppression!.reason,
    ]),
    [
      ["CVE-2024-13176", "libcrypto3", "rejection", "not built"],
      ["CVE-2024-13176", "libssl3", "ignore-file", "mine"],
      ["CVE-2024-9143", "libssl3", "ignore-file", "mine"],
    ],
  );
  assert.deepEqual(rowsOf(report), [
    "CVE-2023-42366 busybox 1.36.1-r16",
    "CVE-2024-9143 libcrypto3 3.1.7-r1",
  ]);
});

test("a package whose version is none of apk's is named", async () => {
  const report = await scanSample(sampleSubject(["busybox unknown"]), rows);
  const { findings, noFixData, warnings } = report;
  assert.deepEqual([findings, noFixData], [[], ["busybox"]], "it is not taken for clean");
  assert.ok(
    warnings.some(({ code, text }) => code === "unreadable-version" && text.includes("busybox")),
  );
});

test("packages that have more vulnerabilities than memory would hold are refused", async () => {
  const ids = Array.from({ length: 5000 }, (_, at) => `CVE-2030-${10_000 + at}`);
  const subject = sampleSubject(Array.from({ length: 21 }, (_, at) => `part${at} 1-r0 whole`));
  await assert.rejects(
    scanSample(subject, { "v3.19/main": { whole: { "2-r0": ids } } }),
    (error) => isBivyError(error, "limit-exceeded") && error.message.startsWith(subject.name),
  );
});

test("a branch that lacks its v is recognised", async () => {
  await assert.rejects(scanSample(sampleSubject(packages), rows, { branch: "3.19" }), {
    code: "advisories-missing",
    hint: "Did you mean v3.19?",
  });
});

function failing(words: string, report: ScanReport) {
  const { findings, warnings } = parseFailOn([words]).failing(report);
  return [findings.length, ...warnings];
}

test("what to fail on is said in words", async () => {
  const database = await sampleDatabase({
    rows,
    files: { ...feeds, ...ended },
    fetched: now - 9 * 86_400,
  });
  const report = await scanSample(sampleSubject(packages), database);
  const scored = {
    ...report,
    findings: report.findings.map((finding, at) =>
      at === 0
        ? finding
        : { ...finding, severity: { score: 5, level: "medium", source: "NVD" } as const },
    ),
  };
  assert.deepEqual(failing("any", report), [5]);
  assert.deepEqual(failing("high", report), [5], "what nobody scored is not taken for harmless");
  assert.deepEqual(failing("high", scored), [1]);
  assert.deepEqual(failing("medium", scored), [5]);
  assert.deepEqual(failing("unknown", scored), [1]);
  assert.deepEqual(failing("kev", report), [1]);
  assert.deepEqual(failing("risk>=15", report), [3]);
  assert.deepEqual(failing("epss>=0.3", report), [2]);
  assert.deepEqual(failing("kev,epss>=0.3", report), [3]);
  assert.deepEqual(failing("end-of-support,stale", report), [
    0,
    "stale-database",
    "end-of-support",
  ]);
  assert.deepEqual(failing("mixed-branches", report), [0]);
  for (const [word, hint] of [
    ["hihg", /high/],
    ["none", /one of/],
    ["risk", /risk>=50/],
    ["", /one of/],
  ] as const)
    assert.throws(
      () => parseFailOn([word]),
      (error) => isBivyError(error, "usage") && hint.test(error.hint ?? ""),
      word,
    );
});

test("a comparison tells upgrades, removals and what is new", async () => {
  const database = await sampleDatabase({ rows });
  const old = await scanSample(sampleSubject(packages, { name: "app:1" }), database);
  const next = ["libcrypto3 3.1.7-r1 openssl", "busybox 1.36.1-r14", "zlib 1-r0"];
  const report = await scanSample(sampleSubject(next, { name: "app:2" }), database);
  const { mended, introduced, remaining, packages: steps } = compareScans(old, report);
  assert.deepEqual(mended.map(({ id, package: { name }, by }) => [id, name, by]).sort(), [
    ["CVE-2024-13176", "libssl3", "removal"],
    ["CVE-2024-9143", "libcrypto3", "upgrade"],
    ["CVE-2024-9143", "libssl3", "removal"],
  ]);
  assert.deepEqual(introduced, []);
  assert.deepEqual(rowsOf({ findings: remaining }), [
    "CVE-2023-42366 busybox 1.36.1-r16",
    "CVE-2024-13176 libcrypto3 3.1.8-r0",
  ]);
  assert.deepEqual(steps, {
    upgraded: [{ name: "libcrypto3", from: "3.1.7-r0", to: "3.1.7-r1" }],
    downgraded: [{ name: "busybox", from: "1.36.1-r15", to: "1.36.1-r14" }],
  });
  const back = compareScans(report, old);
  assert.equal(back.introduced.length, 3);
});

test("rebuilds go by risk, and bases before what is built on them", async () => {
  const diffId = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;
  const before = await sampleDatabase({ rows: { "v3.19/main": { busybox: {} } } });
  const after = await sampleDatabase({ rows, files: feeds });
  const image = (name: string, layers: string, installed: readonly string[]) =>
    sampleSubject(installed, {
      name,
      layers: [...layers].map((letter) => ({ diffId: diffId(letter) })),
    });
  const subjects = [
    image("ssl", "c", ["libssl3 3.1.7-r0 openssl"]),
    image("app", "abd", ["libssl3 3.1.7-r0 openssl", "busybox 1.36.1-r15"]),
    image("base", "a", ["busybox 1.36.1-r15"]),
    image("middle", "ab", ["libssl3 3.1.7-r0 openssl"]),
    image("fine", "e", ["busybox 1.36.1-r16"]),
    image("stranger", "f", ["curl 1-r0"]),
    sampleSubject(["busybox 1-r0"], { name: "other", release: "3.18.0" }),
  ];
  const plan = await planRebuilds(subjects, before, after, {
    time: now,
    version: "1",
    maxAge: 86_400,
    impactOf: ({ name }) => (name === "ssl" ? 0.25 : undefined),
  });
  assert.deepEqual(
    plan.affected.map(({ position, name, builtOn, risk }) => [position, name, builtOn, risk]),
    [
      [1, "base", [], 25],
      [2, "middle", ["base"], 15],
      [3, "app", ["base", "middle"], 25],
      [4, "ssl", [], 7.5],
    ],
  );
  assert.deepEqual(plan.unaffected, ["fine", "stranger"]);
  assert.deepEqual(
    plan.notJudged.map(({ name }) => name),
    ["other"],
  );
});
