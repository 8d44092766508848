import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  baseName,
  isBivyError,
  joinPath,
  parentPath,
  parseEntryPath,
  pathParts,
  pathPrefixes,
  plainPath,
} from "./index.ts";

const accepted: readonly (readonly [string, string])[] = [
  ["usr/bin/env", "usr/bin/env"],
  ["./usr/bin/", "usr/bin"],
  [".", ""],
  ["./", ""],
  ["usr//bin", "usr/bin"],
  ["usr/./bin/.", "usr/bin"],
  ["...", "..."],
  ["a..b/..c", "a..b/..c"],
  ["etc/x.", "etc/x."],
];

test("names of archives become plain paths", () => {
  for (const [name, path] of accepted) assert.equal(parseEntryPath(name, "a.tar"), path, name);
});

test("what leads out of the root, or cannot be a path, is refused with its reason", () => {
  for (const [name, reason] of [
    ["/etc/passwd", "absolute path"],
    ["../x", "climbs out"],
    ["a/../../x", "climbs out"],
    ["a/..", "climbs out"],
    ["a\0b", "NUL"],
    [`a/${"x".repeat(256)}`, "part longer than 255 bytes"],
    [`${"é".repeat(128)}`, "part longer than 255 bytes"],
    ["x/".repeat(2048), "longer than 4095 bytes"],
  ] as const)
    assert.throws(
      () => parseEntryPath(name, "a.tar"),
      (error) => isBivyError(error, "path-unsafe") && error.message.includes(reason),
      name.slice(0, 20),
    );
});

test("whatever the name, the path is plain or refused", () => {
  const part = fc.constantFrom("a", "..", ".", "", "b.", ".c", "\0", "d e");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      let path: string;
      try {
        path = parseEntryPath(parts.join("/"), "a.tar");
      } catch (error) {
        return assert.ok(isBivyError(error, "path-unsafe"));
      }
      assert.ok(pathParts(path).every((each) => each !== "" && each !== "." && each !== ".."));
      assert.equal(plainPath(path), path);
    }),
  );
});

test("the parts of a path", () => {
  assert.deepEqual(pathPrefixes("usr/lib/x"), ["usr", "usr/lib", "usr/lib/x"]);
  assert.deepEqual(pathPrefixes(""), []);
  assert.equal(parentPath("usr/lib/x"), "usr/lib");
  assert.equal(parentPath("usr"), "");
  assert.equal(baseName("usr/lib/x"), "x");
  assert.equal(joinPath("", "usr"), "usr");
  assert.equal(joinPath("usr", "lib"), "usr/lib");
});
