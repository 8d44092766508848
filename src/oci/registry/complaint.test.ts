/** Tests of complaints: what is shown of the bodies of refusals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseComplaint } from "./complaint.ts";

const cases: readonly [string, readonly string[], string | undefined][] = [
  [
    '{"errors":[{"code":"DENIED","message":"requested access is denied","detail":[{"Type":"x"}]}]}',
    ["DENIED"],
    "requested access is denied",
  ],
  [
    '{"errors":[{"code":"A_B","message":"one","detail":"two"},{"code":"C"},{"message":"one"}]}',
    ["A_B", "C"],
    "one: two; C; one",
  ],
  ['{"errors":[{"code":"x y","message":"\\u001b[2J\\nthere"}]}', [], "[2J there"],
  ['{"errors":[]}', [], undefined],
  ['{"errors":[null,7,"x"]}', [], undefined],
  ['{"error":"invalid_grant","error_description":"no"}', [], "invalid_grant: no"],
  ['{"details":"incorrect username or password"}', [], "incorrect username or password"],
  ["too many requests\n", [], "too many requests"],
  ["<html>404</html>", [], undefined],
  ["null", [], undefined],
  ["", [], undefined],
];

for (const [body, codes, text] of cases)
  test(`complaint of ${body.slice(0, 60)}`, () => {
    assert.deepEqual(parseComplaint(Buffer.from(body)), { codes, text });
  });

test("a complaint is short, and one line", () => {
  const long = JSON.stringify({ errors: [{ message: "x".repeat(10_000) }] });
  assert.ok(parseComplaint(Buffer.from(long)).text!.length < 310);
  assert.equal(parseComplaint(Buffer.alloc(100_000, 0x41)).text, undefined);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 100 }), (message) => {
      const { text } = parseComplaint(Buffer.from(JSON.stringify({ errors: [{ message }] })));
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(text ?? "", /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
    }),
  );
});
