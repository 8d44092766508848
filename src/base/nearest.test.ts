import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "./index.ts";

const names = ["packages", "repositories", "entrypoint", "environment", "cmd", "archs"];

test("a slip names what was meant", () => {
  for (const [word, meant] of [
    ["pakages", "packages"],
    ["repositores", "repositories"],
    ["entryponit", "entrypoint"],
    ["Enviroment", "environment"],
    ["cdm", "cmd"],
    ["arch", "archs"],
  ] as const)
    assert.equal(nearestName(word, names), meant);
});

test("another word names nothing", () => {
  for (const word of ["volumes", "x", "", "completely-different"])
    assert.equal(nearestName(word, names), undefined, word);
});
