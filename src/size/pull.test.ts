import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../base/index.ts";
import { comparePull, modelPull, type LayerSize, type SizeReport } from "./index.ts";

/** At this rate a byte takes a microsecond. */
const megabyte = { bitsPerSecond: 8_000_000, latencySeconds: 0.1 };
/** Bytes of a tar that take a second to unpack. */
const unpackRates = { gzip: 1_000_000, zstd: 4_000_000, none: 10_000_000 };

function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}`;
}

interface SampleBlob {
  readonly name: string;
  readonly compressed: number;
  readonly tar: number;
  readonly mediaType?: string;
}

function sampleReport(layers: readonly SampleBlob[]): SizeReport {
  return {
    totals: { manifest: 40_000, config: 60_000 },
    layers: layers.map(({ name, compressed, tar, mediaType = "gzip" }) => ({
      digest: digest(name),
      diffId: digest(name.toUpperCase()),
      isCompressed: mediaType !== "none",
      mediaType,
      compressed,
      tar,
    })),
  } as unknown as SizeReport & { layers: readonly LayerSize[] };
}

function assertSeconds(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs(actual! - expected) < 1e-9, `expected ${expected}, found ${actual}`);
}

test("one layer: token, manifest and config, then the blob, then unpacking", () => {
  const report = sampleReport([{ name: "a", compressed: 2_000_000, tar: 3_000_000 }]);
  const estimate = modelPull(report, megabyte, { unpackRates });
  assertSeconds(estimate!.transferSeconds, 0.3 + 0.1 + 0.1 + 2);
  assertSeconds(estimate!.seconds, 2.5 + 3);
  assert.equal(estimate!.bytes, 2_100_000);
  assert.equal(estimate!.presentLayers, 0);
});

test("transfers share the bandwidth, and the next begins when one ends", () => {
  const report = sampleReport([
    { name: "a", compressed: 1_000_000, tar: 0 },
    { name: "b", compressed: 2_000_000, tar: 0 },
    { name: "c", compressed: 1_000_000, tar: 0 },
  ]);
  const estimate = modelPull(report, megabyte, { unpackRates, transfers: 2 });
  // Until 0.1 nothing comes; a and b share until a ends at 2.1. c waits 0.1 more, while b has all and
  // gets 100,000 of its 1,000,000 bytes; both share, until b ends at 4.0 and c has 900,000. c needs 0.1.
  assertSeconds(estimate!.transferSeconds, 0.4 + 4.1);
  const alone = modelPull(report, megabyte, { unpackRates, transfers: 1 });
  assertSeconds(alone!.transferSeconds, 0.4 + 0.1 * 3 + 4);
});

test("layers are unpacked in order, while others still come", () => {
  const report = sampleReport([
    { name: "a", compressed: 1_000_000, tar: 5_000_000 },
    { name: "b", compressed: 1_000_000, tar: 8_000_000, mediaType: "zstd" },
    { name: "c", compressed: 100_000, tar: 1_000_000, mediaType: "none" },
  ]);
  const estimate = modelPull(report, megabyte, { unpackRates, transfers: 1 });
  // a has come at 0.4 + 1.1 and is unpacked 5 later; b is there by then and takes 2, c takes 0.1.
  assertSeconds(estimate!.seconds, 1.5 + 5 + 2 + 0.1);
  assertSeconds(estimate!.transferSeconds, 0.4 + 0.3 + 2.1);
});

test("a blob that stands twice comes once and is unpacked twice", () => {
  const twice = { name: "a", compressed: 1_000_000, tar: 1_000_000 };
  const estimate = modelPull(sampleReport([twice, twice]), megabyte, { unpackRates });
  assert.equal(estimate!.bytes, 1_100_000);
  assertSeconds(estimate!.seconds, 0.4 + 1.1 + 2);
});

test("layers that are there on the same layers cost nothing", () => {
  const report = sampleReport([
    { name: "a", compressed: 5_000_000, tar: 5_000_000 },
    { name: "b", compressed: 1_000_000, tar: 1_000_000 },
  ]);
  const base = [digest("A")];
  const other = [digest("B"), digest("A")];
  const estimate = modelPull(report, megabyte, { unpackRates, present: [other, base] });
  assert.equal(estimate!.presentLayers, 1);
  assertSeconds(estimate!.seconds, 0.4 + 1.1 + 1);
  const all = modelPull(report, megabyte, { present: [[digest("A"), digest("B"), digest("C")]] });
  assert.equal(all!.presentLayers, 2);
  assertSeconds(all!.seconds, 0.4);
  assert.equal(all!.bytes, 100_000);
  assert.equal(modelPull(report, megabyte, { present: [other] })!.presentLayers, 0);
});

test("many blobs on a fast line end, whatever the rounding", () => {
  const layers = Array.from({ length: 300 }, (_, index) => ({
    name: "0123456789abcdef"[index % 16]!,
    compressed: 1 + index * 7919,
    tar: 0,
  }));
  for (const bitsPerSecond of [1, 3e3, 7e9, 1e15])
    for (const latencySeconds of [0, 1e-9, 0.3, 1e6]) {
      const estimate = modelPull(sampleReport(layers), { bitsPerSecond, latencySeconds });
      assert.ok(Number.isFinite(estimate!.seconds));
      assert.ok(estimate!.transferSeconds >= (estimate!.bytes / bitsPerSecond) * 8 * 0.999);
    }
});

test("each link has an estimate for each image, and a root folder none", () => {
  const image = sampleReport([{ name: "a", compressed: 1000, tar: 1000 }]);
  const folder = { totals: {}, layers: [{}] } as unknown as SizeReport;
  const links = [megabyte, { ...megabyte, bitsPerSecond: 1_000_000 }];
  const compared = comparePull([image, folder], links);
  assert.deepEqual(
    compared.map(({ link, estimates }) => [link, estimates[0] !== undefined, estimates[1]]),
    links.map((link) => [link, true, undefined]),
  );
  assert.ok(compared[1]!.estimates[0]!.seconds > compared[0]!.estimates[0]!.seconds);
});
