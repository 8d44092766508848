import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, formatAge } from "./quantity.ts";

test("ages and counts are words", () => {
  assert.deepEqual([-5, 59, 60, 7200, 47 * 3600, 48 * 3600].map(formatAge), [
    "0 minutes",
    "0 minutes",
    "1 minute",
    "2 hours",
    "47 hours",
    "2 days",
  ]);
  assert.deepEqual(
    [countOf(1, "vulnerability"), countOf(2, "vulnerability"), countOf(0, "package")],
    ["1 vulnerability", "2 vulnerabilities", "0 packages"],
  );
  assert.deepEqual([countOf(1, "branch"), countOf(2, "branch")], ["1 branch", "2 branches"]);
});
