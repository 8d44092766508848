/** Tests of the cache: several processes, damage of every kind, and disks that do not take it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { tryParseMetadata } from "./cache-file.ts";
import { cacheDirectory, openCache, type CacheEntry } from "./cache.ts";
import { failsWith, patternBytes, textOf, tryMount } from "./scripted-server.test.ts";

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "bivy-test-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

async function flipByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = bytes[at]! ^ 1;
  await writeFile(path, bytes);
}

test("cacheDirectory follows XDG", () => {
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: "/c", HOME: "/h" }), "/c/bivy");
  assert.equal(cacheDirectory({ XDG_CACHE_HOME: "relative", HOME: "/h" }), "/h/.cache/bivy");
  assert.equal(cacheDirectory({ HOME: "/h" }), "/h/.cache/bivy");
});

test("what was written is read, replaced and removed", async (context) => {
  const cache = openCache(join(await temporaryFolder(context), "new/folder"));
  assert.equal(await cache.read("k"), undefined);
  const metadata = { etag: '"a"', lastModified: "yesterday", checked: 5 };
  await cache.write("k", [Buffer.from("one")], metadata);
  const entry = (await cache.read("k"))!;
  assert.equal(await textOf(entry.content.chunks()), "one");
  assert.equal(await textOf(entry.content.chunks()), "one");
  assert.deepEqual(
    [entry.etag, entry.lastModified, entry.checked, entry.size],
    ['"a"', "yesterday", 5, 3],
  );
  await cache.write("k", [Buffer.from("two")]);
  assert.equal(await textOf((await cache.read("k"))!.content.chunks()), "two");
  assert.equal(
    await textOf(entry.content.chunks()),
    "one",
    "a reader keeps the bytes that it has looked at",
  );
  await cache.remove("k");
  assert.equal(await cache.read("k"), undefined);
  await cache.write("empty", []);
  assert.equal(await textOf((await cache.read("empty"))!.content.chunks()), "");
});

test("update replaces the metadata only, also under a key with credentials", async (context) => {
  const folder = await temporaryFolder(context);
  const cache = openCache(folder);
  const key = "https://user:hunter2@host/f?token=hunter3";
  const entry = await cache.write(key, [Buffer.from("x")], { etag: '"a"', checked: 1 });
  await cache.update(entry, { checked: 2 });
  const updated = (await cache.read(key))!;
  assert.deepEqual([updated.etag, updated.checked], ['"a"', 2]);
  assert.doesNotMatch(await readFile(join(dirname(entry.path), "entry.json"), "utf8"), /hunter/);
});

test("bytes that were replaced long ago are removed", async (context) => {
  const cache = openCache(await temporaryFolder(context));
  const first = await cache.write("k", [Buffer.from("1")]);
  const second = await cache.write("k", [Buffer.from("2")]);
  await utimes(first.path, 0, Date.now() / 1000 - 7200);
  await cache.write("k", [Buffer.from("3")]);
  assert.ok(!existsSync(first.path));
  assert.ok(existsSync(second.path));
});

test("a failed write leaves nothing", async (context) => {
  const folder = await temporaryFolder(context);
  const cache = openCache(folder);
  const broken = new Error("source broke");
  const source = (function* () {
    yield Buffer.from("x");
    throw broken;
  })();
  await assert.rejects(cache.write("k", source), (error) => error === broken);
  assert.deepEqual(filesBelow(folder), []);
});

test("temporary files of processes that are gone are removed, those of running ones stay", async (context) => {
  const folder = await temporaryFolder(context);
  await mkdir(join(folder, "tmp"));
  const dead = (await promisify(execFile)(process.execPath, ["-p", "process.pid"])).stdout.trim();
  const age = async (name: string, minutes: number) => {
    await writeFile(join(folder, "tmp", name), "x");
    const time = Date.now() / 1000 - minutes * 60;
    await utimes(join(folder, "tmp", name), time, time);
  };
  await age(`${dead}-0123456789abcdef`, 20);
  await age(`${dead}-0123456789abcde0`, 1);
  await age(`${process.pid}-0123456789abcdef`, 20);
  await age(`${process.pid}-0123456789abcde0`, 3000);
  await age("notes.txt", 3000);
  await openCache(folder).write("k", [Buffer.from("x")]);
  assert.deepEqual(
    readdirSync(join(folder, "tmp")).sort(),
    [`${dead}-0123456789abcde0`, `${process.pid}-0123456789abcdef`, "notes.txt"].sort(),
  );
});

const damages: readonly (readonly [string, boolean, (entry: CacheEntry) => Promise<void>])[] = [
  ["a flipped byte at the beginning", false, ({ path }) => flipByte(path, 0)],
  ["a flipped byte at the end", false, ({ path, size }) => flipByte(path, size - 1)],
  ["a file that was cut", true, ({ path, size }) => truncate(path, size - 1)],
  ["an empty file", true, ({ path }) => truncate(path, 0)],
  ["a file that grew", true, ({ path, size }) => truncate(path, size + 1)],
  ["bytes that are gone", true, ({ path }) => rm(path)],
  [
    "metadata that is no JSON",
    true,
    ({ path }) => writeFile(join(dirname(path), "entry.json"), "\0{"),
  ],
  ["metadata that is empty", true, ({ path }) => writeFile(join(dirname(path), "entry.json"), "")],
  ["metadata that is huge", true, ({ path }) => truncate(join(dirname(path), "entry.json"), 1e9)],
  [
    "metadata that leads elsewhere",
    true,
    ({ path }) =>
      writeFile(
        join(dirname(path), "entry.json"),
        '{"format":1,"key":"k","sha256":"../../x","size":1}',
      ),
  ],
];

for (const [name, showsAtOnce, damage] of damages)
  test(`${name} is found and evicted`, async (context) => {
    const folder = await temporaryFolder(context);
    const cache = openCache(folder);
    await damage(await cache.write("k", [patternBytes(600_000)]));
    if (showsAtOnce) {
      assert.ok((await cache.examine("k")).damage !== undefined);
    } else {
      const entry = (await cache.read("k"))!;
      let given = 0;
      const error = await failsWith(
        (async () => {
          for await (const chunk of entry.content.chunks()) given += chunk.byteLength;
        })(),
        "cache-corrupt",
      );
      assert.match(error.message, /^k: the cached copy is damaged: expected sha256/);
      assert.ok(given < entry.size);
    }
    assert.equal(await cache.read("k"), undefined);
    await cache.write("k", [Buffer.from("good")]);
    assert.equal(await textOf((await cache.read("k"))!.content.chunks()), "good");
  });

test("a file that is cut after it was looked at fails in place of its end", async (context) => {
  const cache = openCache(await temporaryFolder(context));
  const entry = await cache.write("k", [patternBytes(600_000)]);
  await truncate(entry.path, 300_000);
  const error = await failsWith(textOf(entry.content.chunks()), "cache-corrupt");
  assert.match(error.message, /expected 600000 bytes, found 300000/);
});

test("damage that another process has repaired meanwhile is not evicted", async (context) => {
  const cache = openCache(await temporaryFolder(context));
  const bytes = patternBytes(600_000);
  const entry = await cache.write("k", [bytes]);
  await flipByte(entry.path, 599_999);
  const chunks = entry.content.chunks() as AsyncIterable<Uint8Array>;
  const reader = chunks[Symbol.asyncIterator]();
  await reader.next();
  await cache.write("k", [bytes]);
  const rest = (async () => {
    while (!(await reader.next()).done);
  })();
  await failsWith(rest, "cache-corrupt");
  assert.equal(
    (await textOf((await cache.read("k"))!.content.chunks())).length,
    Buffer.from(bytes).toString().length,
  );
});

test("metadata: whatever is in the file, it is understood or refused", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map((value) => JSON.stringify({ format: 1, ...value })),
      ),
      (text) => {
        const parsed = tryParseMetadata(text);
        if (parsed !== undefined) assert.match(parsed.sha256, /^[0-9a-f]{64}$/);
      },
    ),
    { numRuns: 300 },
  );
  const good = { format: 1, key: "k", sha256: "a".repeat(64), size: 1 };
  assert.ok(tryParseMetadata(JSON.stringify(good)));
  assert.equal(
    tryParseMetadata(JSON.stringify({ ...good, etag: "a\r\nX-Evil: 1" }))!.etag,
    undefined,
  );
});

const worker = `
  const [module, folder, name, rounds] = process.argv.slice(1);
  const { openCache } = await import(module);
  const cache = openCache(folder);
  const text = async (chunks) => { let all = ""; for await (const c of chunks) all += Buffer.from(c); return all; };
  for (let round = 0; round < Number(rounds); round++) {
    const letter = name + (round % 3);
    await cache.write("shared", [Buffer.from(letter.repeat(40_000)), Buffer.from(letter.repeat(40_000))]);
    const entry = await cache.read("shared");
    if (entry === undefined) throw new Error("absent");
    const found = await text(entry.content.chunks());
    if (found !== found.slice(0, 2).repeat(80_000)) throw new Error("mixed");
  }
`;

test("processes that write and read one key at once all see whole entries", async (context) => {
  const folder = await temporaryFolder(context);
  const module = new URL("./cache.ts", import.meta.url).href;
  const run = (name: string) =>
    promisify(execFile)(process.execPath, [
      "--input-type=module",
      "-e",
      worker,
      module,
      folder,
      name,
      "25",
    ]);
  await Promise.all(["a", "b", "c"].map(run));
  const entry = (await openCache(folder).read("shared"))!;
  assert.match(await textOf(entry.content.chunks()), /^(?:[abc]1|[abc]0){80000}$/);
  assert.deepEqual(readdirSync(join(folder, "tmp")), []);
});

test("a full disk is reported, and leaves nothing", async (context) => {
  const folder = await temporaryFolder(context);
  using mounted = tryMount(folder, "-t", "tmpfs", "-o", "size=1m", "tmpfs");
  if (mounted === undefined) return context.skip("needs the right to mount");
  const cache = openCache(folder);
  const error = await failsWith(cache.write("k", [patternBytes(2_000_000)]), "disk-full");
  assert.match(error.message, /no space left/);
  assert.deepEqual(filesBelow(folder), []);
  await cache.write("k", [Buffer.from("small")]);
});

test("a folder that cannot be created is reported", async (context) => {
  const folder = await temporaryFolder(context);
  await writeFile(join(folder, "file"), "");
  const cache = openCache(join(folder, "file/below"));
  assert.equal(await cache.read("k"), undefined);
  await failsWith(cache.write("k", []), "file-not-found");
  assert.ok((await stat(join(folder, "file"))).isFile());
});
