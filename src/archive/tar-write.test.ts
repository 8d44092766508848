import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bytesContent, concatBytes, decodeName, type Content } from "../base/index.ts";
import { tarHeader, type TarHeader, type TarType } from "./tar-header.ts";
import { tarEntries } from "./tar-read.ts";
import { encodeTarHeader, writeTar, type TarItem } from "./tar-write.ts";

async function write(items: Iterable<TarItem>, options?: { end?: boolean }): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(items, options)) parts.push(part);
  return concatBytes(parts);
}

function read(bytes: Uint8Array): TarItem[] {
  return [...tarEntries(bytes, { subject: "test.tar" })].map(({ header, content }) => ({
    header: plain(header),
    content: bytesContent(content),
  }));
}

/** A header whose bytes compare by value, whatever kind of array holds them. */
function plain(header: TarHeader): TarHeader {
  const copy = (records: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> =>
    new Map(
      [...records]
        .sort()
        .map(([key, value]): [string, Uint8Array] => [key, Uint8Array.from(value)]),
    );
  return { ...header, xattrs: copy(header.xattrs), pax: copy(header.pax) };
}

/** Names of any bytes but NUL. */
const byteName = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ min: 1, minLength: 1, maxLength }).map(decodeName);
const textName = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({
      unit: fc.constantFrom("a", "Z", "/", ".", "é", "\u{1f3d4}", "="),
      minLength: 1,
      maxLength,
    })
    .filter((name) => name !== "/");
const anyName = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(byteName(maxLength), textName(maxLength));
const anyPath = fc
  .oneof(anyName(20), anyName(320))
  .map((text) => text.replace(/\/+$/, ""))
  .filter((text) => text !== "");
const owner = fc.oneof(
  fc.nat(2 ** 21),
  fc.constantFrom(0, 2097151, 2097152, 4294967294),
  fc.integer({ min: 0, max: 4294967294 }),
);
const device = fc.oneof(fc.nat(300), fc.constantFrom(0, 2097151, 2097152, 4294967295));
const keyword = anyName(30).filter((key) => !key.includes("="));
const value = fc.uint8Array({ maxLength: 100 });

const anyHeader: fc.Arbitrary<TarHeader> = fc
  .record({
    path: anyPath,
    type: fc.constantFrom<TarType>(
      "file",
      "directory",
      "symlink",
      "hardlink",
      "character",
      "block",
      "fifo",
    ),
    mode: fc.nat(0o7777),
    uid: owner,
    gid: owner,
    userName: fc.oneof(fc.constant(""), anyName(40)),
    groupName: fc.oneof(fc.constant(""), anyName(40)),
    mtime: fc.oneof(
      fc.nat(),
      fc.integer({ min: -(10 ** 12), max: 10 ** 12 }),
      fc.constantFrom(0, 8 ** 11 - 1, 8 ** 11, -1),
    ),
    mtimeNanoseconds: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
    size: fc.nat(1500),
    linkPath: anyName(200),
    deviceMajor: device,
    deviceMinor: device,
    xattrs: fc
      .array(fc.tuple(keyword, value), { maxLength: 3 })
      .map((entries): ReadonlyMap<string, Uint8Array> => new Map(entries)),
    pax: fc
      .array(fc.tuple(keyword, fc.uint8Array({ minLength: 1, maxLength: 100 })), { maxLength: 3 })
      .map(
        (entries): ReadonlyMap<string, Uint8Array> =>
          new Map(entries.map(([key, bytes]) => [`VENDOR.${key}`, bytes])),
      ),
  })
  .map((fields) => {
    const link = fields.type === "symlink" || fields.type === "hardlink";
    const node = fields.type === "character" || fields.type === "block";
    return {
      ...fields,
      size: fields.type === "file" ? fields.size : 0,
      linkPath: link ? fields.linkPath : "",
      deviceMajor: node ? fields.deviceMajor : 0,
      deviceMinor: node ? fields.deviceMinor : 0,
    };
  });

function contentOf(size: number): Content {
  return bytesContent(Uint8Array.from({ length: size }, (_, index) => index % 251));
}

test("whatever a header holds survives, and is written the same again", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyHeader, { maxLength: 4 }), async (headers) => {
      const items = headers.map((each) => ({ header: each, content: contentOf(each.size) }));
      const bytes = await write(items);
      assert.equal(bytes.byteLength % 512, 0);
      const back = read(bytes);
      assert.deepEqual(
        back.map((item) => item.header),
        headers.map(plain),
      );
      for (const [index, item] of back.entries())
        assert.deepEqual(
          concatBytes([...(item.content!.chunks() as Iterable<Uint8Array>)]).length,
          headers[index]!.size,
        );
      assert.deepEqual(await write(back), bytes);
    }),
    { numRuns: 300 },
  );
});

