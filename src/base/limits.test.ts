import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { defaultLimits, isBivyError, limitExceeded, parseLimits } from "./index.ts";

test("a limit is given as NAME=N, with K, M or G", () => {
  const limits = parseLimits([
    "unpacked-size=4G",
    "redirects=3",
    "control-size=512K",
    "index-size=1M",
  ]);
  assert.equal(limits["unpacked-size"], 4 * 1024 ** 3);
  assert.equal(limits.redirects, 3);
  assert.equal(limits["control-size"], 512 * 1024);
  assert.equal(limits["index-size"], 1024 ** 2);
  assert.equal(limits.entries, defaultLimits.entries, "the others keep their defaults");
});

test("a word that is no limit says what one looks like, and a slip names the nearest", () => {
  for (const [word, code, said] of [
    ["unpacked-size", "usage", "expected NAME=NUMBER"],
    ["ratio=-1", "usage", "expected NAME=NUMBER"],
    ["ratios=5", "usage", "there is no limit named ratios"],
  ] as const)
    assert.throws(
      () => parseLimits([word]),
      (error) => isBivyError(error, code) && error.message.includes(said),
    );
  assert.throws(
    () => parseLimits(["entires=5"]),
    (error) => isBivyError(error, "usage") && error.hint === "Did you mean entries?",
  );
});

test("the error names the limit, its value, and the flag that raises it", () => {
  const error = limitExceeded("entries", defaultLimits, "a.tar");
  assert.match(error.message, /a\.tar: exceeds the limit entries of 4000000/);
  assert.match(error.hint ?? "", /--limit entries=N/);
});

test("the documentation has every limit with its default", () => {
  const page = readFileSync(new URL("../../docs/trust.md", import.meta.url), "utf8");
  const documented = new Map(
    [...page.matchAll(/^\| `([a-z-]+)` \| (\d+[KMG]?) \|/gm)].map(([, name, value]) => [
      name!,
      value!,
    ]),
  );
  const words = [...documented].map(([name, value]) => `${name}=${value}`);
  assert.deepEqual([...documented.keys()].sort(), Object.keys(defaultLimits).sort());
  assert.deepEqual(parseLimits(words), { ...defaultLimits });
});
