import assert from "node:assert/strict";
import { test } from "node:test";
import { refuses } from "../../test/refusals.ts";
import { failOnWords, findingKinds, parseFailOn, type Finding } from "./findings.ts";

const finding = (kind: Finding["kind"], more: Partial<Finding> = {}): Finding => ({
  kind,
  subject: "x",
  text: "",
  ...more,
});

test("the words of --fail-on choose findings", () => {
  const configuration = finding("changed", { configuration: true });
  const cases: readonly (readonly [string, Finding, boolean])[] = [
    ["changed", finding("changed"), true],
    ["changed", configuration, true],
    ["changed-system", configuration, false],
    ["changed-system", finding("changed"), true],
    ["changed-system", finding("missing"), false],
    ["missing, unowned", finding("unowned"), true],
    ["missing,unowned", finding("changed"), false],
    ["unknown-key", finding("impostor-key"), true],
    ["impostor-key", finding("unknown-key"), false],
    ["unproven", finding("replaced"), true],
    ["unproven", finding("outdated"), true],
    ["unproven", finding("unknown"), true],
    ["replaced", finding("unproven"), false],
    ["none", finding("replaced"), false],
  ];
  for (const [word, found, expected] of cases)
    assert.equal(parseFailOn([word]).chooses(found), expected, `${word} of ${found.kind}`);
  for (const kind of findingKinds) {
    assert.ok(parseFailOn(["all"]).chooses(finding(kind)));
    assert.ok(parseFailOn(["none", kind]).chooses(finding(kind)));
    assert.ok(failOnWords.includes(kind));
  }
  assert.deepEqual(parseFailOn(["missing,,device ", "all"]).words, ["missing", "device", "all"]);
});

test("a list of nothing is no check", async () => {
  for (const text of ["", " ", ",", " ,"])
    await refuses(() => parseFailOn(["changed", text]), {
      code: "usage",
      message: /expected kinds of findings/,
      hint: /--fail-on none/,
    });
});

test("a slip in --fail-on is an error that says what was meant", async () => {
  for (const [word, hint] of [
    ["chagned", "Did you mean changed?"],
    ["changed,setuidd", "Did you mean setuid?"],
    ["unkown-key", "Did you mean unknown-key?"],
    ["toString", /^The kinds are replaced, .*changed-system/],
  ] as const)
    await refuses(() => parseFailOn([word]), {
      code: "usage",
      message: /--fail-on .*: there is no such kind of finding/,
      hint,
    });
});
