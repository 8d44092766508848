import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "./quantity.ts";

test("a duration is said as precisely as it matters", () => {
  const cases: readonly [milliseconds: number, text: string][] = [
    [0, "0.0s"],
    [49, "0.0s"],
    [3_249, "3.2s"],
    [59_940, "59.9s"],
    [59_960, "1m 00s"],
    [125_400, "2m 05s"],
    [3_599_400, "59m 59s"],
    [3_599_600, "1h 00m"],
    [93_780_000, "26h 03m"],
  ];
  for (const [milliseconds, text] of cases) assert.equal(formatDuration(milliseconds), text);
});
