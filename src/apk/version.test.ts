import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import { anyVersion, validVersion } from "./version-samples.test.ts";
import {
  compareVersions,
  isValidVersion,
  matchesVersion,
  parseVersion,
  tokenKind,
  VersionTokens,
  type Operator,
} from "./version.ts";

test("versions in ascending order compare so, in both directions", () => {
  const ascending = (
    "0.1_alpha 0.1_alpha1 0.1_alpha2 0.1_beta 0.1_pre 0.1_rc1 0.1_rc1-r1 0.1 0.1-r0 0.1-r1 0.1~0a " +
    "0.1~0a-r1 0.1~ff 0.1_cvs 0.1_svn 0.1_git20200101 0.1_hg 0.1_p 0.1_p1 0.1a 0.1a-r1 0.1b 0.1.0 " +
    "0.1.01 0.1.1 0.1.9 0.1.10 0.2 1 1.0 9 10 20240101"
  ).split(" ");
  ascending.forEach((a, i) =>
    ascending.forEach((b, j) =>
      assert.equal(compareVersions(a, b), Math.sign(i - j), `${a} against ${b}`),
    ),
  );
});

test("numbers beyond 2^64 wrap, as in apk", () => {
  assert.equal(compareVersions("18446744073709551616", "0"), 0);
  assert.equal(compareVersions("18446744073709551617", "1"), 0);
  assert.equal(compareVersions("18446744073709551615", "1"), 1);
});

test("operators", () => {
  const cases: readonly [string, Operator, string, boolean][] = [
    ["1.2.3", "~", "1.2", true],
    ["1.23", "~", "1.2", false],
    ["1.2", "~", "1.2.3", false],
    ["1.2.3-r1", "<~", "1.2", true],
    ["1.3", "<~", "1.2", false],
    ["1.2.9", ">~", "1.2", true],
    ["1.1", ">~", "1.2", false],
    ["1.2", ">=", "1.2", true],
    ["1.2", "<", "1.2", false],
    ["1.2", "any", "", true],
    ["1.2", "><", "1.2", false],
  ];
  for (const [version, operator, wanted, holds] of cases)
    assert.equal(
      matchesVersion(version, operator, wanted),
      holds,
      `${version} ${operator} ${wanted}`,
    );
});

test("an invalid version is named in the error", () => {
  assert.throws(
    () => parseVersion("1.0_foo"),
    (error) => isBivyError(error, "version-invalid") && error.message.includes('"1.0_foo"'),
  );
});

test("the pattern and the tokens agree on what is valid", () => {
  const endsWell = (text: string) => {
    const tokens = new VersionTokens(text);
    while (tokens.kind < tokenKind.end) tokens.next();
    return tokens.kind === tokenKind.end;
  };
  fc.assert(fc.property(anyVersion, (text) => isValidVersion(text) === endsWell(text)));
  fc.assert(fc.property(validVersion, (text) => isValidVersion(text)));
});

test("the order is total: antisymmetric and transitive", () => {
  fc.assert(
    fc.property(
      validVersion,
      validVersion,
      (a, b) => compareVersions(a, b) === 0 - compareVersions(b, a),
    ),
  );
  fc.assert(
    fc.property(validVersion, validVersion, validVersion, (a, b, c) => {
      const [x, y, z] = [a, b, c].sort(compareVersions) as [string, string, string];
      return compareVersions(x, y) <= 0 && compareVersions(y, z) <= 0 && compareVersions(x, z) <= 0;
    }),
  );
});
