import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BivyError, concatBytes, defaultLimits, isBivyError, type Limits } from "../base/index.ts";
import { pax, raw } from "./raw-tar.test.ts";
import { writeChecksum } from "./tar-block.ts";
import { tarEnd, tarHeader, tarPadding, type TarHeader } from "./tar-header.ts";
import { readTar, tarEntries } from "./tar-read.ts";
import { encodeTarHeader } from "./tar-write.ts";

const options = { subject: "test.tar" };

function read(...parts: Uint8Array[]): { header: TarHeader; content: Uint8Array }[] {
  return [...tarEntries(concatBytes(parts), options)];
}

async function readStream(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  limits: Limits = defaultLimits,
): Promise<{ header: TarHeader; content: Uint8Array }[]> {
  const entries = [];
  for await (const entry of readTar(source, { subject: "test.tar", limits })) {
    const parts: Uint8Array[] = [];
    for await (const chunk of entry.chunks()) parts.push(chunk);
    entries.push({ header: entry.header, content: Uint8Array.from(concatBytes(parts)) });
  }
  return entries;
}

const sample = concatBytes([
  encodeTarHeader(tarHeader({ path: "d", type: "directory" })),
  encodeTarHeader(
    tarHeader({
      path: "d/é",
      type: "file",
      size: 700,
      xattrs: new Map([["user.x", Buffer.of(0)]]),
    }),
  ),
  Buffer.alloc(700, "content "),
  tarPadding(700),
  raw({ type: "L", name: "././@LongLink" }, `${"long/".repeat(40)}name\0`),
  raw({}, "abc"),
  encodeTarHeader(tarHeader({ path: "link", type: "symlink", linkPath: "d/é" })),
]);

test("an archive cut off anywhere says where and in what", async () => {
  const boundaries = new Set([0, 512, 3072, 5120, sample.byteLength]);
  for (let size = 0; size < sample.byteLength; size += 1) {
    const cut = sample.subarray(0, size);
    let failure: unknown;
    try {
      for (const _ of tarEntries(cut, options));
    } catch (error) {
      failure = error;
    }
    if (boundaries.has(size)) {
      assert.equal(failure, undefined);
      continue;
    }
    assert.ok(isBivyError(failure, "tar-truncated"), `at ${size}: ${String(failure)}`);
    assert.match(failure.message, new RegExp(`ends at byte ${size}, inside`));
    if (size % 97 !== 0) continue;
    await assert.rejects(readStream([cut]), { message: failure.message });
  }
});

test("an entry that is cut off is named", () => {
  assert.throws(() => read(raw({ name: "big" }, "x".repeat(600)).subarray(0, 700)), {
    code: "tar-truncated",
    message:
      'test.tar: the archive ends at byte 700, inside entry "big" of 600 bytes (836 more expected)',
  });
});

