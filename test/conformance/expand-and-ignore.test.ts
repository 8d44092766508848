import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diffLines, type CaseResult, type Suite } from "./run.ts";
import { sharedCases } from "./shared-folders.ts";
import { suite as expand } from "./dockerfile-expand.ts";
import { suite as ignore } from "./ignore.ts";

const skip =
  existsSync(sharedCases) || process.env["CI"] !== undefined
    ? false
    : "../shared/conformance is not there";

const expectedCases: readonly (readonly [Suite, number])[] = [
  [expand, 254],
  [ignore, 126],
];

for (const [suite, atLeast] of expectedCases)
  test(`${suite.name} cases`, { skip }, async () => {
    let count = 0;
    for await (const result of suite.run(join(sharedCases, suite.defaultPath))) {
      count++;
      const { name, expected = "", found = "" } = result;
      assert.ok(result.passed, `${name}\n${diffLines(expected, found).join("\n")}`);
    }
    assert.ok(count >= atLeast, `only ${count} cases`);
  });

async function resultsOf(suite: Suite, name: string, content: string): Promise<CaseResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "bivy-cases-"));
  try {
    writeFileSync(join(folder, name), content);
    const results: CaseResult[] = [];
    for await (const result of suite.run(folder)) results.push(result);
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("other folders of the same shape are run, and a case can fail", async () => {
  const passed = (results: readonly CaseResult[]) => results.map((result) => result.passed);
  const one = await resultsOf(expand, "words", "# x\nA|$PWD|/home\nW|$pwd|/home\nA|${|x\nA|a\n");
  assert.deepEqual(passed(one), [true, true, false, false]);
  const many = await resultsOf(expand, "lists", "ENV A=b c\n$A | b,c\n$A | b c\nx\n");
  assert.deepEqual(passed(many), [true, false, false]);
  const row = { pattern: "a*", path: "ab", match: true };
  const cases = {
    matches: [row, { ...row, match: false }],
    multi: [{ patterns: ["*", "!a"], path: "a", match: false }],
    filepathMatch: [
      { ...row, err: "nil" },
      { pattern: "[", path: "a", match: false, err: "filepath.ErrBadPattern" },
      { ...row, match: false, err: "filepath.ErrBadPattern" },
    ],
  };
  const ignored = await resultsOf(ignore, "cases.json", JSON.stringify(cases));
  assert.deepEqual(passed(ignored), [true, false, true, true, true, false]);
});
