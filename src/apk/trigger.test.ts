import assert from "node:assert/strict";
import { test } from "node:test";
import { triggeredDirectories } from "./trigger.ts";

const directories = ["usr/share/b", "usr/share", "usr/share/a", "bin", "", "usr/share/a/deep"];

function triggered(
  globs: readonly string[],
  isNew: boolean,
  changed: readonly string[] = [],
): string[] {
  return triggeredDirectories({ globs, isNew }, directories, new Set(changed));
}

test("a package of this run sees all directories that match, sorted", () => {
  assert.deepEqual(triggered(["/usr/share/*"], true), ["/usr/share/a", "/usr/share/b"]);
  assert.deepEqual(triggered(["/bin", "/usr/share", "/nowhere"], true), ["/bin", "/usr/share"]);
  assert.deepEqual(triggered(["/"], true), ["/"]);
  assert.deepEqual(triggered(["usr/share"], true), []);
});

test("an older package sees those that changed", () => {
  assert.deepEqual(triggered(["/usr/share/*"], false, ["usr/share/b", "bin"]), ["/usr/share/b"]);
  assert.deepEqual(triggered(["/usr/share/*"], false), []);
});

test("a glob with + asks for changed directories only", () => {
  assert.deepEqual(triggered(["+/usr/share/*"], true), []);
  assert.deepEqual(triggered(["+/usr/share/*"], true, ["usr/share/a"]), ["/usr/share/a"]);
  assert.deepEqual(triggered(["+/usr/share/*", "/usr/share/b"], true, ["usr/share/a"]), [
    "/usr/share/a",
    "/usr/share/b",
  ]);
});

test("a directory that two globs match is named once", () => {
  assert.deepEqual(triggered(["/bin", "/b*", "+/bin"], true, ["bin"]), ["/bin"]);
});
