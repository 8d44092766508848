import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText, isBivyError } from "../base/index.ts";
import { branchAdvisories } from "./branch-advisories.ts";
import { parseSecdb, type Secdb } from "./secdb.ts";

type Secfixes = Readonly<Record<string, unknown>>;

function file(packages: Readonly<Record<string, Secfixes>>, repository = "main"): Secdb {
  const document = {
    distroversion: "v3.19",
    reponame: repository,
    archs: ["x86_64"],
    packages: Object.entries(packages).map(([name, secfixes]) => ({ pkg: { name, secfixes } })),
  };
  return parseSecdb(encodeText(JSON.stringify(document)), "test");
}

function advisoriesOf(origin: string, ...files: readonly Secdb[]) {
  return branchAdvisories("v3.19", files).of(origin);
}

test("a vulnerability goes by the highest version that fixes it", () => {
  const found = advisoriesOf(
    "curl",
    file({
      curl: { "8.10.0-r0": ["CVE-2024-11111"], "8.9.1-r1": ["CVE-2024-11111"], "8.2.0-r0": [] },
    }),
  )!;
  const fixedFor = (version: string) => found.holdingFor(version).map(({ fixed }) => fixed);
  assert.deepEqual(fixedFor("8.9.0-r0"), ["8.10.0-r0"]);
  assert.deepEqual(
    fixedFor("8.9.1-r1"),
    ["8.10.0-r0"],
    "it is above one of them, and below the other",
  );
  assert.deepEqual(fixedFor("8.10.0-r0"), []);
});

test("version 0 is no fix: the origin was never affected", () => {
  const { holdingFor, neverAffected } = advisoriesOf(
    "busybox",
    file({ busybox: { "0": ["CVE-2021-42373", "CVE-2021-42376"] } }),
  )!;
  assert.deepEqual(holdingFor("1.0-r0"), []);
  assert.deepEqual(
    neverAffected.map(({ id }) => id),
    ["CVE-2021-42373", "CVE-2021-42376"],
  );
});

test("rows that contradict each other count as a fix", () => {
  const { holdingFor, neverAffected } = advisoriesOf(
    "busybox",
    file({ busybox: { "0": ["CVE-2021-42373"], "1.2-r0": ["CVE-2021-42373"] } }),
  )!;
  assert.deepEqual([holdingFor("1.1-r0").length, neverAffected.length], [1, 0]);
});

test("versions that are none are named, and nothing rests on them", () => {
  for (const version of ["20.10.11.r0", "10.0.11-0", "6.6.2p1-r0", "2021-03-27-r5", "4.8.0.-r1"]) {
    const { holdingFor, unreadable } = advisoriesOf(
      "x",
      file({ x: { [version]: ["CVE-2021-12345"] } }),
    )!;
    assert.deepEqual(holdingFor("1-r0"), []);
    assert.deepEqual(unreadable, [
      { origin: "x", version, ids: ["CVE-2021-12345"], repository: "main" },
    ]);
  }
});

test("an origin without a row is told from one without a finding", () => {
  const advisories = branchAdvisories("v3.19", [file({ curl: {} })]);
  assert.equal(advisories.of("wget"), undefined);
  assert.deepEqual(advisories.of("curl")?.holdingFor("1-r0"), []);
});

test("files of several repositories are taken together", () => {
  const found = advisoriesOf(
    "x",
    file({ x: { "1-r0": ["CVE-2021-12345 XSA-1"] } }),
    file({ x: { "2-r0": ["CVE-2021-12345"] } }, "community"),
  )!;
  assert.deepEqual(found.holdingFor("0.1-r0"), [
    {
      origin: "x",
      id: "CVE-2021-12345",
      aliases: ["XSA-1"],
      fixed: "2-r0",
      branch: "v3.19",
      repository: "community",
    },
  ]);
});

test("names of fields in JavaScript are names of packages", () => {
  const found = file({
    __proto__x: { "1-r0": ["CVE-2021-12345"] },
    constructor: { "2-r0": ["X-1"] },
  });
  assert.equal(found.origins.get("constructor")?.fixes.length, 1);
  const text = `{"distroversion":"v3.19","reponame":"main","packages":[{"pkg":{"name":"__proto__","secfixes":{"__proto__":["CVE-2021-12345"]}}}]}`;
  assert.equal(parseSecdb(encodeText(text), "test").origins.get("__proto__")?.unreadable.length, 1);
});

test("what is no file of secdb is refused", () => {
  for (const text of ["", "<html>", "[]", "null", "{}", '{"packages":{}}', '{"distroversion":1}'])
    assert.throws(
      () => parseSecdb(encodeText(text), "test"),
      (error) => isBivyError(error, "advisories-invalid"),
      text,
    );
});

test("10,000 mutated files are read or refused", () => {
  const whole = JSON.stringify({
    distroversion: "v3.19",
    reponame: "main",
    archs: ["x86_64"],
    packages: [
      {
        pkg: {
          name: "openssl",
          secfixes: { "0": ["CVE-2022-1292"], "3.1.7-r1": ["CVE-2024-9143"] },
        },
      },
      {
        pkg: {
          name: "xen",
          secfixes: { "4.9.0-r5": ["CVE-2018-3639   XSA-263"], "4.8.0.-r1": null },
        },
      },
    ],
  });
  const values = [
    "null",
    "0",
    '""',
    "[]",
    "{}",
    "[[]]",
    '{"pkg":0}',
    "1e999",
    '"\\ud800"',
    '"__proto__"',
  ];
  fc.assert(
    fc.property(
      fc.nat(whole.length),
      fc.nat(40),
      fc.oneof(fc.constantFrom(...values), fc.string({ maxLength: 6 })),
      (at, length, text) => {
        const bytes = encodeText(whole.slice(0, at) + text + whole.slice(at + length));
        try {
          const advisories = branchAdvisories("v3.19", [parseSecdb(bytes, "mutated")]);
          for (const origin of advisories.origins()) advisories.of(origin)!.holdingFor("1-r0");
        } catch (error) {
          assert.ok(isBivyError(error, "advisories-invalid", "limit-exceeded"), String(error));
        }
      },
    ),
    { numRuns: 10_000 },
  );
});
