/** What ADD does with archives: which files are some, what they bring, and what they cannot do. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { gzipBytes, tarHeader, writeTar, zstd, type TarHeader } from "../../../archive/index.ts";
import {
  bytesContent,
  collectBytes,
  defaultLimits,
  encodeText,
  isBivyError,
  type Limits,
} from "../../../base/index.ts";
import { TreeRoot, type DirectoryNode } from "../../../tree/index.ts";
import {
  listTree,
  runCopy,
  sampleTimes,
  sampleTree,
  scratchFolder,
  type SampleTree,
} from "./sample-copy.test.ts";

type Entry = Partial<TarHeader> & Pick<TarHeader, "path" | "type"> & { readonly text?: string };

const noError = () => new Error("a sample is small");

async function pack(entries: readonly Entry[]): Promise<Uint8Array> {
  const items = entries.map(({ text = "", ...fields }) => {
    const bytes = encodeText(text);
    const size = fields.type === "file" ? bytes.byteLength : 0;
    return {
      header: tarHeader({ mtime: 50, ...fields, size }),
      ...(size === 0 ? {} : { content: bytesContent(bytes) }),
    };
  });
  return collectBytes(writeTar(items), 1 << 24, noError);
}

/** A context that holds files with these bytes. */
function holding(files: Readonly<Record<string, Uint8Array>>): DirectoryNode {
  const root = new TreeRoot();
  for (const [name, bytes] of Object.entries(files))
    root.putFile(name, { mode: 0o640, uid: 0, gid: 0, mtime: 1 }, bytesContent(bytes));
  return root.snapshot();
}

async function add(
  context: TestContext,
  line: string,
  files: Readonly<Record<string, Uint8Array>>,
  before: SampleTree = {},
  limits: Limits = defaultLimits,
): Promise<SampleTree> {
  const root = TreeRoot.of(sampleTree(before));
  await runCopy(root, line, holding(files), { scratch: scratchFolder(context), limits });
  return listTree(root.snapshot());
}

const plain: readonly Entry[] = [
  { path: ".", type: "directory", mode: 0o700, uid: 9, gid: 9 },
  { path: "d", type: "directory", mode: 0o750, uid: 5, gid: 6 },
  { path: "d/a", type: "file", mode: 0o4640, uid: 5, gid: 6, text: "text" },
  { path: "d/b", type: "hardlink", mode: 0o600, uid: 7, gid: 8, linkPath: "d/a" },
  { path: "d/l", type: "symlink", linkPath: "../../etc" },
  { path: "deep/e/f", type: "file", text: "f" },
  { path: "n", type: "character", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
  { path: "p", type: "fifo" },
];

const unpacked: SampleTree = {
  "x/": "",
  "x/d/": "750 5:6",
  "x/d/a": "600 7:8 text",
  "x/d/b": "= x/d/a",
  "x/d/l": "-> ../../etc",
  "x/deep/": "",
  "x/deep/e/": "",
  "x/deep/e/f": "f",
  "x/n": "666 char 1:3",
  "x/p": "fifo",
};

test("an archive is unpacked, and keeps its modes and owners", async (context) => {
  assert.deepEqual(await add(context, "ADD a.tar /x", { "a.tar": await pack(plain) }), unpacked);
});

test("the content tells an archive, and not the name", async (context) => {
  const tar = await pack(plain);
  const packed = await collectBytes(zstd([tar]), 1 << 24, noError);
  for (const bytes of [gzipBytes(tar), packed])
    assert.deepEqual(await add(context, "ADD a /x", { a: bytes }), unpacked);
  const empty = new Uint8Array(1024);
  const others = [
    encodeText("text"),
    encodeText(""),
    empty,
    gzipBytes(encodeText("text".repeat(500))),
  ];
  for (const bytes of [...others, tar.slice(0, 100), gzipBytes(tar).slice(0, 30)]) {
    const after = await add(context, "ADD a.tar.gz /x/", { "a.tar.gz": bytes });
    assert.deepEqual(Object.keys(after), ["x/", "x/a.tar.gz"]);
  }
});

for (const program of ["bzip2", "xz"] as const) {
  const isThere = spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
  const skip = isThere || process.env["CI"] !== undefined ? false : `${program} is not installed`;
  test(`${program} unpacks what is packed with it`, { skip }, async (context) => {
    const tar = await pack(plain);
    const bytes = execFileSync(program, ["-c"], { input: tar });
    assert.deepEqual(await add(context, "ADD a /x", { a: bytes }), unpacked);
    // More than one block, so that the first entries can be read.
    const text = Array.from({ length: 300_000 }, (_, n) => n * 7919).join(" ");
    const input = await pack([
      { path: "first", type: "file" },
      { path: "z", type: "file", text },
    ]);
    const damaged = execFileSync(program, ["-c"], { input });
    damaged.fill(0x55, damaged.byteLength - 9000, damaged.byteLength - 100);
    await assert.rejects(add(context, "ADD a /x", { a: damaged }), {
      code: "tar-invalid",
      // bzip2 gives what it has before it complains.
      message: /^ADD a: (?:the xz data is damaged: .|expected a tar header)/,
    });
    const bomb = execFileSync(program, ["-c"], {
      input: await pack([{ path: "z", type: "file", text: "\0".repeat(4 << 20) }]),
    });
    const limits = { ...defaultLimits, ratio: 10, "ratio-floor": 1 << 20 };
    await assert.rejects(add(context, "ADD a /x", { a: bomb }, {}, limits), {
      code: "limit-exceeded",
      message: /exceeds the limit ratio/,
    });
  });

  test(`without ${program}, what is packed with it cannot be unpacked`, async (context) => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nonexistent";
    context.after(() => (process.env["PATH"] = path));
    const start = program === "xz" ? [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] : encodeText("BZh91AY");
    await assert.rejects(add(context, "ADD a /x", { a: Uint8Array.from(start) }), {
      code: "file-not-found",
      message: new RegExp(`ADD a: to unpack it, the program ${program} is needed`),
    });
  });
}

