import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, decodeName, encodeName, isBivyError, type ErrorCode } from "../base/index.ts";
import { pax, raw, type RawFields } from "./raw-tar.test.ts";
import { tarEnd, tarPadding, type TarHeader } from "./tar-header.ts";
import { tarEntries } from "./tar-read.ts";

const options = { subject: "test.tar" };

function read(...parts: Uint8Array[]): { header: TarHeader; content: Uint8Array }[] {
  return [...tarEntries(concatBytes(parts), options)];
}

function readOne(...parts: Uint8Array[]): TarHeader {
  const entries = read(...parts);
  assert.equal(entries.length, 1);
  return entries[0]!.header;
}

function refused(code: ErrorCode, message: RegExp, ...parts: Uint8Array[]): void {
  assert.throws(
    () => read(...parts),
    (error) => {
      assert.ok(isBivyError(error, code), String(error));
      assert.match(error.message, message);
      assert.ok(error.hint !== undefined);
      return true;
    },
  );
}

test("every type of entry", () => {
  const cases: readonly [RawFields, Partial<TarHeader>][] = [
    [{ type: "0" }, { type: "file" }],
    [{ type: "\0" }, { type: "file" }],
    [{ type: "7" }, { type: "file" }],
    [
      { type: "1", linkName: "a/b" },
      { type: "hardlink", linkPath: "a/b" },
    ],
    [
      { type: "2", linkName: "../x/" },
      { type: "symlink", linkPath: "../x/" },
    ],
    [
      { type: "3", deviceMajor: "0000005\0", deviceMinor: "0000001\0" },
      { type: "character", deviceMajor: 5, deviceMinor: 1 },
    ],
    [
      { type: "4", deviceMajor: "\x80\0\0\0\0\x20\0\0", deviceMinor: "\x80\0\0\0\xff\xff\xff\xff" },
      { type: "block", deviceMajor: 2097152, deviceMinor: 4294967295 },
    ],
    [
      { type: "5", name: "dir/" },
      { type: "directory", path: "dir" },
    ],
    [{ type: "6" }, { type: "fifo" }],
  ];
  for (const [given, expected] of cases) {
    const header = readOne(raw(given));
    assert.deepEqual({ ...header, ...expected }, header);
  }
});

test("paths", () => {
  const long = "n".repeat(100);
  const cases: readonly [RawFields, string][] = [
    [{ name: "./a/b" }, "./a/b"],
    [{ name: "./", type: "5" }, "."],
    [{ name: "/", type: "5" }, "/"],
    [{ name: "a///", type: "5" }, "a"],
    [{ name: "/abs" }, "/abs"],
    [{ name: long }, long],
    [{ name: long, prefix: "p".repeat(155) }, `${"p".repeat(155)}/${long}`],
    [{ name: "b", prefix: "a" }, "a/b"],
    // GNU's dialect has times where POSIX has the prefix.
    [{ name: "b", prefix: "13371337\0", magic: "ustar  \0" }, "b"],
    [{ name: "b", magic: "" }, "b"],
    [{ name: "b", prefix: "a", starTrailer: "tar\0" }, "a/b"],
    [{ name: "caf\xc3\xa9" }, "café"],
  ];
  for (const [given, path] of cases) assert.equal(readOne(raw(given)).path, path);
  const latin1 = readOne(raw({ name: "caf\xe9" })).path;
  assert.deepEqual(Buffer.from(encodeName(latin1)).toString("latin1"), "caf\xe9");
});

test("archives from before POSIX: a slash makes a directory, owners have no names", () => {
  const header = readOne(
    raw({ name: "dir/", type: "\0", magic: "", userName: "junk", mode: "040755 \0" }),
  );
  assert.deepEqual(
    { type: header.type, path: header.path, userName: header.userName, mode: header.mode },
    { type: "directory", path: "dir", userName: "", mode: 0o755 },
  );
});

test("PAX records replace what the header block says", () => {
  const header = readOne(
    pax({
      path: "a/\xc3\xa9",
      uid: "4000000000",
      gid: "2097152",
      uname: "user",
      gname: "\xff",
      mtime: "-1.25",
      atime: "5",
      "SCHILY.xattr.security.capability": "\x01\0\n=\xff",
      "LIBARCHIVE.xattr.user.a%20b": "AP8",
      "APK-TOOLS.checksum.SHA1": "da39",
      "SCHILY.xattr.user.empty": "",
      hdrcharset: "BINARY",
    }),
    raw({ userName: "other" }),
  );
  assert.equal(header.path, "a/é");
  assert.deepEqual([header.uid, header.gid], [4000000000, 2097152]);
  assert.deepEqual([header.userName, header.groupName], ["user", decodeName(Uint8Array.of(0xff))]);
  assert.deepEqual([header.mtime, header.mtimeNanoseconds], [-2, 750_000_000]);
  assert.deepEqual(
    [...header.xattrs].map(([name, value]) => [name, Buffer.from(value).toString("latin1")]),
    [
      ["security.capability", "\x01\0\n=\xff"],
      ["user.a b", "\0\xff"],
      ["user.empty", ""],
    ],
  );
  assert.deepEqual([...header.pax.keys()], ["atime", "APK-TOOLS.checksum.SHA1"]);
});

