import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolders } from "./index.ts";

test("a folder is made with all above it, and one that is there is fine", async (context) => {
  const top = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(top, { recursive: true }));
  await makeFolders(join(top, "a/b/c"), 0o700);
  assert.equal(statSync(join(top, "a/b/c")).mode & 0o777, 0o700);
  await makeFolders(join(top, "a/b/c"));
  await Promise.all(["x/1", "x/2", "x/1/y"].map((path) => makeFolders(join(top, path))));
  assert.ok(existsSync(join(top, "x/1/y")));
});

test("what cannot be made fails, and does not go on for ever", async (context) => {
  const top = mkdtempSync(join(tmpdir(), "bivy-test-"));
  context.after(() => rmSync(top, { recursive: true }));
  writeFileSync(join(top, "file"), "");
  await assert.rejects(makeFolders(join(top, "file")), { code: "EEXIST" });
  await assert.rejects(makeFolders(join(top, "file/below")), { code: "ENOTDIR" });
  if (existsSync("/proc/self"))
    await assert.rejects(makeFolders("/proc/nothing/below"), { code: "ENOENT" });
});
