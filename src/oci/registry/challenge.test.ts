/** Tests of challenges: as servers write them, as nobody should, and any that can be written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseChallenges } from "./challenge.ts";

/** Header, and what is in it: scheme, then parameters or a token68. */
const cases: readonly [string, readonly (readonly [string, Record<string, string> | string])[]][] =
  [
    ['Basic realm="x"', [["basic", { realm: "x" }]]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        [
          "bearer",
          {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:a/b:pull,push",
          },
        ],
      ],
    ],
    [
      'Bearer realm="https://r/t", error="insufficient_scope" , Basic realm="b", charset=UTF-8',
      [
        ["bearer", { realm: "https://r/t", error: "insufficient_scope" }],
        ["basic", { realm: "b", charset: "UTF-8" }],
      ],
    ],
    [
      'Negotiate, NTLM TlRMTVNTUAAB, basic Realm = "a, b=\\"c\\" \\\\"',
      [
        ["negotiate", {}],
        ["ntlm", "TlRMTVNTUAAB"],
        ["basic", { realm: 'a, b="c" \\' }],
      ],
    ],
    ["Negotiate abc==", [["negotiate", "abc=="]]],
    [
      'BEARER realm=https://r/t?a=b,service=""',
      [["bearer", { realm: "https://r/t?a=b", service: "" }]],
    ],
    ['Basic realm="one", realm="two"', [["basic", { realm: "one" }]]],
    ['Bearer realm="https://r/never-closed', [["bearer", { realm: "https://r/never-closed" }]]],
    [
      '=,,; "lost" Basic realm="x"',
      [
        ["lost", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    ["", []],
  ];

for (const [header, expected] of cases)
  test(`challenges of ${JSON.stringify(header)}`, () => {
    const found = parseChallenges(header).map(({ scheme, parameters, token68 }) => [
      scheme,
      token68 ?? Object.fromEntries(parameters),
    ]);
    assert.deepEqual(found, expected);
  });

test("a header that nobody sends is not looked at", () => {
  assert.deepEqual(parseChallenges(undefined), []);
  assert.deepEqual(parseChallenges(`Basic realm="${"x".repeat(20_000)}"`), []);
});

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const text = fc.string({ maxLength: 30 });
const written = fc.record(
  {
    scheme: name,
    parameters: fc.uniqueArray(fc.tuple(name, text), {
      minLength: 1,
      maxLength: 5,
      selector: ([key]) => key,
    }),
  },
  { noNullPrototype: true },
);

test("whatever can be written is read back", () => {
  fc.assert(
    fc.property(
      fc.array(written, { maxLength: 4 }),
      fc.constantFrom(",", ", ", " ,\t"),
      (list, comma) => {
        const quote = (value: string) => `"${value.replace(/[\\"]/g, "\\$&")}"`;
        const header = list
          .map(
            ({ scheme, parameters }) =>
              `${scheme} ${parameters.map(([key, value]) => `${key}=${quote(value)}`).join(comma)}`,
          )
          .join(comma);
        const found = parseChallenges(header).map(({ scheme, parameters }) => ({
          scheme,
          parameters: [...parameters],
        }));
        assert.deepEqual(found, list);
      },
    ),
  );
});

test("no text makes it fail, or take long", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (header) => {
      for (const { scheme } of parseChallenges(header)) assert.equal(scheme, scheme.toLowerCase());
    }),
  );
  for (const piece of ["a=", '"\\', "a ", "= ", "a=b=", ",", "\\"])
    parseChallenges(piece.repeat(16_000 / piece.length));
});
