import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseSyntax, readSource, reportTo } from "../../src/dockerfile/index.ts";
import { diffLines, type Suite } from "./run.ts";
import { sharedCases } from "./shared-folders.ts";
import { suite as lossless } from "./dockerfile-lossless.ts";
import { suite as parse } from "./dockerfile-parse.ts";

const skip =
  existsSync(sharedCases) || process.env["CI"] !== undefined
    ? false
    : "../shared/conformance is not there";

const expectedCases: readonly (readonly [Suite, string, number])[] = [
  [parse, "buildkit-parser", 37],
  [lossless, "buildkit-parser", 38],
  [lossless, "dockerfile-corpus", 40],
  [lossless, "alpine-dockerfiles", 39],
];

for (const [suite, folder, count] of expectedCases)
  test(`${suite.name} cases of ${folder}`, { skip }, async () => {
    let found = 0;
    for await (const result of suite.run(join(sharedCases, folder))) {
      found++;
      const { name, expected = "", found: given = "" } = result;
      assert.ok(result.passed, `${name}\n${diffLines(expected, given).join("\n")}`);
    }
    assert.equal(found, count);
  });

test("real Dockerfiles have no problems, and fragments only lack FROM", { skip }, async () => {
  const noted: string[] = [];
  for (const folder of ["dockerfile-corpus", "alpine-dockerfiles"])
    for await (const { name, notes = [] } of lossless.run(join(sharedCases, folder)))
      noted.push(...notes.map((note) => `${name.slice(0, 2)} ${note}`));
  assert.deepEqual(noted, [
    "03 2:1: expected FROM, found none in the file",
    "14 2:1: expected FROM, found none in the file",
    "38 1:1: expected FROM, found none in the file",
  ]);
});

test("instructions know the lines that BuildKit says they have", { skip }, () => {
  const bytes = readFileSync(join(sharedCases, "buildkit-parser/testfile-line/Dockerfile"));
  const { nodes } = parseSyntax(readSource(bytes, { subject: "Dockerfile" }), reportTo([]));
  const lines = nodes.flatMap((node) =>
    node.kind === "instruction" ? [[node.line, node.endLine]] : [],
  );
  assert.deepEqual(lines, [
    [5, 5],
    [11, 12],
    [17, 31],
  ]);
});
