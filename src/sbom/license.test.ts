import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { tryParseLicense } from "./license.ts";

/** What packages state, and the expression that it is, where SPDX knows all of it. */
const known: readonly [string, string][] = [
  ["MIT", "MIT"],
  [" mit ", "MIT"],
  ["MIT AND BSD-2-Clause AND GPL-2.0-or-later", "MIT AND BSD-2-Clause AND GPL-2.0-or-later"],
  ["MPL-2.0 and MIT", "MPL-2.0 AND MIT"],
  ["(MIT OR ( Zlib AND ISC ) )", "(MIT OR (Zlib AND ISC))"],
  ["GPL-2.0+", "GPL-2.0+"],
  ["Apache-1.1+ OR MIT", "Apache-1.1+ OR MIT"],
  [
    "GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT",
    "GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT",
  ],
  ["gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"],
];

/** What SPDX does not know, with the texts that its names stand for. */
const unknown: readonly [string, string, Readonly<Record<string, string>>][] = [
  ["custom", "LicenseRef-custom", { "LicenseRef-custom": "custom" }],
  ["GPL2", "LicenseRef-GPL2", { "LicenseRef-GPL2": "GPL2" }],
  ["MIT AND BSD", "MIT AND LicenseRef-BSD", { "LicenseRef-BSD": "BSD" }],
  ["LicenseRef-own OR MIT", "LicenseRef-own OR MIT", { "LicenseRef-own": "LicenseRef-own" }],
  ["GPL2+", "LicenseRef-GPL2-8fa29c856a48", { "LicenseRef-GPL2-8fa29c856a48": "GPL2+" }],
  ["And", "LicenseRef-And", { "LicenseRef-And": "And" }],
];

/** What is no expression; it is named as a whole. */
const broken: readonly string[] = [
  "MIT BSD GPL2+",
  "MIT AND",
  "AND MIT",
  "OR",
  "(MIT",
  "MIT)",
  "()",
  "(MIT) WITH GCC-exception-3.1",
  "MIT WITH",
  "MIT WITH nothing-known",
  "MIT WITH GCC-exception-3.1 WITH GCC-exception-2.0",
  "(".repeat(100_000),
];

test("expressions are written in SPDX's spelling", () => {
  for (const [text, expression] of known)
    assert.deepEqual(tryParseLicense(text), { expression, references: new Map() }, text);
});

test("what SPDX does not know gets a name of its own", () => {
  for (const [text, expression, references] of unknown)
    assert.deepEqual(
      tryParseLicense(text),
      { expression, references: new Map(Object.entries(references)) },
      text,
    );
});

test("a text that is no expression is named as a whole", () => {
  for (const text of broken) {
    const { expression, references } = tryParseLicense(text)!;
    assert.match(expression, /^LicenseRef-[A-Za-z0-9.-]{1,80}$/);
    assert.deepEqual(references, new Map([[expression, text]]));
  }
  const names = broken.map((text) => tryParseLicense(text)!.expression);
  assert.equal(new Set(names).size, names.length);
});

test("nothing stated is nothing", () => {
  for (const text of ["", " \t"]) assert.equal(tryParseLicense(text), undefined);
});

test("any text becomes an expression that reads as itself", () => {
  const word = fc.oneof(
    fc.constantFrom("MIT", "AND", "OR", "WITH", "(", ")", "GCC-exception-3.1", "BSD"),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 9 }), (words) => {
      const first = tryParseLicense(words.join(" "));
      if (first === undefined) return;
      assert.match(first.expression, /^[A-Za-z0-9.+() -]+$/);
      assert.equal(tryParseLicense(first.expression)?.expression, first.expression);
      for (const reference of first.references.keys())
        assert.ok(first.expression.includes(reference));
    }),
  );
});