test("flags say whether an archive is unpacked, and whose its files are", async (context) => {
  const files = {
    "a.tar": await pack([{ path: "a", type: "file", mode: 0o600, uid: 5, text: "a" }]),
  };
  const cases: readonly (readonly [string, SampleTree])[] = [
    ["ADD --chown=7:8 a.tar /x/y/", { "x/": "7:8", "x/y/": "7:8", "x/y/a": "600 7:8 a" }],
    ["ADD --chmod=777 a.tar /x/", { "x/": "", "x/a": "600 5:0 a" }],
    ["ADD --link a.tar /x/", { "x/": "", "x/a": "600 5:0 a" }],
  ];
  for (const [line, after] of cases) assert.deepEqual(await add(context, line, files), after, line);
  for (const line of ["ADD --unpack=false a.tar /x/", "COPY a.tar /x/"])
    assert.deepEqual(Object.keys(await add(context, line, files)), ["x/", "x/a.tar"], line);
  const two = { "a.tar": files["a.tar"], "b.tar": await pack([{ path: "b", type: "file" }]) };
  const both = await add(context, "ADD *.tar /x", two);
  assert.deepEqual(both, { "x/": "", "x/a": "600 5:0 a", "x/b": "" });
});

test("entries take the place of what is there, and directories merge", async (context) => {
  const before = {
    "x/": "700 3:3",
    "x/d/old": "old",
    "x/f": "file",
    "x/g/in": "in",
    "x/h": "-> /etc/passwd",
    "x/l": "-> real",
    "x/real/in": "in",
    "etc/passwd": "secret",
  };
  const entries: readonly Entry[] = [
    { path: "d", type: "directory", mode: 0o711 },
    { path: "f", type: "directory" },
    { path: "g", type: "file", text: "g" },
    { path: "h", type: "file", text: "h" },
    { path: "l", type: "directory", mode: 0o700 },
    { path: "l/new", type: "file", text: "new" },
  ];
  assert.deepEqual(await add(context, "ADD a /x", { a: await pack(entries) }, before), {
    "etc/": "",
    "etc/passwd": "secret",
    "x/": "700 3:3",
    "x/d/": "711",
    "x/d/old": "old",
    "x/f/": "",
    "x/g": "g",
    "x/h": "h",
    "x/l": "-> real",
    "x/real/": "700",
    "x/real/in": "in",
    "x/real/new": "new",
  });
});

test("links lead nowhere but into the directory that an archive is unpacked to", async (context) => {
  const entries: readonly Entry[] = [
    { path: "up", type: "symlink", linkPath: ".." },
    { path: "up/etc/a", type: "file", text: "a" },
    { path: "root", type: "symlink", linkPath: "/" },
    { path: "root/b", type: "file", text: "b" },
    { path: "/abs/c", type: "file", text: "c" },
    { path: "s/../../d/../e", type: "file", text: "e" },
  ];
  const bytes = await pack(entries.slice(0, 5));
  assert.deepEqual(await add(context, "ADD a /x", { a: bytes }), {
    "x/": "",
    "x/abs/": "",
    "x/abs/c": "c",
    "x/b": "b",
    "x/etc/": "",
    "x/etc/a": "a",
    "x/root": "-> /",
    "x/up": "-> ..",
  });
  await assert.rejects(add(context, "ADD a /x", { a: await pack(entries) }), {
    code: "path-unsafe",
    message: /ADD a: entry "\.\.\/e" climbs out of the root/,
  });
});

