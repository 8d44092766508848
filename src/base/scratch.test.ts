import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeScratchFolder, removeScratchFolder } from "./index.ts";

/** No path leads to the innermost: only who stands in a folder can make the next. */
const nest = `
for (let depth = 0; depth < 60; depth++) {
  require("fs").mkdirSync("n".repeat(200));
  process.chdir("n".repeat(200));
}
require("fs").writeFileSync("deep", "");
`;

test("a scratch folder goes, however deep what is in it lies", async () => {
  const folder = await makeScratchFolder("test");
  writeFileSync(Buffer.from(`${folder}/\u00ff`, "latin1"), "");
  const made = spawnSync(process.execPath, ["-e", nest], { cwd: folder, encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  assert.ok(existsSync(join(folder, "n".repeat(200))));
  await removeScratchFolder(folder);
  assert.ok(!existsSync(folder));
  await removeScratchFolder(folder);
});
