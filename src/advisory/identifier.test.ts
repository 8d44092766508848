import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseVulnerabilityNames } from "./identifier.ts";

const cases: readonly (readonly [entry: string, ...names: readonly (readonly string[])[]])[] = [
  ["CVE-2024-9143", ["CVE-2024-9143"]],
  ["CVE-2019-3829 GNUTLS-SA-2019-03-27", ["CVE-2019-3829", "GNUTLS-SA-2019-03-27"]],
  ["CVE-2018-3639   XSA-263", ["CVE-2018-3639", "XSA-263"]],
  ["CVE-2020-1 CVE-2020-12345", ["CVE-2020-12345"]],
  [
    "CVE-2020-11111 CVE-2020-22222",
    ["CVE-2020-11111", "CVE-2020-22222"],
    ["CVE-2020-22222", "CVE-2020-11111"],
  ],
  ["CVE-2017-16808 (AoE)", ["CVE-2017-16808"]],
  ["CVE-2019-20372 (+ regression fix)", ["CVE-2019-20372"]],
  ["CVE-2017-17434-1", ["CVE-2017-17434"]],
  ["CVE-2019-19451.patch", ["CVE-2019-19451"]],
  ["CVE-46838", ["CVE-46838"]],
  ["XSA-254", ["XSA-254"]],
  ["CVE-????-?????  XSA-295", ["CVE-????-?????", "XSA-295"]],
  ["GHSA-jq35-85cj-fj4p", ["GHSA-jq35-85cj-fj4p"]],
  ["CVE-2021-41091 GHSA-3fwx-pjgw-3558", ["CVE-2021-41091", "GHSA-3fwx-pjgw-3558"]],
  ["ALPINE-13661", ["ALPINE-13661"]],
  ["ZDI-CAN-13796", ["ZDI-CAN-13796"]],
  ["RUSTSEC-2021-0079 CVE-2021-32714", ["CVE-2021-32714", "RUSTSEC-2021-0079"]],
  ["CVE_2019-2426", ["CVE_2019-2426"]],
  [""],
  ["  \t "],
];

for (const [entry, ...names] of cases)
  test(`${JSON.stringify(entry)} names ${names.map((each) => each.join(" = ")).join("; ") || "nothing"}`, () => {
    assert.deepEqual(
      parseVulnerabilityNames(entry).map(({ id, aliases }) => [id, ...aliases]),
      names,
    );
  });

test("whatever stands there, no name is blank, and each has the others", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (entry) => {
      const names = parseVulnerabilityNames(entry);
      assert.equal(names.length === 0, entry.trim() === "");
      for (const { id, aliases } of names) {
        assert.match(id, /^\S+$/u);
        assert.ok(!aliases.includes(id));
      }
    }),
  );
});