test("what fits into ustar is one block, what does not gets a PAX header", () => {
  const d = (length: number): string => "d".repeat(length);
  const cases: readonly [Partial<TarHeader>, number][] = [
    [{ path: d(100) }, 1],
    [{ path: d(101) }, 3],
    [{ path: `${d(155)}/${d(100)}` }, 1],
    [{ path: `${d(156)}/${d(100)}` }, 3],
    [{ path: `${d(155)}/${d(101)}` }, 3],
    [{ path: `/${d(100)}` }, 3],
    [{ path: d(99), type: "directory" }, 1],
    [{ path: d(100), type: "directory" }, 3],
    [{ path: `${d(50)}/${d(99)}`, type: "directory" }, 1],
    [{ path: `${d(50)}/${d(100)}`, type: "directory" }, 3],
    [{ path: "é" }, 3],
    [{ linkPath: d(100), type: "symlink" }, 1],
    [{ linkPath: d(101), type: "symlink" }, 3],
    [{ userName: d(31) }, 1],
    [{ userName: d(32) }, 3],
    [{ uid: 2097151 }, 1],
    [{ uid: 2097152 }, 3],
    [{ mtime: 8 ** 11 - 1 }, 1],
    [{ mtime: 8 ** 11 }, 3],
    [{ mtime: -1 }, 3],
    [{ mtimeNanoseconds: 1 }, 3],
    [{ size: 8 ** 11 - 1 }, 1],
    [{ size: 8 ** 11 }, 3],
    [{ type: "block", deviceMajor: 2097151 }, 1],
    [{ type: "block", deviceMajor: 2097152 }, 3],
    [{ pax: new Map([["a", new Uint8Array(0)]]) }, 1],
  ];
  for (const [fields, blocks] of cases) {
    const written = encodeTarHeader(tarHeader({ path: "f", type: "file", ...fields }));
    assert.equal(written.byteLength / 512, blocks, JSON.stringify(fields));
  }
});

test("the header block, byte by byte", () => {
  const written = encodeTarHeader(
    tarHeader({
      path: "usr/bin/apk",
      type: "file",
      mode: 0o4755,
      uid: 1,
      gid: 2,
      size: 3,
      mtime: 4,
      userName: "root",
      groupName: "wheel",
    }),
  );
  const expected = Buffer.alloc(512);
  expected.write("usr/bin/apk", 0);
  expected.write("0004755\x000000001\x000000002\x0000000000003\x0000000000004\x00", 100);
  expected.write("011712\0 0", 148);
  expected.write("ustar\x0000root", 257);
  expected.write("wheel", 297);
  expected.write("0000000\x000000000\x00", 329);
  const sum =
    expected.reduce((a, b) => a + b, 0) -
    expected.subarray(148, 156).reduce((a, b) => a + b, 0) +
    8 * 32;
  expected.write(sum.toString(8).padStart(6, "0"), 148);
  assert.deepEqual(Buffer.from(written), expected);
});

test("names that are not UTF-8 say so", () => {
  const name = decodeName(Buffer.from("caf\xe9", "latin1"));
  const written = Buffer.from(encodeTarHeader(tarHeader({ path: name, type: "file" })));
  assert.match(written.toString("latin1"), /21 hdrcharset=BINARY\n\d+ path=caf\xe9\n/);
  const utf8 = Buffer.from(encodeTarHeader(tarHeader({ path: "café", type: "file" })));
  assert.doesNotMatch(utf8.toString("latin1"), /hdrcharset/);
});

test("headers that tar cannot hold are refused", () => {
  const bytes = Uint8Array.of(1);
  const cases: readonly [Partial<TarHeader>, RegExp][] = [
    [{ path: "" }, /has no name/],
    [{ path: "a/" }, /ends with a slash/],
    [{ path: "/" }, /is no directory/],
    [{ path: "a\0" }, /NUL/],
    [{ userName: "a\0" }, /NUL/],
    [{ type: "symlink" }, /link without a target/],
    [{ linkPath: "x" }, /no link but has a target/],
    [{ type: "fifo", size: 1 }, /size but is no file/],
    [{ deviceMajor: 1 }, /device number but is no device/],
    [{ mode: 0o10000 }, /mode 4096/],
    [{ uid: -1 }, /uid -1/],
    [{ gid: 4294967295 }, /gid 4294967295/],
    [{ size: 1.5 }, /size 1.5/],
    [{ mtime: NaN }, /time/],
    [{ mtimeNanoseconds: 1e9 }, /time/],
    [{ xattrs: new Map([["", bytes]]) }, /no valid keyword/],
    [{ xattrs: new Map([["user.a=b", bytes]]) }, /no valid keyword/],
    [{ pax: new Map([["a\0", bytes]]) }, /no valid keyword/],
  ];
  for (const key of ["path", "size", "SCHILY.xattr.user.a", "GNU.sparse.map", "hdrcharset"])
    assert.throws(
      () => encodeTarHeader(tarHeader({ path: "f", type: "file", pax: new Map([[key, bytes]]) })),
      { code: "tar-invalid", message: /field of its own/ },
    );
  for (const [fields, message] of cases)
    assert.throws(() => encodeTarHeader(tarHeader({ path: "f", type: "file", ...fields })), {
      code: "tar-invalid",
      message,
    });
});

test("a content that is not of the header's size is an error", async () => {
  const item = (size: number, found: number): TarItem => ({
    header: tarHeader({ path: "f", type: "file", size }),
    content: contentOf(found),
  });
  await assert.rejects(write([item(5, 4)]), { message: /expected 5 bytes of content, found 4/ });
  await assert.rejects(write([item(5, 6)]), { message: /expected 5 bytes of content, found more/ });
  await assert.rejects(write([{ header: tarHeader({ path: "f", type: "file", size: 1 }) }]), {
    message: /found 0/,
  });
  assert.equal(read(await write([item(5, 5)])).length, 1);
});

test("cut archives can be joined", async () => {
  const item = (path: string): TarItem => ({ header: tarHeader({ path, type: "fifo" }) });
  const cut = await write([item("a")], { end: false });
  assert.equal(cut.byteLength, 512);
  const joined = concatBytes([cut, await write([item("b")])]);
  assert.equal(joined.byteLength, 2048);
  assert.deepEqual(
    read(joined).map(({ header: { path } }) => path),
    ["a", "b"],
  );
});
