import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { alpineBranch, distributionOf, parseOsRelease, releaseConflict } from "./distribution.ts";

test("values of os-release are read as a shell reads them", () => {
  const cases = [
    ["ID=alpine", "alpine"],
    ['ID="alpine"', "alpine"],
    ["ID='al pine'", "al pine"],
    ['ID="a \\"b\\" \\$c \\`d\\` \\\\e \\f"', 'a "b" $c `d` \\e \\f'],
    ["ID='a\\b'", "a\\b"],
    ["ID=a\\ b", "a b"],
    ["ID=alpine  ", "alpine"],
    ["  ID=alpine\r", "alpine"],
    ['ID="open', "open"],
    ["ID='open", "open"],
    ["ID=", ""],
    ["ID=one\nID=two", "two"],
    ["#ID=no\nID=yes", "yes"],
    ["ID=a=b", "a=b"],
    ['ID="a"b', "a"],
    ["ID=trailing\\", "trailing\\"],
  ] as const;
  for (const [text, expected] of cases)
    assert.equal(parseOsRelease(text).get("ID"), expected, JSON.stringify(text));
  assert.equal(parseOsRelease("no assignment\n=x\n1A=b\n").size, 0);
});

test("property: what is quoted is read back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (value) => {
      const quoted = `"${value.replace(/["$`\\]/g, "\\$&")}"`;
      assert.equal(parseOsRelease(`A=1\nNAME=${quoted}\nB=2`).get("NAME"), value);
    }),
  );
});

test("property: any text can be read", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseOsRelease(text)));
});

test("the branch of a version", () => {
  const cases = [
    ["3.19.4", "v3.19"],
    ["3.9.0", "v3.9"],
    ["3.20", "v3.20"],
    ["v3.20", "v3.20"],
    ["3.20.0_rc1", "v3.20"],
    ["3.21_alpha20240807", "edge"],
    ["3.17_git20220715", "edge"],
    ["3.19_alpha20230901", "edge"],
    ["3.15.0_pre1", "edge"],
    ["edge", "edge"],
    ["", undefined],
    ["20230201", undefined],
    ["rolling", undefined],
    ["3.19.4; rm", undefined],
  ] as const;
  for (const [version, branch] of cases) assert.equal(alpineBranch(version), branch, version);
});

const file = (text: string | undefined, path = "etc/os-release") =>
  text === undefined ? undefined : { path, text };

test("a distribution goes by the name that it gives itself", () => {
  const cases = [
    ['ID=alpine\nNAME="Alpine Linux"\nVERSION_ID=3.19.4', "3.19.4\n", "alpine", "3.19.4", "v3.19"],
    ["ID=alpine\nVERSION_ID=3.21_alpha20240807", undefined, "alpine", "3.21_alpha20240807", "edge"],
    ["ID=alpine", "3.18.2\n", "alpine", "3.18.2", "v3.18"],
    [undefined, "3.18.2\n", "alpine", "3.18.2", "v3.18"],
    ['ID=wolfi\nNAME="Wolfi"\nVERSION_ID="20230201"', undefined, "wolfi", "20230201", undefined],
    ["ID=chainguard\nVERSION_ID=20230214", undefined, "chainguard", "20230214", undefined],
    ["ID=postmarketos\nVERSION_ID=v23.12", "3.19.1\n", "postmarketos", "v23.12", undefined],
    ['ID=debian\nVERSION_ID="12"', undefined, "debian", "12", undefined],
  ] as const;
  for (const [os, alpine, id, version, branch] of cases) {
    const found = distributionOf(file(os), file(alpine, "etc/alpine-release"));
    assert.deepEqual(
      [found?.id, found?.version, found?.branch],
      [id, version, branch],
      `${os} ${alpine}`,
    );
    assert.equal(found?.path, os === undefined ? "etc/alpine-release" : "etc/os-release");
  }
  assert.equal(distributionOf(undefined, undefined), undefined);
  assert.equal(distributionOf(undefined, file("", "etc/alpine-release")), undefined);
  assert.deepEqual(distributionOf(file("FOO=bar"), undefined), {
    id: "linux",
    name: "Linux",
    path: "etc/os-release",
  });
});

test("what is derived from Alpine goes by its own name, without a branch", () => {
  const cases = [
    ['ID=wolfi\nNAME="Wolfi"\nVERSION_ID=20230201', "wolfi", []],
    ['ID=chainguard\nNAME="Chainguard"\nVERSION_ID=20230214', "chainguard", []],
    ["ID=postmarketos\nID_LIKE=alpine\nVERSION_ID=v24.06", "postmarketos", ["alpine"]],
  ] as const;
  for (const [text, id, like] of cases) {
    const found = distributionOf(file(text), file("3.20.0\n", "etc/alpine-release"))!;
    assert.deepEqual([found.id, found.branch, found.like ?? []], [id, undefined, like]);
  }
});

test("release files that contradict each other are named", () => {
  const conflict = (osRelease: string, alpineRelease: string) =>
    releaseConflict(file(osRelease), file(alpineRelease, "etc/alpine-release"));
  assert.match(
    conflict("ID=alpine\nVERSION_ID=3.19.4", "3.20.1\n")!,
    /etc\/os-release says Alpine 3\.19\.4, etc\/alpine-release says 3\.20\.1/,
  );
  assert.equal(conflict("ID=alpine\nVERSION_ID=3.19.4", "3.19.4\n"), undefined);
  assert.equal(conflict("ID=postmarketos\nVERSION_ID=v24.06", "3.20.1\n"), undefined);
});
