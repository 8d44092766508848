import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesContent, collectBytes, encodeText } from "../base/index.ts";
import { readTar, TarCursor, tarHeader, writeTar, type TarItem } from "./index.ts";

const items = ["a", "b", "c", "d"].map((path): TarItem => {
  const content = bytesContent(encodeText(path.repeat(700)));
  return { header: tarHeader({ path, type: "file", size: 700 }), content };
});

/** A cursor, and what became of the stream below it. */
function open(): { cursor: TarCursor; seen: string[] } {
  const seen: string[] = [];
  async function* tar() {
    try {
      yield* writeTar(items);
      seen.push("read to its end");
    } finally {
      seen.push("closed");
    }
  }
  return { cursor: new TarCursor(readTar(tar(), { subject: "tar" })), seen };
}

test("a cursor goes forward to an entry, past what was not read", async () => {
  const { cursor, seen } = open();
  assert.equal(cursor.position, 0);
  const second = await cursor.advanceTo(1);
  assert.equal(second?.header.path, "b");
  assert.equal(cursor.position, 2);
  const fourth = await cursor.advanceTo(3);
  const bytes = await collectBytes(fourth!.chunks(), 700, () => new Error("more"));
  assert.equal(Buffer.from(bytes).toString(), "d".repeat(700));
  assert.equal(await cursor.advanceTo(4), undefined);
  assert.deepEqual(seen, ["read to its end", "closed"]);
});

test("a cursor is closed where it stands, or reads what is left", async () => {
  const early = open();
  await early.cursor.advanceTo(0);
  await early.cursor.close();
  assert.deepEqual(early.seen, ["closed"]);
  const late = open();
  await late.cursor.advanceTo(0);
  await late.cursor.finish();
  assert.deepEqual(late.seen, ["read to its end", "closed"]);
});