test("keywords are data, whatever they are called", () => {
  const keys = ["constructor", "__proto__", "toString", "hasOwnProperty"];
  const header = readOne(pax(Object.fromEntries(keys.map((key) => [key, "v"]))), raw({}));
  assert.deepEqual([...header.pax.keys()].sort(), keys.sort());
});

test("a PAX size counts where the block has none or a full one", () => {
  const content = "0123456789";
  const [entry, next] = read(
    pax({ size: "10" }),
    raw({ size: "00000000000\0" }, ""),
    Buffer.from(content),
    tarPadding(10),
    raw({ name: "next" }),
  );
  assert.equal(Buffer.from(entry!.content).toString(), content);
  assert.equal(next!.header.path, "next");
  refused(
    "tar-truncated",
    /inside entry "file"/,
    pax({ size: "8589934592" }),
    raw({ size: "777777777777" }),
  );
});

test("global PAX records hold for all entries until they are replaced or deleted", () => {
  const entries = read(
    pax({ uname: "all", mtime: "7", vendor: "v", comment: "commit id" }, "g"),
    raw({ name: "1" }),
    pax({ uname: "one", vendor: "" }),
    raw({ name: "2" }),
    raw({ name: "3" }),
    pax({ vendor: "", uname: "" }, "g"),
    raw({ name: "4", userName: "block" }),
  );
  assert.deepEqual(
    entries.map(({ header }) => [header.userName, header.mtime, [...header.pax.keys()].join()]),
    [
      ["all", 7, "vendor"],
      ["one", 7, ""],
      ["all", 7, "vendor"],
      ["block", 7, ""],
    ],
  );
});

test("an empty record deletes the owner's name, and leaves what must have a value", () => {
  const header = readOne(
    pax({ uname: "", path: "", uid: "", mtime: "", size: "", other: "" }),
    raw({ name: "kept", userName: "gone", uid: "0000005\0", mtime: "00000000006\0" }),
  );
  assert.deepEqual(
    [header.path, header.userName, header.uid, header.mtime, header.pax.size],
    ["kept", "", 5, 6, 0],
  );
});

test("GNU long names and long targets", () => {
  const path = `${"d/".repeat(200)}caf\xe9`;
  const target = "t".repeat(300);
  const header = readOne(
    raw({ name: "././@LongLink", type: "K", magic: "ustar  \0" }, `${target}\0`),
    raw({ name: "././@LongLink", type: "L", magic: "ustar  \0" }, `${path}\0`),
    pax({ "APK-TOOLS.checksum.SHA1": "da39" }),
    raw({ name: path.slice(0, 100), linkName: target.slice(0, 100), type: "2" }),
  );
  assert.equal(Buffer.from(encodeName(header.path)).toString("latin1"), path);
  assert.equal(header.linkPath, target);
  assert.equal(header.pax.size, 1);
});

test("a size on what is no file is a remark", () => {
  const entries = read(
    raw({ type: "1", linkName: "t", size: "00000001000\0" }),
    raw({ type: "5", name: "d/", size: "00000001000\0" }),
    raw({ name: "last" }),
  );
  assert.deepEqual(
    entries.map(({ header }) => header.size),
    [0, 0, 0],
  );
});

test("both ways to add up a checksum hold", () => {
  const block = raw({ name: "caf\xe9" });
  let sum = 0;
  for (const [at, byte] of block.entries())
    sum += at >= 148 && at < 156 ? 0x20 : byte > 127 ? byte - 256 : byte;
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  assert.equal(readOne(block).size, 0);
  block[0] = block[0]! ^ 1;
  refused("tar-invalid", /not a tar archive/, block);
});

test("ends: with zero blocks, with one, with none, and padded to records", () => {
  const one = raw({}, "x");
  for (const end of [[], [tarEnd.subarray(512)], [tarEnd], [new Uint8Array(10240)]])
    assert.equal(read(one, ...end).length, 1);
  assert.equal(read().length, 0);
  assert.equal(read(tarEnd).length, 0);
  assert.equal(read(one, one).length, 2);
  assert.equal(read(one, tarEnd, one, Buffer.from("no tar")).length, 1);
});