test("an archive that does not fit is refused", async (context) => {
  const cases: readonly (readonly [readonly Entry[], string, RegExp])[] = [
    [
      [{ path: "a", type: "hardlink", linkPath: "gone" }],
      "tar-invalid",
      /entry "a" is a link to "gone", which is no file of it/,
    ],
    [[{ path: "a", type: "hardlink", linkPath: "a" }], "tar-invalid", /is a link to "a"/],
    [[{ path: "a", type: "hardlink", linkPath: "../out" }], "path-unsafe", /climbs out/],
    [
      [
        { path: "f", type: "file" },
        { path: "f/a", type: "file" },
      ],
      "tar-invalid",
      /entry "f\/a" lies in \/x\/f, which is a file/,
    ],
    [
      [
        { path: "l", type: "symlink", linkPath: "l" },
        { path: "l/a", type: "file" },
      ],
      "path-unsafe",
      /more than 40 symlinks/,
    ],
  ];
  for (const [entries, code, message] of cases)
    await assert.rejects(
      add(context, "ADD a /x", { a: await pack(entries) }, { out: "out" }),
      { code, message },
      String(message),
    );
});

test("a bomb is stopped", async (context) => {
  const entries = Array.from({ length: 20 }, (_, n): Entry => ({
    path: `${n}`,
    type: "directory",
  }));
  const many = { a: await pack(entries) };
  await assert.rejects(add(context, "ADD a /x", many, {}, { ...defaultLimits, entries: 10 }), {
    code: "limit-exceeded",
  });
  const zeros = await pack([{ path: "z", type: "file", text: "\0".repeat(4 << 20) }]);
  const limits = { ...defaultLimits, ratio: 10, "ratio-floor": 1 << 20 };
  await assert.rejects(add(context, "ADD a /x", { a: gzipBytes(zeros) }, {}, limits), {
    code: "limit-exceeded",
  });
});

test("times before 1970 and extended attributes", async (context) => {
  const xattrs = new Map([["user.x", Uint8Array.of(1)]]);
  const bytes = await pack([
    { path: "old", type: "file", mtime: -5 },
    { path: "new", type: "file", mtime: 7, mtimeNanoseconds: 8, xattrs },
    { path: "link", type: "hardlink", linkPath: "new", mtime: 9 },
    { path: "made/x", type: "file" },
  ]);
  const root = new TreeRoot();
  await runCopy(root, "ADD a /", holding({ a: bytes }), { scratch: scratchFolder(context) });
  assert.equal(root.lookup("old")!.mtime, 0);
  assert.equal(root.lookup("made")!.mtime, sampleTimes.made);
  assert.equal(root.lookup("new"), root.lookup("link"));
  assert.deepEqual([root.lookup("new")!.mtime, root.lookup("new")!.xattrs], [9, xattrs]);
});

const words = fc.constantFrom("a", "b", "..", "/", ".", "l", "etc", "../..", "x");
const hostilePaths = fc
  .array(words, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/").replace(/\/+/g, "/").replace(/\/$/, "") || "a");
const hostileEntries = fc.array(
  fc.record({
    path: hostilePaths,
    type: fc.constantFrom("file", "directory", "symlink", "hardlink", "fifo"),
    linkPath: hostilePaths,
  }),
  { minLength: 1, maxLength: 8 },
);

test("no archive writes outside of the directory that it is unpacked to", async (context) => {
  const scratch = scratchFolder(context);
  const before = { "etc/passwd": "secret", "x/l": "-> /etc", "x/m": "-> ../../etc", "y/a": "a" };
  const outside = (listed: SampleTree) =>
    Object.entries(listed).filter(([path]) => !path.startsWith("x/"));
  const expected = outside(await listTree(sampleTree(before)));
  const property = fc.asyncProperty(hostileEntries, async (entries) => {
    const bytes = await pack(
      entries.map(({ linkPath, ...entry }) =>
        entry.type.endsWith("link") ? { ...entry, linkPath } : entry,
      ) as readonly Entry[],
    );
    const root = TreeRoot.of(sampleTree(before));
    try {
      await runCopy(root, "ADD a /x/", holding({ a: bytes }), { scratch });
    } catch (error) {
      assert.ok(isBivyError(error, "path-unsafe", "tar-invalid"), String(error));
    }
    assert.deepEqual(outside(await listTree(root.snapshot())), expected);
  });
  await fc.assert(property, { numRuns: 200 });
});
