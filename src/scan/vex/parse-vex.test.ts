import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { defaultLimits, encodeText, isBivyError } from "../../base/index.ts";
import { formatPackageUrl } from "../../inventory/index.ts";
import { parseVex } from "./parse-vex.ts";
import * as samples from "./sample-vex.test.ts";
import type { VexComponent, VexDocument } from "./statement.ts";

function parse(document: object): VexDocument {
  return parseVex(encodeText(JSON.stringify(document)), "x.json");
}

/** Statements on one line each, as far as they differ. */
function lines({ statements }: VexDocument): readonly string[] {
  const say = ({ purls, digests }: VexComponent) =>
    [...purls.map(formatPackageUrl), ...digests.map((digest) => digest.slice(0, 9))].join("|");
  return statements.map(({ ids, status, justification, text, products }) =>
    [
      `${ids.join("=")} ${status}`,
      ...(justification === undefined ? [] : [`because ${justification}`]),
      ...(text === "" ? [] : [`"${text}"`]),
      ...products.map((product) => {
        const parts = product.subcomponents?.map(say).join(", ");
        return `${say(product)}${parts === undefined ? "" : `[${parts}]`}`;
      }),
    ].join("; "),
  );
}

for (const { title, document, format, expected, problems = [] } of samples.documents)
  test(`${format}: ${title}`, () => {
    const found = parse(document);
    assert.equal(found.format, format);
    assert.deepEqual(lines(found), expected);
    assert.deepEqual(
      found.problems.map((problem) => problem.replace("x.json: ", "")),
      problems,
    );
  });

test("times cascade, with fractions of a second and zones", () => {
  const { statements } = parse(
    samples.openVex(
      { vulnerability: "CVE-2024-1", products: ["pkg:apk/a"], status: "fixed" },
      {
        vulnerability: "CVE-2024-2",
        products: ["pkg:apk/a"],
        status: "fixed",
        timestamp: "2023-01-08T18:02:03.647787998-06:00",
      },
    ),
  );
  assert.equal(statements[0]!.time, Date.parse("2024-05-01T00:00:00Z") / 1000);
  assert.ok(Math.abs(statements[1]!.time! - 1_673_222_523.6478) < 1e-3);
});

test("the source of a statement is the file and the document", () => {
  const { statements, id } = parse(
    samples.openVex({ vulnerability: "CVE-2024-1", products: ["pkg:apk/a"], status: "fixed" }),
  );
  assert.equal(id, "https://example.com/vex-1");
  assert.equal(statements[0]!.source, "x.json (https://example.com/vex-1)");
});

const invalid: readonly [string, RegExp][] = [
  ["", /^x\.json: expected a JSON document$/],
  ["[]", /expected a VEX document, found JSON that is no object/],
  ['"CVE-2024-1"', /found JSON that is no object/],
  ["{}", /found another JSON document/],
  ['{"spdxVersion":"SPDX-2.3"}', /found another JSON document/],
  ['{"payloadType":"application/vnd.in-toto+json","payload":"!!!"}', /expected a JSON document/],
  ['{"@context":"https://openvex.example/ns"}', /found another JSON document/],
];

test("what is no VEX document is refused", () => {
  for (const [text, message] of invalid)
    assert.throws(
      () => parseVex(encodeText(text), "x.json"),
      (error: unknown) => isBivyError(error, "vex-invalid") && message.test(error.message),
      text,
    );
  assert.throws(
    () => parseVex(new Uint8Array([0x7b, 0xff, 0x7d]), "x.json"),
    (error: unknown) => isBivyError(error, "vex-invalid"),
  );
});

test("documents are bounded", () => {
  const limits = { ...defaultLimits, "sbom-size": 10 };
  assert.throws(
    () => parseVex(encodeText(" ".repeat(11)), "x.json", limits),
    (error: unknown) => isBivyError(error, "limit-exceeded"),
  );
  const ids = Array.from({ length: 2000 }, (_, index) => `p${index}`);
  const groups = Array.from({ length: 1000 }, () => "g");
  const amplified = samples.csaf(
    { product_groups: [{ group_id: "g", product_ids: ids }] },
    { cve: "CVE-2024-1", threats: [{ category: "impact", details: "x", group_ids: groups }] },
  );
  assert.throws(
    () => parse(amplified),
    (error: unknown) => isBivyError(error, "limit-exceeded"),
  );
  const broken = samples.openVex(...Array.from({ length: 500 }, () => ({})));
  assert.equal(parse(broken).problems.length, 51);
});

test("no name of a field or product is taken for what every object has", () => {
  const hostile = JSON.stringify(
    samples.cycloneDx({
      vulnerabilities: [
        { id: "__proto__", analysis: { state: "constructor" }, affects: [{ ref: "toString" }] },
        {
          id: "CVE-2024-1",
          analysis: { state: "not_affected", justification: "constructor" },
          affects: [{ ref: "__proto__" }, { ref: "pkg:apk/a?__proto__=x" }],
        },
      ],
    }),
  );
  const { statements } = parseVex(encodeText(hostile), "x.json");
  assert.equal(statements.length, 1);
  assert.equal(statements[0]!.justification, undefined);
  assert.equal(({} as { x?: unknown }).x, undefined);
});

test("documents that are nested without end are read or refused", () => {
  const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000);
  const texts = [
    `{"document":{"csaf_version":"2.0"},"product_tree":${deep('{"branches":[', "]}")}}`,
    `{"bomFormat":"CycloneDX","components":[${deep('{"components":[', "]}")}]}`,
    `{"@context":"https://openvex.dev/ns","statements":${deep("[", "]")}}`,
  ];
  for (const text of texts)
    try {
      parseVex(encodeText(text), "x.json");
    } catch (error) {
      assert.ok(isBivyError(error));
    }
});

/** Values that stand where a document has others. */
const strange = fc.constantFrom<unknown>(
  null,
  0,
  "",
  [],
  {},
  [null],
  "\u0000\ud800",
  "pkg:apk/%",
  "__proto__",
  { __proto__: null, "@id": 1 },
  [[]],
  true,
);

function paths(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, each]) => paths(each, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

test("a document with anything in place of anything is read or refused", () => {
  const choices = samples.documents.flatMap(({ document }) =>
    paths(document).map((path) => ({ document, path })),
  );
  fc.assert(
    fc.property(fc.constantFrom(...choices), strange, ({ document, path }, by) => {
      try {
        const found = parse(replaced(document, path, by) as object);
        for (const { ids, products } of found.statements)
          assert.ok(ids.length > 0 && products.length > 0);
      } catch (error) {
        assert.ok(isBivyError(error, "vex-invalid"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a document with broken bytes is read or refused", () => {
  const texts = samples.documents.map(({ document }) => encodeText(JSON.stringify(document)));
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      (bytes, place, byte) => {
        const copy = Uint8Array.from(bytes);
        copy[place % copy.byteLength] = byte;
        try {
          parseVex(copy, "x.json");
        } catch (error) {
          assert.ok(isBivyError(error, "vex-invalid"), String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});
