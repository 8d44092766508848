import assert from "node:assert/strict";
import { test } from "node:test";
import { tryParseDuration } from "./duration.ts";

const durations: readonly (readonly [string, number | undefined])[] = [
  ["0", 0],
  ["0s", 0],
  ["5s", 5e9],
  ["1.5s", 1.5e9],
  [".5s", 5e8],
  ["1.s", 1e9],
  ["1h2m3s4ms5us6ns", 3723004005006],
  ["2µs", 2000],
  ["2μs", 2000],
  ["-1s", -1e9],
  ["+1s", 1e9],
  ["", undefined],
  ["s", undefined],
  ["5", undefined],
  ["5 s", undefined],
  ["5S", undefined],
  ["1d", undefined],
  ["-", undefined],
  [".s", undefined],
  ["1s2", undefined],
];

test("durations are read as Go reads them", () => {
  for (const [text, expected] of durations) assert.equal(tryParseDuration(text), expected, text);
});
