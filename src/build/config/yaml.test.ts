import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BivyError, defaultLimits } from "../../base/index.ts";
import { parseImageConfig } from "./image-config.ts";
import { parseConfigYaml, type ConfigNode } from "./yaml.ts";

function plain(node: ConfigNode): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "nothing") return null;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
}

async function read(text: string): Promise<unknown> {
  return plain(await parseConfigYaml(text, "x.yaml", defaultLimits));
}

test("scalars keep their text, and only what is written as nothing is nothing", async () => {
  assert.deepEqual(await read("[0755, 1.0, yes, ~, null, 'null', '', !!str null, !!int 3]"), [
    ..."0755 1.0 yes".split(" "),
    null,
    null,
    "null",
    "",
    "null",
    "3",
  ]);
  assert.equal(await read(""), null);
});

test("anchors, aliases and merge keys are resolved, and the nearer field wins", async () => {
  assert.deepEqual(
    await read("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\nc: [*x]\nd: {<<: [*x, {m: 4, k: 5}]}"),
    {
      a: { k: "1", l: "2" },
      b: { l: "3", k: "1" },
      c: [{ k: "1", l: "2" }],
      d: { k: "1", l: "2", m: "4" },
    },
  );
  assert.deepEqual(await read("&k key: 1\nother: *k"), { key: "1", other: "key" });
});

const refusedTexts: readonly (readonly [string, string])[] = [
  ["a: 1\na: 2", 'x.yaml:2:1: the field "a" stands twice in the same map'],
  ["a: *b", 'x.yaml:1:4: the alias "b": expected its anchor before it, found none'],
  ["a: &a [*a]", 'x.yaml:1:8: the alias "a" stands inside its own anchor'],
  ["a: !curl", 'x.yaml:1:9: expected no tag, found "!curl"'],
  ["a: !!binary aGk=", 'x.yaml:1:13: expected no tag, found "!!binary"'],
  ["--- {}\n--- {}", "x.yaml:2:1: expected one YAML document, found a second one"],
  ["? [a]\n: b", "x.yaml:1:3: expected text as the name of a field, found a list or a map"],
  ["a:\n\tb: c", "x.yaml:2:1: expected spaces before the first word of a line, found a tab"],
  ["<<: a", "x.yaml:1:1: the merge key <<: expected an alias of a map, or a list of them"],
];

test("what YAML allows and a configuration does not is refused where it stands", async () => {
  for (const [text, message] of refusedTexts)
    await assert.rejects(read(text), { name: "BivyError", code: "config-invalid", message }, text);
});

test("bombs are refused: aliases that unfold, nesting, size", async () => {
  const layers = [
    "a0: &a0 x",
    ...Array.from(
      { length: 9 },
      (_, index) => `a${index + 1}: &a${index + 1} [${Array(9).fill(`*a${index}`).join()}]`,
    ),
  ];
  await assert.rejects(read(layers.join("\n")), {
    message: /expected at most 100000 values with every alias written out, found more$/,
  });
  const long = `a: &a ${"x".repeat(1 << 20)}\nb: [${Array(200).fill("*a").join()}]`;
  await assert.rejects(read(long), { message: /with every alias written out/ });
  await assert.rejects(read("[".repeat(5000)), {
    message: /lists and maps are nested too deeply$/,
  });
  await assert.rejects(
    parseConfigYaml("a: b", "x.yaml", { ...defaultLimits, "document-size": 3 }),
    { code: "limit-exceeded" },
  );
});

async function failsOnlyAsBivyError(text: string): Promise<void> {
  try {
    await parseImageConfig(text, { subject: "x.yaml" });
  } catch (error) {
    assert.ok(error instanceof BivyError, `${JSON.stringify(text)}: ${String(error)}`);
    assert.doesNotMatch(error.message.replaceAll("\n  ", " "), /\p{Cc}/u, JSON.stringify(text));
  }
}

const fieldNames = [
  "contents",
  "repositories",
  "keyring",
  "packages",
  "entrypoint",
  "command",
  "cmd",
  "accounts",
  "users",
  "username",
  "uid",
  "run-as",
  "archs",
  "paths",
  "path",
  "type",
  "permissions",
  "source",
  "files",
  "content",
  "ports",
  "healthcheck",
  "test",
  "interval",
  "environment",
  "labels",
  "layering",
  "budget",
  "certificates",
  "additional",
  "name",
  "work-dir",
  "url",
  "tag",
  "keys",
];

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "/a",
        "0o755",
        "80/tcp",
        "30s",
        "alpine",
        "@edge https://x/y main",
        "https://u:p@h/x",
      ),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.double(),
    ),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...fieldNames), fc.string()), tie("value"), {
      maxKeys: 5,
    }),
  ),
})).value;

test("anything else than a configuration fails as a BivyError, and its message is plain text", async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...fieldNames), value), (document) =>
      failsOnlyAsBivyError(JSON.stringify(document)),
    ),
    { numRuns: 300 },
  );
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary" }), failsOnlyAsBivyError), {
    numRuns: 300,
  });
  const pieces = fc.array(
    fc.constantFrom(
      "a",
      ": ",
      "\n",
      "  ",
      "- ",
      "[",
      "]",
      "{",
      "}",
      ",",
      "&a ",
      "*a",
      "!x ",
      "<<",
      "|",
      ">",
      '"',
      "'",
      "#",
      "? ",
      "---",
      "%",
      "cmd",
      "contents",
      "packages",
      "\t",
    ),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(pieces, (parts) => failsOnlyAsBivyError(parts.join(""))),
    { numRuns: 500 },
  );
});
