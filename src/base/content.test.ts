import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { collectBytes, fileContent } from "./index.ts";

function read(path: string | Buffer, size: number): Promise<Uint8Array> {
  return collectBytes(fileContent(path, size).chunks(), 1 << 30, () => new Error("large"));
}

test("a file is read as long as it has the size that it had", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "bivy-base-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "f");
  for (const size of [0, 1, 262_143, 262_144, 262_145, 600_000]) {
    const bytes = Buffer.alloc(size, "abcdefg");
    writeFileSync(path, bytes);
    const content = fileContent(path, size);
    for (let time = 0; time < 2; time++) assert.deepEqual(await read(path, size), bytes);
    assert.equal(content.size, size);
    appendFileSync(path, "x");
    await assert.rejects(read(path, size), {
      code: "io-failed",
      message: `${path}: expected ${size} bytes, found more`,
    });
    if (size === 0) continue;
    truncateSync(path, size - 1);
    await assert.rejects(read(path, size), {
      message: `${path}: expected ${size} bytes, found ${size - 1}`,
    });
  }
  await assert.rejects(read(join(folder, "none"), 1), { code: "file-not-found" });
  const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xfc)]);
  writeFileSync(name, "x");
  assert.deepEqual(await read(name, 1), Buffer.from("x"));
});

test("a reader that stops early leaves nothing open", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "bivy-base-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "f"), Buffer.alloc(1_000_000));
  for await (const chunk of fileContent(join(folder, "f"), 1_000_000).chunks()) {
    assert.ok(chunk.byteLength <= 262_144);
    break;
  }
});