/** Cuts bytes at the given places. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % bytes.byteLength).sort((a, b) => a - b)];
  return places.map((place, index) => bytes.subarray(place, places[index + 1] ?? bytes.byteLength));
}

test("chunks may be cut anywhere", async () => {
  const expected = read(sample).map(({ header, content }) => ({
    header,
    content: Uint8Array.from(content),
  }));
  assert.equal(expected.length, 4);
  assert.deepEqual(await readStream(cutAt(sample, [...sample.keys()])), expected);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(sample.byteLength - 1), { maxLength: 12 }), async (cuts) => {
      assert.deepEqual(await readStream(cutAt(sample, cuts)), expected);
    }),
    { numRuns: 50 },
  );
});

test("damaged archives give entries or a BivyError, and end", async () => {
  const damage = fc.record({
    at: fc.nat(sample.byteLength - 1),
    byte: fc.nat(255),
    repair: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
      const bytes = Uint8Array.from(sample);
      for (const { at, byte, repair } of damages) {
        bytes[at] = byte;
        // With the checksum put right, the damage reaches the fields.
        const block = bytes.subarray(at - (at % 512), at - (at % 512) + 512);
        if (repair && block.byteLength === 512) writeChecksum(block);
      }
      const outcomes = [];
      for (const run of [() => [...tarEntries(bytes, options)], () => readStream([bytes])])
        try {
          outcomes.push((await run()).map(({ header }) => header));
        } catch (error) {
          assert.ok(error instanceof BivyError, String(error));
          outcomes.push(error.message);
        }
      assert.deepEqual(outcomes[0], outcomes[1]);
    }),
    { numRuns: 1000 },
  );
});

test("content may be left out, or left in the middle", async () => {
  const paths: string[] = [];
  const sizes: number[] = [];
  for await (const entry of readTar(cutAt(sample, [1600, 1700, 1800]), options)) {
    paths.push(entry.header.path);
    if (entry.header.size === 700)
      for await (const chunk of entry.chunks()) {
        sizes.push(chunk.byteLength);
        break;
      }
    else if (entry.header.size > 0) {
      const chunks = entry.chunks();
      assert.throws(() => entry.chunks(), /once/);
      for await (const chunk of chunks) sizes.push(chunk.byteLength);
    }
  }
  assert.equal(paths.length, 4);
  assert.equal(sizes.length, 2);
  assert.equal(sizes[1], 3);
});

test("the content of a past entry is gone", async () => {
  let before: { chunks(): AsyncIterable<Uint8Array> } | undefined;
  for await (const entry of readTar([sample], options)) {
    if (before !== undefined) {
      const past = before;
      assert.throws(() => past.chunks(), /before the next entry/);
    }
    before = entry;
  }
});

/** A source that says whether it was ended. */
function watched(chunks: Iterable<Uint8Array>): {
  source: AsyncIterable<Uint8Array>;
  state: { ended: boolean; read: number };
} {
  const state = { ended: false, read: 0 };
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of chunks) {
        state.read += chunk.byteLength;
        yield chunk;
      }
    } finally {
      state.ended = true;
    }
  }
  return { source: source(), state };
}

test("the source is ended when the caller leaves, and read to its end when it does not", async () => {
  const left = watched([sample.subarray(0, 600), sample.subarray(600)]);
  for await (const _ of readTar(left.source, options)) break;
  assert.ok(left.state.ended);
  assert.equal(left.state.read, 600);
  const whole = watched([sample, tarEnd, new Uint8Array(9000), Buffer.from("trailing")]);
  assert.equal((await readStream(whole.source)).length, 4);
  assert.equal(whole.state.read, sample.byteLength + 1024 + 9000 + 8);
});

test("limits on entries and headers hold before anything is kept", async () => {
  const limits = { ...defaultLimits, entries: 3, "header-size": 2000 };
  const exceeds = (name: string): { code: string; message: RegExp } => ({
    code: "limit-exceeded",
    message: new RegExp(`exceeds the limit ${name} `),
  });
  const file = raw({});
  assert.equal((await readStream([file, file, file], limits)).length, 3);
  await assert.rejects(readStream([file, file, file, file], limits), exceeds("entries"));
  // The block claims 8 GiB; none of it has to arrive to be refused.
  for (const type of ["x", "g", "L", "K"])
    await assert.rejects(
      readStream([raw({ type, size: "77777777777\0" })], limits),
      exceeds("header-size"),
    );
  const half = (key: string): Uint8Array => pax({ [key]: "v".repeat(1100) }, "g");
  await assert.rejects(readStream([half("a"), half("b"), file], limits), exceeds("header-size"));
  const endless = function* (): Generator<Uint8Array> {
    while (true) yield half("a");
  };
  await assert.rejects(readStream(endless(), limits), exceeds("entries"));
});

test("a claimed size takes no memory", async () => {
  const claimed = raw({ size: `\x80\0\0\0\0\x10${"\0".repeat(6)}` });
  await assert.rejects(readStream([claimed]), { code: "tar-truncated" });
});

test("what is kept of a header does not hold on to the stream", () => {
  const archive = Buffer.concat([pax({ vendor: "v" }), raw({})], 1024 * 1024);
  const [entry] = tarEntries(archive, options);
  assert.notEqual(entry!.header.pax.get("vendor")!.buffer, archive.buffer);
});
