import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { versionKey } from "./version-key.ts";
import { anyVersion } from "./version-samples.test.ts";
import { compareVersions } from "./version.ts";

test("the key of 3.5.7-r0, byte by byte", () => {
  assert.equal(Buffer.from(versionKey("3.5.7-r0")).toString("hex"), "7801337001013570010137200010");
});

test("the keys of versions stand as the versions do, valid or not", () => {
  fc.assert(
    fc.property(anyVersion, anyVersion, (a, b) => {
      assert.equal(
        Math.sign(Buffer.compare(versionKey(a), versionKey(b))),
        compareVersions(a, b),
        `${a} against ${b}`,
      );
    }),
    { numRuns: 1000 },
  );
});
