import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { defaultLimits, encodeText, isBivyError } from "../../base/index.ts";
import { parseIgnoreFile } from "./ignore-file.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

const parse = (text: string): Promise<IgnoreRules> =>
  parseIgnoreFile(encodeText(text), "bivy-ignore.yaml");

/** What is wrong with a file: its text, the first line of the message, and a part of the hint. */
const invalid = JSON.parse(
  readFileSync(new URL("ignore-file-invalid.json", import.meta.url), "utf8"),
) as readonly [text: string, message: string, hint?: string][];

test("a file that is wrong is refused, with the place and what was meant", async () => {
  for (const [text, message, hint = ""] of invalid)
    await assert.rejects(parse(text), (error: unknown) => {
      assert.ok(isBivyError(error, "ignore-file-invalid"), String(error));
      assert.equal(error.message.split("\n")[0], message);
      assert.ok(error.hint?.includes(hint), error.hint);
      return true;
    });
});

test("rules are read", async () => {
  const { rules, problems } = await parse(`
# Reviewed every month.
ignore:
  - id: CVE-2024-9143
    package: libcrypto3
    reason: "not reachable: no binary curves"
    expires: 2026-12-31
    justification: vulnerable_code_not_in_execute_path
  - ids: [CVE-2024-1, "GHSA-aaaa-bbbb-cccc"]
    reason: |
      accepted
      by the owner
    until: available
`);
  assert.deepEqual(problems, []);
  assert.deepEqual(rules, [
    {
      ids: ["CVE-2024-9143"],
      package: "libcrypto3",
      reason: "not reachable: no binary curves",
      expires: "2026-12-31",
      justification: "vulnerable_code_not_in_execute_path",
      source: "bivy-ignore.yaml:4",
    },
    {
      ids: ["CVE-2024-1", "GHSA-aaaa-bbbb-cccc"],
      reason: "accepted\nby the owner",
      until: "available",
      source: "bivy-ignore.yaml:9",
    },
  ]);
});

test("a file without rules is one", async () => {
  for (const text of ["", "# nothing\n", "ignore:\n", "ignore: []\n", "---\n", "\n\n"])
    assert.deepEqual((await parse(text)).rules, [], text);
});

test("Trivy's file is read by its shape, and said to give no reasons", async () => {
  const { rules, problems } = await parseIgnoreFile(
    encodeText(
      "# accepted\n\nCVE-2019-14697 exp:2026-01-01\r\n  GHSA-aaaa-bbbb-cccc # why\nAVD-DS-0002\n",
    ),
    ".trivyignore",
  );
  assert.deepEqual(rules, [
    { ids: ["CVE-2019-14697"], reason: "", expires: "2026-01-01", source: ".trivyignore:3" },
    { ids: ["GHSA-aaaa-bbbb-cccc"], reason: "", source: ".trivyignore:4" },
    { ids: ["AVD-DS-0002"], reason: "", source: ".trivyignore:5" },
  ]);
  assert.deepEqual(problems, [
    ".trivyignore: it gives no reasons; bivy-ignore.yaml has a place for them",
  ]);
});

test("all problems of a file are reported at once, in their order", async () => {
  await assert.rejects(parse("ignore:\n  - id: x*\n  - reason: a\n    expire: b\n"), {
    message: [
      'bivy-ignore.yaml:2:9: ignore[0].id: expected the id of a vulnerability, found "x*"',
      '  bivy-ignore.yaml:4:5: unknown field "expire" in ignore[1]; did you mean "expires"?',
    ].join("\n"),
  });
  const many = `ignore:\n${"  - id: 1\n".repeat(30)}`;
  await assert.rejects(parse(many), /\n {2}and 10 more$/);
});

test("files are bounded", async () => {
  const limits = { ...defaultLimits, "document-size": 10 };
  await assert.rejects(parseIgnoreFile(encodeText(" ".repeat(11)), "x", limits), (error: unknown) =>
    isBivyError(error, "limit-exceeded"),
  );
  await assert.rejects(parse(`ignore:\n${"- 1\n".repeat(20_001)}`), /at most 20000 rules/);
  await assert.rejects(parseIgnoreFile(new Uint8Array([0xff]), "x"), /expected text in UTF-8/);
});

const fragments = [
  "ignore:",
  "\n",
  "  - ",
  "id: ",
  "ids: ",
  "reason: ",
  "expires: ",
  "CVE-2024-1",
  "2026-02-30",
  "[",
  "]",
  "{",
  "}",
  "&a ",
  "*a",
  "!!x ",
  "? ",
  "<<: ",
  "__proto__: ",
  "exp:",
  '"',
  "|",
  "---",
  "\t",
  "\u0000",
  "~",
];

test("whatever a file holds, it is read or refused", async () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom(...fragments), { maxLength: 20 }).map((parts) => parts.join("")),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(text, async (each) => {
      try {
        for (const { ids, source } of (await parse(each)).rules)
          assert.ok(ids.length > 0 && source !== "");
      } catch (error) {
        assert.ok(isBivyError(error, "ignore-file-invalid"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("lists that are nested without end are refused", async () => {
  for (const text of [
    `ignore: ${"[".repeat(50_000)}`,
    `${"- ".repeat(50_000)}`,
    "a: ".repeat(9999),
  ])
    await assert.rejects(parse(text), (error: unknown) =>
      isBivyError(error, "ignore-file-invalid"),
    );
});
