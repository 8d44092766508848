import assert from "node:assert/strict";
import { test } from "node:test";
import {
  archOfPlatform,
  formatPlatform,
  hostPlatform,
  parsePlatform,
  platformDistance,
  platformOfArch,
} from "./platform.ts";
import { fails } from "./sample-images.test.ts";

test("every architecture of apk is a platform and back", () => {
  const pairs = {
    x86_64: "linux/amd64",
    x86: "linux/386",
    aarch64: "linux/arm64",
    armhf: "linux/arm/v6",
    armv7: "linux/arm/v7",
    ppc64le: "linux/ppc64le",
    s390x: "linux/s390x",
    riscv64: "linux/riscv64",
    loongarch64: "linux/loong64",
    mips64: "linux/mips64",
  };
  for (const [arch, platform] of Object.entries(pairs)) {
    assert.equal(formatPlatform(platformOfArch(arch)), platform);
    assert.equal(archOfPlatform(parsePlatform(platform)), arch);
    assert.deepEqual(parsePlatform(arch), platformOfArch(arch));
  }
  assert.equal(archOfPlatform(parsePlatform("linux/arm64/v8")), "aarch64");
  assert.equal(archOfPlatform(parsePlatform("linux/arm")), "armv7");
  assert.equal(archOfPlatform(parsePlatform("windows/amd64")), undefined);
  assert.notEqual(archOfPlatform(hostPlatform()), undefined);
});

test("platforms are read in what people type", async () => {
  const cases = {
    amd64: "linux/amd64",
    "linux/x86_64": "linux/amd64",
    "linux/aarch64": "linux/arm64",
    "linux/armhf": "linux/arm/v6",
    "Linux/ARM/v7": "linux/arm/v7",
    i386: "linux/386",
    "windows/amd64": "windows/amd64",
  };
  for (const [typed, platform] of Object.entries(cases))
    assert.equal(formatPlatform(parsePlatform(typed)), platform, typed);
  for (const typed of ["", "linux/", "a/b/c/d", "linux/arm/", "../amd64", "linux amd64"])
    await fails(() => parsePlatform(typed), "usage", /expected OS/);
  await fails(() => platformOfArch("amd64"), "arch-invalid", /Alpine/);
});

test("an older variant runs on a newer machine, and nothing else does", () => {
  const cases: readonly [wanted: string, offered: string, distance: number | undefined][] = [
    ["linux/arm64", "linux/arm64/v8", 0],
    ["linux/arm64/v8", "linux/arm64", 0],
    ["linux/arm64", "linux/arm64/v9", undefined],
    ["linux/arm64/v9", "linux/arm64", 1],
    ["linux/arm/v7", "linux/arm/v6", 1],
    ["linux/arm/v7", "linux/arm/v5", 2],
    ["linux/arm", "linux/arm/v7", 0],
    ["linux/arm/v6", "linux/arm/v7", undefined],
    ["linux/arm/v8", "linux/arm/v7", 1],
    ["linux/amd64", "linux/amd64/v1", 0],
    ["linux/amd64/v3", "linux/amd64", 2],
    ["linux/amd64", "linux/amd64/v2", undefined],
    ["linux/amd64", "linux/386", undefined],
    ["linux/amd64", "windows/amd64", undefined],
    ["linux/arm64", "linux/arm/v7", undefined],
    ["linux/arm/v7", "linux/arm/v4", undefined],
    ["linux/riscv64", "linux/riscv64/rva23", undefined],
  ];
  for (const [wanted, offered, distance] of cases)
    assert.equal(
      platformDistance(parsePlatform(wanted), parsePlatform(offered)),
      distance,
      `${offered} on ${wanted}`,
    );
});
