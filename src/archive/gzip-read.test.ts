import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import {
  BivyError,
  collectBytes,
  concatBytes,
  defaultLimits,
  type Chunks,
  type Limits,
} from "../base/index.ts";
import { gunzip, readGzipMembers, splitGzipMembers } from "./gzip-read.ts";
import { gzipBytes } from "./gzip-write.ts";

const options = { subject: "test.gz" };

interface Member {
  readonly compressed: string;
  readonly unpacked: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function all(chunks: Chunks): Promise<Uint8Array> {
  return collectBytes(chunks, Infinity, () => new Error());
}

async function members(source: Chunks, limits: Limits = defaultLimits): Promise<Member[]> {
  const compressed: Uint8Array[][] = [];
  const found: Member[] = [];
  const unpacked: Uint8Array[] = [];
  const onCompressed = (index: number, chunk: Uint8Array): void => {
    (compressed[index] ??= []).push(Uint8Array.from(chunk));
  };
  for await (const member of readGzipMembers(source, { ...options, limits, onCompressed })) {
    assert.equal(member.index, unpacked.length);
    unpacked.push(await all(member.chunks()));
  }
  for (const [index, bytes] of unpacked.entries())
    found.push({ compressed: hex(concatBytes(compressed[index]!)), unpacked: hex(bytes) });
  return found;
}

function wholeMembers(bytes: Uint8Array, limits: Limits = defaultLimits): Member[] {
  return splitGzipMembers(bytes, { ...options, limits }).map((member) => ({
    compressed: hex(member.compressed),
    unpacked: hex(member.unpacked),
  }));
}

function slices(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts = [];
  for (let at = 0; at < bytes.byteLength; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

/** Bytes that do not compress, the same on each run. */
function noise(size: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: size }, () => (state = (state * 48271) % 2147483647) & 255);
}

function rawMember(header: readonly number[], content: Uint8Array): Uint8Array {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.byteLength, 4);
  return concatBytes([Uint8Array.from(header), deflateRawSync(content), trailer]);
}

const small = gzipBytes(Buffer.from("small"));
const empty = gzipBytes(new Uint8Array(0));
const large = gzipBytes(noise(200_000));
const text = Buffer.from("text");
const extra = rawMember([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 3, 0, 1, 2, 3], text);
const named = rawMember([0x1f, 0x8b, 8, 0x18, 1, 2, 3, 4, 2, 0, 0x61, 0, 0x62, 0x63, 0], text);
const checkedHeader = [0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 3];
const headerCrc = crc32(Uint8Array.from(checkedHeader)) & 0xffff;
const checked = rawMember([...checkedHeader, headerCrc & 255, headerCrc >> 8], text);
const samples = [small, empty, large, extra, named, checked, gzipSync("by node"), small];
const joined = concatBytes(samples);

test("each member has exactly its bytes, however the stream is cut", async () => {
  const expected = wholeMembers(joined);
  assert.deepEqual(
    expected.map(({ compressed }) => compressed),
    samples.map(hex),
  );
  for (const size of [1e9, 65536, 1000, 37])
    assert.deepEqual(await members(slices(joined, size)), expected, `chunks of ${size}`);
  const few = concatBytes(samples.filter((sample) => sample !== large));
  assert.deepEqual(await members(slices(few, 1)), wholeMembers(few));
});

test("content of any size comes back", async () => {
  for (const size of [0, 1, 65535, 65536, 65537, 262144, 1_000_000]) {
    for (const content of [new Uint8Array(size), noise(size)]) {
      const packed = gzipBytes(content);
      assert.equal(hex(await all(gunzip([packed], options))), hex(content));
      assert.equal(hex(await all(gunzip(slices(packed, 4096), options))), hex(content));
      assert.equal(wholeMembers(packed)[0]!.unpacked, hex(content));
    }
  }
});

/** Each way to read a stream, which must agree. */
async function outcomes(bytes: Uint8Array, limits: Limits = defaultLimits): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const read of [
    async () => wholeMembers(bytes, limits),
    () => members([bytes], limits),
    () => members(slices(bytes, Math.max(5, bytes.byteLength >> 7)), limits),
    () => all(gunzip([bytes], { ...options, limits })),
  ])
    try {
      found.push(await read());
    } catch (error) {
      assert.ok(error instanceof BivyError, String((error as Error).stack));
      found.push(error);
    }
  return found;
}

async function refused(bytes: Uint8Array, code: string, message: RegExp): Promise<void> {
  for (const error of await outcomes(bytes)) {
    assert.ok(error instanceof BivyError, "it was read");
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
  }
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at < 0 ? bytes.byteLength + at : at] = value;
  return copy;
}

test("what is damaged is refused", async () => {
  await refused(new Uint8Array(0), "gzip-truncated", /ends at byte 0/);
  await refused(Buffer.from("this is plain text"), "gzip-invalid", /expected gzip data/);
  await refused(changed(small, 2, 7), "gzip-invalid", /method 7/);
  await refused(changed(small, 3, 0x20), "gzip-invalid", /reserved/);
  await refused(changed(checked, 10, headerCrc ^ 1), "gzip-invalid", /header does not match/);
  await refused(changed(small, 10, 0xff), "gzip-invalid", /deflate data is damaged/);
  await refused(changed(small, -8, small.at(-8)! ^ 1), "gzip-invalid", /CRC-32/);
  await refused(
    changed(small, -1, 1),
    "gzip-invalid",
    /unpacks to 5 bytes, its trailer says 16777221/,
  );
  await refused(changed(large, -8, large.at(-8)! ^ 1), "gzip-invalid", /CRC-32/);
});

