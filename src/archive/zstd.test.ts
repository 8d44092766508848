import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import {
  BivyError,
  collectBytes,
  concatBytes,
  defaultLimits,
  type Chunks,
  type Limits,
} from "../base/index.ts";
import { decompress, detectCompression } from "./compression.ts";
import { gzipBytes } from "./gzip-write.ts";
import { unzstd, zstd } from "./zstd.ts";

function all(chunks: Chunks): Promise<Buffer> {
  return collectBytes(chunks, Infinity, () => new Error()).then((bytes) => Buffer.from(bytes));
}

function unpack(source: Chunks, limits: Limits = defaultLimits): Promise<Buffer> {
  return all(unzstd(source, { subject: "test.zst", limits }));
}

function slices(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts = [];
  for (let at = 0; at < bytes.byteLength; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

const text = Buffer.from(
  Array.from({ length: 100_000 }, (_, index) => `${index * 7919} `).join(""),
);
const small = zstdCompressSync(Buffer.from("small"));
const empty = zstdCompressSync(new Uint8Array(0));
const zeros = zstdCompressSync(new Uint8Array(300_000));
const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
const emptySkippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);

test("anything that was packed unpacks to itself", async () => {
  for (const level of [1, 3, 19]) {
    const packed = await all(zstd([text], { level }));
    for (const size of [1e9, 65_536, 1000])
      assert.ok((await unpack(slices(packed, size))).equals(text));
    assert.ok(packed.equals(await all(zstd(slices(text, 777), { level }))));
  }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 })), async (parts) => {
      assert.deepEqual(await unpack(zstd(parts)), Buffer.concat(parts));
    }),
    { numRuns: 50 },
  );
});

test("frames are joined, and skippable ones left out", async () => {
  const stream = concatBytes([skippable, small, emptySkippable, empty, zeros, small, skippable]);
  const expected = Buffer.concat([
    Buffer.from("small"),
    Buffer.alloc(300_000),
    Buffer.from("small"),
  ]);
  for (const size of [1e9, 100, 7, 1])
    assert.ok((await unpack(slices(stream, size))).equals(expected), `chunks of ${size}`);
});

const skipZstd =
  spawnSync("zstd", ["--version"]).status === 0 ? false : "zstd is not on this machine";

test("what the zstd tool writes is read, and the other way round", { skip: skipZstd }, async () => {
  for (const args of [["-1"], ["-19", "--long=27"], ["--no-check", "-T2"], ["--no-content-size"]]) {
    const { stdout, status } = spawnSync("zstd", ["-qc", ...args], { input: text });
    assert.equal(status, 0);
    assert.ok((await unpack(slices(stdout, 10_000))).equals(text), args.join(" "));
  }
  const { stdout } = spawnSync("zstd", ["-dqc"], {
    input: await all(zstd([text])),
    maxBuffer: 2 ** 24,
  });
  assert.ok(stdout.equals(text));
});

test("a stream cut off anywhere is noticed", async () => {
  const stream = concatBytes([small, skippable, zeros]);
  const ends = new Set([small.byteLength, small.byteLength + skippable.byteLength]);
  for (let size = 0; size < stream.byteLength; size++) {
    const cut = stream.subarray(0, size);
    if (ends.has(size)) assert.equal((await unpack([cut])).toString(), "small");
    else
      await assert.rejects(unpack([cut]), {
        code: "zstd-truncated",
        message: `test.zst: the zstd data ends at byte ${size}, inside a frame`,
      });
  }
});

test("what is damaged is refused", async () => {
  const checked = await all(zstd([Buffer.from("small")]));
  const garbage = (bytes: Uint8Array): Uint8Array => concatBytes([small, bytes]);
  const cases: readonly [Uint8Array, RegExp][] = [
    [Buffer.from("plain text"), /expected zstd data/],
    [garbage(Buffer.from("trailing")), /not zstd follow the last frame, at byte 14/],
    [garbage(new Uint8Array(512)), /follow the last frame/],
    [
      Uint8Array.from(checked, (byte, at) => (at === checked.length - 1 ? byte ^ 1 : byte)),
      /damaged/,
    ],
    [Uint8Array.from(small, (byte, at) => (at === 4 ? byte | 8 : byte)), /damaged/],
    [Uint8Array.from(small, (byte, at) => (at === 6 ? byte | 6 : byte)), /reserved type/],
  ];
  for (const [bytes, message] of cases)
    for (const source of [[bytes], slices(bytes, 3)])
      await assert.rejects(unpack(source), { code: "zstd-invalid", message });
});

test("damaged streams give bytes or a BivyError, and end", async () => {
  const base = concatBytes([small, skippable, zstdCompressSync(text.subarray(0, 500))]);
  const damage = fc.tuple(fc.nat(base.byteLength - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      const bytes = Uint8Array.from(base);
      for (const [at, value] of damages) bytes[at] = value;
      try {
        await unpack([bytes]);
      } catch (error) {
        assert.ok(error instanceof BivyError, String(error));
      }
    }),
    { numRuns: 200 },
  );
});

test("a bomb is stopped while it goes off", async () => {
  const bomb = await all(zstd(Array.from({ length: 128 }, () => new Uint8Array(1024 * 1024))));
  for (const [limits, message] of [
    [{ ...defaultLimits, "unpacked-size": 1024 * 1024 }, /limit unpacked-size/],
    [defaultLimits, /limit ratio/],
  ] as const) {
    let seen = 0;
    const counting = async (): Promise<void> => {
      for await (const chunk of unzstd([bomb], { subject: "bomb", limits }))
        seen += chunk.byteLength;
    };
    await assert.rejects(counting(), { code: "limit-exceeded", message });
    assert.ok(seen < 32 * 1024 * 1024, `${seen} bytes came out`);
  }
  const frames = concatBytes(Array.from({ length: 20 }, () => empty));
  await assert.rejects(unpack([frames], { ...defaultLimits, entries: 19 }), {
    message: /limit entries/,
  });
});

test("the caller may leave, and the source is ended", async () => {
  let ended = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* slices(await all(zstd([text])), 1000);
    } finally {
      ended = true;
    }
  }
  for await (const _ of decompress(source(), { subject: "test" })) break;
  assert.ok(ended);
});

test("the first bytes tell the compression", async () => {
  const plain = Buffer.from("plain");
  const cases = [
    ["gzip", gzipBytes(plain)],
    ["zstd", zstdCompressSync(plain)],
    ["zstd", concatBytes([skippable, zstdCompressSync(plain)])],
    ["none", plain],
  ] as const;
  for (const [compression, bytes] of cases) {
    assert.equal(detectCompression(bytes), compression);
    for (const source of [[bytes], slices(bytes, 1)])
      assert.deepEqual(await all(decompress(source, { subject: "test" })), plain);
  }
  for (const short of [[], [0x1f], [0x28, 0xb5, 0x2f]])
    assert.equal(detectCompression(Uint8Array.from(short)), "none");
  assert.equal((await all(decompress([], { subject: "test" }))).byteLength, 0);
});
