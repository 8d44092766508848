/** Tests of scopes: whether what is granted is enough. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isGranted, parseScopes, repositoryScope } from "./scope.ts";

for (const [scope, granted, expected] of [
  ["repository:a/b:pull", "repository:a/b:pull,push", true],
  ["repository:a/b:push,pull", "repository:a/b:pull,push", true],
  ["repository:a/b:pull,push", "repository:a/b:pull repository:a/b:push", true],
  ["repository:a/b:pull,push", "repository:a/b:pull", false],
  ["repository:a/b:pull", "repository:a:pull", false],
  ["repository:host:5000/a:pull", "repository:host:5000/a:pull", true],
  ["registry:catalog:*", "repository:a:pull", false],
  ["nonsense", "", false],
] as const)
  test(`${scope} with ${granted}`, () => {
    assert.equal(isGranted(scope, parseScopes(granted)), expected);
  });

test("scopes are written and read", () => {
  assert.deepEqual(parseScopes(` ${repositoryScope("a/b", "pull,push")}  x:y:z `), [
    "repository:a/b:pull,push",
    "x:y:z",
  ]);
  assert.deepEqual(parseScopes(undefined), []);
});
