import assert from "node:assert/strict";
import { test } from "node:test";
import { stepKey } from "./step-key.ts";

const before = { identity: `sha256:${"0".repeat(64)}`, time: 1 } as const;

test("a key does not depend on the order of its parts, nor on what is undefined", () => {
  const key = stepKey("run", before, {
    words: ["a"],
    user: "",
    mounts: [{ type: "bind", id: "x" }],
  });
  assert.equal(
    stepKey("run", before, {
      mounts: [{ id: "x", type: "bind", env: undefined }],
      user: "",
      words: ["a"],
    }),
    key,
  );
});

test("a key depends on the kind, the files, the time and every part", () => {
  const parts = { words: ["a", "b"], user: "" };
  const keys = [
    stepKey("run", before, parts),
    stepKey("copy", before, parts),
    stepKey("run", { ...before, time: 2 }, parts),
    stepKey("run", { ...before, identity: `sha256:${"1".repeat(64)}` }, parts),
    stepKey("run", before, { ...parts, words: ["a b"] }),
    stepKey("run", before, { ...parts, words: ["b", "a"] }),
    stepKey("run", before, { ...parts, user: "app" }),
  ];
  assert.equal(new Set(keys).size, keys.length);
});
