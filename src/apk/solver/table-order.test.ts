import assert from "node:assert/strict";
import { test } from "node:test";
import { tableRank } from "./table-order.ts";

test("ranks of names with every length modulo four", () => {
  assert.deepEqual(["a", "abcdef", "hello"].map(tableRank), [12_779, 4857, 2692]);
});
