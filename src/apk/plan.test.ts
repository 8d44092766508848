import assert from "node:assert/strict";
import { test } from "node:test";
import { createPackage } from "./package.ts";
import { formatChanges, formatSize, formatSummary, totalsAfter } from "./plan.ts";
import type { Change } from "./solver/solver.ts";

const base = {
  same: false,
  reinstall: false,
  previousTag: "",
  nextTag: "",
  repositories: [0],
  available: true,
  nameInRepositories: true,
};

function change(
  previous: string | undefined,
  next: string | undefined,
  more: Partial<Change> = {},
): Change {
  const version = (text: string) => createPackage({ name: "a", version: text, installedSize: 10 });
  return {
    ...base,
    ...(previous === undefined ? undefined : { previous: version(previous) }),
    ...(next === undefined ? undefined : { next: version(next) }),
    ...more,
  };
}

test("every kind of change in apk's words", () => {
  const changes = [
    change(undefined, "1"),
    change("1", undefined),
    change("1", "2"),
    change("2", "1"),
    change("1", "1"),
    change("1", "1", { same: true }),
    change("1", "1", { same: true, reinstall: true }),
    change("1", "1", { same: true, reinstall: true, available: false }),
    change("1", "1", { same: true, nextTag: "edge" }),
  ];
  assert.deepEqual(formatChanges(changes), [
    "(1/8) Installing a (1)",
    "(2/8) Purging a (1)",
    "(3/8) Upgrading a (1 -> 2)",
    "(4/8) Downgrading a (2 -> 1)",
    "(5/8) Replacing a (1 -> 1)",
    "(6/8) Reinstalling a (1)",
    "(7/8) [APK unavailable, skipped] Reinstalling a (1)",
    "(8/8) Updating pinning a@edge (1)",
  ]);
});

test("apk 3 pads the counter, apk 2 does not", () => {
  const changes = Array.from({ length: 10 }, () => change(undefined, "1"));
  assert.equal(formatChanges(changes)[0], "( 1/10) Installing a (1)");
  assert.equal(formatChanges(changes, 2)[0], "(1/10) Installing a (1)");
});

test("sizes", () => {
  const sizes: readonly [number, string][] = [
    [0, "0 B"],
    [9999, "9999 B"],
    [10_000, "9 KiB"],
    [7 * 1024 ** 2, "7168 KiB"],
    [10_239_999, "9999 KiB"],
    [10_240_000, "9.8 MiB"],
    [16 * 1024 ** 2, "16.0 MiB"],
    [(16 + 1 / 4) * 1024 ** 2, "16.2 MiB"],
    [(16 + 3 / 4) * 1024 ** 2, "16.8 MiB"],
    [20 * 1024 ** 3, "20480.0 MiB".replace("20480.0 MiB", "20.0 GiB")],
  ];
  for (const [bytes, text] of sizes) assert.equal(formatSize(bytes), text);
});

test("the last line counts what the plan leaves behind", () => {
  const totals = totalsAfter({ packages: 2, bytes: 20 }, [
    change(undefined, "1"),
    change("1", undefined),
  ]);
  assert.deepEqual(totals, { packages: 2, bytes: 20 });
  assert.equal(
    formatSummary({ packages: 15, bytes: 7_500_000 }, { generation: 2 }),
    "OK: 7 MiB in 15 packages",
  );
  assert.equal(
    formatSummary({ packages: 1, bytes: 5 }, { errors: 2 }),
    "2 errors; 5 B in 1 packages",
  );
});
