import assert from "node:assert/strict";
import { test } from "node:test";
import { isBivyError } from "../base/index.ts";
import { documentText } from "./document.ts";

test("a document that is longer than a text can be is refused", () => {
  // One text many times takes no memory, until it is written.
  const long = "x".repeat(16 * 1024 * 1024);
  const document = { names: Array.from({ length: 64 }, () => long) };
  assert.throws(
    () => documentText(document),
    (error) => isBivyError(error, "limit-exceeded"),
  );
});
