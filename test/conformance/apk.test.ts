import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { diffLines, type Suite } from "./run.ts";
import { sharedCases } from "./shared-folders.ts";
import { suite as plan } from "./apk-plan.ts";
import { suite as solver } from "./apk-solver.ts";
import { suite as version } from "./apk-version.ts";

const skip =
  existsSync(sharedCases) || process.env["CI"] !== undefined
    ? false
    : "../shared/conformance is not there";

const expectedCases: readonly (readonly [Suite, number])[] = [
  [version, 641],
  [solver, 89],
  [plan, 2],
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

test("a difference shows the lines that differ and the line before them", () => {
  assert.deepEqual(diffLines("a\nb\nc\nd", "a\nx\nd"), ["    a", "  - b", "  - c", "  + x"]);
});