test("zero bytes may follow the last member, and nothing else", async () => {
  const padded = concatBytes([small, new Uint8Array(1000)]);
  assert.deepEqual(await members(slices(padded, 100)), wholeMembers(small));
  assert.deepEqual(wholeMembers(padded), wholeMembers(small));
  const at = new RegExp(`not gzip follow the last member, at byte ${small.byteLength}`);
  for (const garbage of [
    [1],
    [0, 0, 1],
    [0x1f],
    [0x1f, 0],
    [0, 0x1f, 0x8b],
    [...new Uint8Array(99), 1],
  ])
    await refused(concatBytes([small, Uint8Array.from(garbage)]), "gzip-invalid", at);
});

test("a stream cut off anywhere is noticed", async () => {
  for (const sample of [small, extra, named, checked, empty])
    for (let size = 1; size < sample.byteLength; size++)
      await refused(sample.subarray(0, size), "gzip-truncated", new RegExp(`ends at byte ${size}`));
  const second = concatBytes([small, small.subarray(0, -1)]);
  await refused(second, "gzip-truncated", /member 2/);
  await refused(
    large.subarray(0, 100_000),
    "gzip-truncated",
    /ends at byte 100000, inside member 1/,
  );
});

test("damaged streams give members or a BivyError, and end", async () => {
  const base = concatBytes([small, named, checked]);
  const damage = fc.tuple(fc.nat(base.byteLength - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      const bytes = Uint8Array.from(base);
      for (const [at, value] of damages) bytes[at] = value;
      const [whole, stream, cut] = await outcomes(bytes);
      const said = (outcome: unknown): unknown =>
        outcome instanceof BivyError ? outcome.code : outcome;
      assert.deepEqual(said(stream), said(whole));
      assert.deepEqual(said(cut), said(whole));
    }),
    { numRuns: 200 },
  );
});

/** 64 MiB of zeros in about 64 KiB, `count` times: what it unpacks to is never held at once. */
function bomb(count: number): Uint8Array[] {
  const packed = gzipBytes(new Uint8Array(64 * 1024 * 1024), { level: 9 });
  return Array.from({ length: count }, () => packed);
}

test("a bomb is stopped while it goes off", async () => {
  const one = bomb(1)[0]!;
  for (const [name, value] of [
    ["unpacked-size", 1024 * 1024],
    ["ratio", 100],
  ] as const) {
    const limits = { ...defaultLimits, [name]: value };
    const expected = { code: "limit-exceeded", message: new RegExp(`limit ${name} `) };
    let seen = 0;
    const counting = async (): Promise<void> => {
      for await (const chunk of gunzip(bomb(16), { ...options, limits })) seen += chunk.byteLength;
    };
    await assert.rejects(counting(), expected);
    assert.ok(seen <= 17 * 1024 * 1024, `${seen} bytes came out`);
    assert.throws(() => splitGzipMembers(one, { ...options, limits }), expected);
    // Not reading a member is no way around the limit.
    const skipping = async (): Promise<void> => {
      for await (const _ of readGzipMembers(bomb(1), { ...options, limits }));
    };
    await assert.rejects(skipping(), expected);
  }
});

test("many small members add up to the limit", async () => {
  const limits = { ...defaultLimits, "unpacked-size": 100_000 };
  const many = concatBytes(Array.from({ length: 30 }, () => gzipBytes(new Uint8Array(4000))));
  for (const error of await outcomes(many, limits)) {
    assert.ok(error instanceof BivyError);
    assert.match(error.message, /limit unpacked-size of 100000/);
  }
  for (const error of await outcomes(many, { ...defaultLimits, entries: 29 })) {
    assert.ok(error instanceof BivyError);
    assert.match(error.message, /limit entries of 29/);
  }
});

test("a header without end is not collected", async () => {
  const endless = function* (): Generator<Uint8Array> {
    yield Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3);
    while (true) yield Buffer.alloc(65536, "n");
  };
  await assert.rejects(all(gunzip(endless(), options)), { code: "limit-exceeded" });
});

test("the caller may leave, early or in the middle, and the source is ended", async () => {
  let ended = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* slices(joined, 1000);
    } finally {
      ended++;
    }
  }
  for await (const _ of gunzip(source(), options)) break;
  for await (const each of readGzipMembers(source(), options)) {
    if (each.index < 2) continue;
    for await (const _ of each.chunks()) break;
    break;
  }
  assert.equal(ended, 2);
  const indexes: number[] = [];
  for await (const each of readGzipMembers(source(), options)) {
    for await (const _ of each.chunks()) break;
    assert.throws(() => each.chunks(), /once/);
    indexes.push(each.index);
  }
  assert.equal(indexes.length, samples.length);
});

test("an error of the source is passed on", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield large.subarray(0, 5000);
    throw new BivyError("http-truncated", "the download broke off");
  }
  await assert.rejects(all(gunzip(broken(), options)), { code: "http-truncated" });
});
