import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText } from "../base/index.ts";
import { encodePax, formatPaxTime, parsePax, parsePaxNumber, parsePaxTime } from "./pax.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

test("records survive being written, whatever their values hold", () => {
  const keyword = fc
    .string({ unit: "grapheme", minLength: 1 })
    .filter((key) => !/[=\0]/.test(key) && key.isWellFormed() && key !== "size");
  fc.assert(
    fc.property(fc.array(fc.tuple(keyword, fc.uint8Array({ maxLength: 200 }))), (entries) => {
      const records = new Map(entries);
      const parsed = parsePax(encodePax(records));
      assert.ok(typeof parsed !== "string", String(parsed));
      assert.deepEqual(
        new Map([...parsed].map(([key, value]) => [key, Uint8Array.from(value)])),
        records,
      );
    }),
  );
});

test("the length of a record counts its own digits", () => {
  for (const size of [0, 1, 91, 92, 93, 94, 95, 990, 991, 992, 993, 994, 9984, 9985, 9990]) {
    const written = encodePax(new Map([["k", new Uint8Array(size)]]));
    assert.equal(Number.parseInt(Buffer.from(written).toString("latin1")), written.byteLength);
  }
});

test("records are in one order", () => {
  const keys = ["uid", "SCHILY.xattr.user.a", "linkpath", "path", "mtime", "hdrcharset", "atime"];
  const written = encodePax(new Map(keys.map((key) => [key, encodeText("1")])));
  const parsed = parsePax(written);
  assert.ok(typeof parsed !== "string");
  assert.deepEqual(
    [...parsed.keys()],
    ["hdrcharset", "path", "linkpath", "SCHILY.xattr.user.a", "atime", "mtime", "uid"],
  );
});

test("malformed records are refused", () => {
  const cases = [
    "x",
    "0 a=b\n",
    "06 a=b\n",
    "-6 a=b\n",
    "+6 a=b\n",
    "6  a=b\n",
    "6\ta=b\n",
    "5 a=b\n",
    "7 a=b\n",
    "6 a=bX",
    "5 ab\n",
    "5 =b\n",
    "2 \n",
    "1 ",
    "7 a\0=b\n",
    "99999999999999999999 a=b\n",
    "4294967302 a=b\n",
    "6 a=b\n\0\0",
    "9 size=1\n9 size=2\n",
  ];
  for (const text of cases)
    assert.equal(typeof parsePax(bytes(text)), "string", JSON.stringify(text));
});

test("of a keyword that stands twice the last one counts", () => {
  const parsed = parsePax(bytes("6 a=b\n6 a=c\n9 size=1\n9 size=1\n"));
  assert.ok(typeof parsed !== "string");
  assert.deepEqual(Buffer.from(parsed.get("a")!).toString(), "c");
});

test("times are read as POSIX writes them", () => {
  const cases: readonly [string, number, number][] = [
    ["0", 0, 0],
    ["1350244992", 1350244992, 0],
    ["1350244992.", 1350244992, 0],
    ["1350244992.3", 1350244992, 300_000_000],
    ["1350244992.023960108", 1350244992, 23_960_108],
    ["1350244992.0239601089", 1350244992, 23_960_108],
    ["-1", -1, 0],
    ["-0", 0, 0],
    ["-1.5", -2, 500_000_000],
    ["-0.000000001", -1, 999_999_999],
    ["-0.0000000001", -1, 999_999_999],
  ];
  for (const [text, seconds, nanoseconds] of cases)
    assert.deepEqual(parsePaxTime(bytes(text)), { seconds, nanoseconds }, text);
  for (const text of [
    "",
    "-",
    ".5",
    "1.5.5",
    "1e9",
    " 1",
    "1 ",
    "+1",
    "1,5",
    "9".repeat(16),
    "NaN",
  ])
    assert.equal(parsePaxTime(bytes(text)), undefined, text);
});

test("times survive being written", () => {
  const time = fc.record({
    seconds: fc.integer({ min: -1e12, max: 1e12 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  });
  fc.assert(
    fc.property(time, (value) => {
      assert.deepEqual(parsePaxTime(bytes(formatPaxTime(value))), { ...value });
    }),
  );
});

test("numbers are decimal, whole and exact", () => {
  assert.equal(parsePaxNumber(bytes("9007199254740991")), Number.MAX_SAFE_INTEGER);
  for (const text of ["", "-1", "1.0", "0x1", " 1", "9007199254740992", "9".repeat(400), "1\n"])
    assert.equal(parsePaxNumber(bytes(text)), undefined, text);
});
