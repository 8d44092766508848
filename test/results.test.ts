/** Where results go with `-o`, end to end. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openWorkspace, projectFolder, runBivy } from "./run-bivy.ts";

const sample = join(projectFolder, "examples", "scan");
const scan = [
  "scan",
  `dir:${join(sample, "root")}`,
  "--offline",
  "--db",
  join(sample, "advisories"),
  "--format",
  "json",
];

test("a report that cannot be written whole is not left in half", async (context) => {
  const workspace = openWorkspace(context);
  const report = workspace.path("report.json");
  const words = [...scan, "-o", report];
  const limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh"];
  assert.match((await runBivy(workspace, words, { prefix: limited })).stderr, /writing failed/);
  assert.ok(!existsSync(report));
  const kept = workspace.write("kept.json", "{}");
  const unwritable = [...scan, "-o", `${kept}/report.json`];
  assert.equal((await runBivy(workspace, unwritable)).exitCode, 3);
  assert.equal(readFileSync(kept, "utf8"), "{}");
});
