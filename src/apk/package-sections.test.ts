import assert from "node:assert/strict";
import { test } from "node:test";
import { assemblePackage, sourceOf } from "../../test/package-parts.ts";
import { refuses } from "../../test/refusals.ts";
import { sampleKey } from "../../test/signed-repository.ts";
import { gzipBytes } from "../archive/index.ts";
import { concatBytes, defaultLimits as limits, encodeText, hashHex } from "../base/index.ts";
import { readPackageSections } from "./package-sections.ts";

test("where each section begins and ends, and its checksum", async () => {
  for (const signed of [true, false]) {
    const { source, bytes, sections } = assemblePackage({
      files: [{ path: "a", text: "a".repeat(5000) }],
      ...(signed ? { signers: [[sampleKey(), "RSA"]] } : {}),
    });
    const found = await readPackageSections(source, limits);
    assert.deepEqual(
      Object.keys(found),
      signed ? ["signature", "control", "data"] : ["control", "data"],
    );
    for (const [name, section] of Object.entries(found)) {
      const [start, end] = sections[name as keyof typeof sections];
      assert.equal(section.range, `bytes=${start}-${end - 1}`);
      assert.equal(section.checksum, `sha256:${hashHex("sha256", bytes.subarray(start, end))}`);
    }
  }
});

test("one section, or four, are no package", async () => {
  const section = gzipBytes(encodeText("x"));
  for (const count of [1, 4])
    await refuses(
      () => readPackageSections(sourceOf("x.apk", concatBytes(Array(count).fill(section))), limits),
      {
        code: "package-invalid",
        message: `x.apk: expected two or three sections, found ${count}`,
        hint: "It is not a package of format 2, or it was cut short",
      },
    );
});
