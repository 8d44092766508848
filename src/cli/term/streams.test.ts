import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutControls } from "./streams.ts";

test("a terminal obeys nothing of what others wrote, but colours", () => {
  const cases: Readonly<Record<string, string>> = {
    "plain\ttext\r\nof two lines": "plain\ttext\nof two lines",
    "\u001b[2J\u001b]0;title\u0007": "\ufffd[2J\ufffd]0;title\ufffd",
    "back\b\b\b\rover\u009b2J": "back\ufffd\ufffd\ufffd\ufffdover\ufffd2J",
    "\u001b[33mwarning:\u001b[0m ü €": "\u001b[33mwarning:\u001b[0m ü €",
    "\u001b[8mhidden": "\ufffd[8mhidden",
  };
  for (const [text, shown] of Object.entries(cases)) assert.equal(withoutControls(text), shown);
});
