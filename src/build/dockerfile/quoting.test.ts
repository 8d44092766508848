import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, formatQuoted } from "./quoting.ts";

test("durations as Go prints them", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0s"],
    [5, "5ns"],
    [1500, "1.5µs"],
    [500e6, "500ms"],
    [1.5e9, "1.5s"],
    [90e9, "1m30s"],
    [300e9, "5m0s"],
    [3600e9, "1h0m0s"],
  ];
  for (const [nanoseconds, text] of cases) assert.equal(formatDuration(nanoseconds), text);
});

test("strings as Go quotes them", () => {
  assert.equal(
    formatQuoted('a "b" \\ \t\n\u0001\u007f é 🙂 \u200b'),
    '"a \\"b\\" \\\\ \\t\\n\\x01\\x7f é 🙂 \\u200b"',
  );
});
