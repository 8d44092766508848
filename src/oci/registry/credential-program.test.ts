/** Tests of credential helpers: those that hang. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { askHelper } from "./credential-program.ts";
import { failsWith } from "./sample-blobs.test.ts";

test("a helper that hangs is ended, by time and by an abort", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "bivy-helper-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "docker-credential-slow");
  writeFileSync(program, "#!/bin/sh\nexec sleep 60\n");
  chmodSync(program, 0o755);
  const environment = { PATH: [folder, process.env["PATH"]].join(delimiter) };
  const late = await failsWith(
    askHelper("slow", "r.io", { environment, milliseconds: 100 }),
    "config-invalid",
  );
  assert.match(late.message, /docker-credential-slow: no answer within 100 ms/);
  const stop = new AbortController();
  const asked = askHelper("slow", "r.io", { environment, signal: stop.signal });
  stop.abort();
  await failsWith(asked, "aborted");
});