test("what is refused", () => {
  const file = raw({});
  const zero = new Uint8Array(512);
  const cases: readonly [ErrorCode, RegExp, readonly Uint8Array[]][] = [
    ["tar-invalid", /not a tar archive, at byte 0/, [Buffer.alloc(512, "x")]],
    ["tar-invalid", /bad checksum\), at byte 512 after entry "file"/, [file, Buffer.alloc(512, 1)]],
    ["tar-invalid", /lone zero block/, [file, zero, file]],
    ["tar-sparse", /sparse file/, [raw({ type: "S", magic: "ustar  \0" })]],
    ["tar-sparse", /sparse file/, [pax({ "GNU.sparse.major": "1" }), file]],
    ["tar-sparse", /sparse file/, [pax({ "SCHILY.realsize": "99" }), file]],
    ["tar-invalid", /multi-volume/, [raw({ type: "M" })]],
    ["tar-invalid", /volume label/, [raw({ type: "V" })]],
    ["tar-invalid", /unknown type "Z"/, [raw({ type: "Z" })]],
    ["tar-invalid", /negative size/, [raw({ size: "\xff".repeat(12) })]],
    ["tar-invalid", /negative size|invalid size/, [raw({ size: "\xff".repeat(12), type: "L" })]],
    ["tar-invalid", /size of an entry is no number/, [raw({ size: "0000000000x\0" })]],
    ["tar-invalid", /size of an entry is no number/, [raw({ size: `\x80${"\xff".repeat(11)}` })]],
    [
      "tar-invalid",
      /record size says 5, the header block 6/,
      [pax({ size: "5" }), raw({}, "abcdef")],
    ],
    [
      "tar-invalid",
      /gives content to what is no file/,
      [pax({ size: "5" }), raw({ type: "1", linkName: "x" })],
    ],
    ["tar-invalid", /size is no whole number/, [pax({ size: "-5" }), file]],
    ["tar-invalid", /uid is no whole number/, [pax({ uid: "1.5" }), file]],
    ["tar-invalid", /mtime is no time/, [pax({ mtime: "now" }), file]],
    ["tar-invalid", /owner, 4294967295:0/, [pax({ uid: "4294967295" }), file]],
    ["tar-invalid", /owner, -2:0/, [raw({ uid: `${"\xff".repeat(7)}\xfe` })]],
    ["tar-invalid", /NUL byte in its name/, [pax({ path: "a\0b" }), file]],
    [
      "tar-invalid",
      /NUL byte in its target/,
      [pax({ linkpath: "a\0b" }), raw({ type: "2", linkName: "x" })],
    ],
    ["tar-invalid", /uname has a NUL byte/, [pax({ uname: "a\0b" }), file]],
    ["tar-invalid", /has no name/, [raw({ name: "" })]],
    ["tar-invalid", /link without a target/, [raw({ type: "2" })]],
    ["tar-invalid", /named as a directory but has content/, [raw({ name: "d/" }, "abc")]],
    ["tar-invalid", /two PAX headers/, [pax({ a: "b" }), pax({ a: "c" }), file]],
    ["tar-invalid", /two GNU long names/, [raw({ type: "L" }, "a"), raw({ type: "L" }, "b"), file]],
    ["tar-invalid", /different names/, [raw({ type: "L" }, "a"), pax({ path: "b" }), file]],
    ["tar-invalid", /belongs to no entry/, [pax({ path: "b" }), tarEnd]],
    ["tar-truncated", /inside an extension header/, [pax({ path: "b" })]],
    ["tar-invalid", /global PAX header states a path/, [pax({ path: "b" }, "g"), file]],
    ["tar-invalid", /no length/, [raw({ type: "x" }, "nonsense"), file]],
    ["tar-invalid", /malformed/, [pax({ "LIBARCHIVE.xattr.user.%zz": "AP8" }), file]],
    ["tar-invalid", /malformed/, [pax({ "LIBARCHIVE.xattr.user.a": "!" }), file]],
    ["tar-invalid", /no name/, [pax({ "SCHILY.xattr.": "x" }), file]],
    [
      "tar-invalid",
      /more than 64 global/,
      [
        pax(Object.fromEntries(Array.from({ length: 65 }, (_, key) => [`k${key}`, "v"])), "g"),
        file,
      ],
    ],
  ];
  for (const [code, message, parts] of cases) refused(code, message, ...parts);
});
