import assert from "node:assert/strict";
import { test } from "node:test";
import { makeIndex } from "./assemble.ts";
import { type ImageOrIndex } from "./image.ts";
import { formatPlatform, hostPlatform, parsePlatform } from "./platform.ts";
import { fails, sampleImage, sampleIndex } from "./sample-images.test.ts";
import { platformsOf, selectPlatform } from "./select.ts";
import { presentChildren } from "./sparse.ts";

async function selected(from: ImageOrIndex, platform?: string): Promise<string> {
  const image = await selectPlatform(
    from,
    platform === undefined ? undefined : parsePlatform(platform),
  );
  return (await platformsOf(image)).map(formatPlatform).join();
}

test("the nearest platform is selected, and of equals the first", async () => {
  const index = await sampleIndex("linux/arm/v5", "linux/arm/v6", "linux/arm64", "linux/amd64");
  assert.equal(await selected(index, "linux/arm/v7"), "linux/arm/v6");
  assert.equal(await selected(index, "linux/arm/v6"), "linux/arm/v6");
  assert.equal(await selected(index, "linux/arm/v5"), "linux/arm/v5");
  assert.equal(await selected(index, "linux/arm64/v8"), "linux/arm64");
  await fails(
    () => selected(index, "linux/s390x"),
    "platform-not-found",
    /expected an image for linux\/s390x, found linux\/arm\/v5, linux\/arm\/v6, linux\/arm64, linux\/amd64/,
  );
  const first = await sampleImage("linux/amd64");
  const twice = await makeIndex([
    { image: first },
    { image: await sampleImage("linux/amd64", "none") },
  ]);
  assert.equal((await selectPlatform(twice, parsePlatform("amd64"))).digest, first.digest);
});

test("without a platform it is that of this machine, or the image itself", async () => {
  const host = formatPlatform(hostPlatform());
  assert.equal(await selected(await sampleIndex("linux/mips64", host)), host);
  assert.equal(await selected(await sampleImage("linux/mips64")), "linux/mips64");
  await fails(
    () => sampleImage("linux/mips64").then((image) => selected(image, "amd64")),
    "platform-not-found",
    /mips64/,
  );
});

test("attestations are never selected, and nested indexes are followed", async () => {
  const image = await sampleImage("linux/amd64");
  const attestation = await sampleImage("linux/amd64", "none");
  const inner = await makeIndex([
    {
      image: attestation,
      platform: parsePlatform("linux/amd64"),
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    },
    { image: attestation, platform: { os: "unknown", architecture: "unknown" } },
    { image },
  ]);
  const outer = await makeIndex([{ image: inner }]);
  assert.equal((await selectPlatform(outer, parsePlatform("amd64"))).digest, image.digest);
  assert.deepEqual((await platformsOf(outer)).map(formatPlatform), ["linux/amd64"]);
});

test(
  "indexes that name each other many times are opened once each",
  { timeout: 20_000 },
  async () => {
    let index = await sampleIndex("linux/amd64");
    for (let depth = 0; depth < 6; depth++)
      index = await makeIndex(Array.from({ length: 30 }, () => ({ image: index })));
    await fails(() => selectPlatform(index, parsePlatform("s390x")), "platform-not-found", /amd64/);
    assert.equal((await platformsOf(index)).length, 1);
    const { present, absent, images } = await presentChildren(index);
    assert.deepEqual([present.size, absent, images.length], [7, 0, 1]);
  },
);

test("indexes that nest too deeply are refused", async () => {
  let index = await sampleIndex("linux/amd64");
  for (let depth = 0; depth < 9; depth++) index = await makeIndex([{ image: index }]);
  await fails(
    () => selectPlatform(index, parsePlatform("amd64")),
    "limit-exceeded",
    /inside each other/,
  );
});
