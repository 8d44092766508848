/** Hostile roots: whatever their database and files say, there is a report or a clear error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { layerTar, type LayerFiles } from "../../test/layered-root.ts";
import { defaultLimits, isBivyError } from "../base/index.ts";
import { takeInventory } from "../inventory/index.ts";
import { readLayers } from "../tree/index.ts";
import { gatherEvidence } from "./evidence.ts";
import type { VerifyReport } from "./report.ts";
import { assertAccounted, localAccess } from "./sample-inventory.test.ts";
import { verifyInventory } from "./verify.ts";

async function verifyFiles(files: LayerFiles): Promise<VerifyReport> {
  const tree = await readLayers([{ subject: "layer", tar: () => layerTar(files) }], {
    checksums: ["sha1"],
  });
  const inventory = await takeInventory({ subject: "sample", layers: [{}], tree }, defaultLimits);
  const evidence = await gatherEvidence(inventory, {}, localAccess);
  const report = verifyInventory(inventory, evidence);
  assertAccounted(report);
  return report;
}

const database = "lib/apk/db/installed";
const header = "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:app\nV:1-r0\n";

const line = fc.constantFrom(
  "F:",
  "F:etc",
  "F:../..",
  "F:/etc",
  "F:loop/x",
  "F:file",
  "R:x",
  "R:..",
  "R:a/b",
  "R:",
  "M:0:0:755",
  "M:4294967296:0:7777777",
  "a:0:0:777:Q1zz",
  "Z:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  "Z:",
  "Z:X2zz",
  "f:S",
  "q:1",
  "P:.virtual",
  "nonsense",
);

test("a database of any lines gives a report or an error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
      const files = {
        [database]: `${header}${lines.join("\n")}\n\n${header.replace("app", "other")}`,
        loop: "-> loop",
        file: "x",
        "etc/x": "x",
        "etc/passwd": "::::::\nroot:x:0:0",
        "etc/apk/arch": "../x",
        "etc/apk/world": "!x nothing",
      };
      try {
        await verifyFiles(files);
      } catch (error) {
        assert.ok(isBivyError(error, "database-invalid"), String(error));
      }
    }),
    { numRuns: 150 },
  );
});

test("documents of any bytes explain nothing, and break nothing", async () => {
  const paths = [
    "etc/os-release",
    "etc/group",
    "etc/group-",
    "etc/passwd",
    "etc/busybox-paths.d/busybox",
    "etc/ssl/certs/ca-certificates.crt",
    "usr/share/ca-certificates/x.crt",
    "bin/busybox",
    "lib/apk/db/triggers",
    "lib/apk/db/scripts.tar",
    "etc/apk/keys/x.rsa.pub",
  ];
  const records = `F:bin\nR:busybox\nF:etc\nR:passwd\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n`;
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.constant(Buffer.from("\0[\0[[\0x\0\0")),
    fc.constant(Buffer.from("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----")),
    fc.constant(Buffer.from("Q1 /bin\n\n")),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(content, { minLength: paths.length, maxLength: paths.length }),
      async (contents) => {
        const files = Object.fromEntries(paths.map((path, at) => [path, contents[at]!]));
        const report = await verifyFiles({ [database]: `${header}${records}\n`, ...files });
        const stateOf = (path: string) => report.files.find((file) => file.path === path)?.state;
        assert.equal(stateOf("etc/passwd"), "changed");
        assert.equal(stateOf("bin/busybox"), "unprovable");
        for (const path of paths)
          assert.ok(stateOf(path) !== "packaged" && stateOf(path) !== "missing", path);
      },
    ),
    { numRuns: 60 },
  );
});

test("many repositories of an image are not all asked", async () => {
  const lines = Array.from({ length: 100 }, (_, at) => `https://host${at}.example.com/x`);
  const report = await verifyFiles({
    [database]: header,
    "etc/apk/arch": "x86_64\n",
    "etc/apk/repositories": lines.join("\n"),
  });
  assert.equal(report.repositories.length, 100);
  assert.equal(report.repositories.filter(({ indexes }) => indexes.length > 0).length, 32);
  assert.match(report.notes.join(), /68 of the image's repositories were not asked/);
});
