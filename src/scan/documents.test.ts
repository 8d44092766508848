/** Scans of bills of materials: they give what a scan of the image gives, whichever tool wrote them. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixtures, needs } from "../../test/requirements.ts";
import { apkoShaped, syftShaped, trivyShaped } from "../../test/sbom-shapes.ts";
import { folderSource, openDatabase, updateDatabase } from "../advisory/index.ts";
import { defaultLimits, encodeText } from "../base/index.ts";
import { readInventory, type Inventory } from "../inventory/index.ts";
import { locateImage, openStore } from "../oci/index.ts";
import { parseSbom, writeCycloneDx, writeSpdx } from "../sbom/index.ts";
import { subjectOfDocument, subjectOfInventory, type ScanReport } from "./index.ts";
import { now, scanSample } from "./sample-scan.test.ts";

const limits = defaultLimits;
const own = { time: now, version: "1.2.3" };
const writers = {
  cyclonedx: (inventory: Inventory) => writeCycloneDx(inventory, own),
  spdx: (inventory: Inventory) => writeSpdx(inventory, own),
};
const strangers = { syft: syftShaped, trivy: trivyShaped, apko: apkoShaped };

async function inventoryAt(path: string): Promise<Inventory> {
  const located = await locateImage({ kind: "path", path }, { store: openStore(), limits });
  assert.ok(located !== undefined);
  return readInventory(located, { inspects: true });
}

async function databaseAt(date: string) {
  const source = await folderSource(join(fixtures, "secdb", date));
  const { image } = await updateDatabase(source, { limits, now });
  return openDatabase(image, limits);
}

/** What a scan judges, without what it is called and what kind of thing it is. */
function judgementOf({
  findings,
  suppressed,
  notAffected,
  noFixData,
  unreadable,
  branch,
}: ScanReport) {
  return { findings, suppressed, notAffected, noFixData, unreadable, branch };
}

/** What other tools do not write down: layers by number, world, repositories. */
function barely(report: ScanReport) {
  const { findings, notAffected, noFixData, branch } = report;
  return {
    findings: findings.map(
      ({ id, aliases, package: { name, version, origin }, fixed, repository, risk }) => ({
        id,
        aliases,
        name,
        version,
        origin,
        fixed,
        repository,
        risk,
      }),
    ),
    notAffected: notAffected.map(({ id, package: { name } }) => `${id} ${name}`),
    noFixData,
    branch,
  };
}

const images = ["minirootfs", "images"] as const;

test("of Alpine's own images and roots", needs({ fixtures: true }), async () => {
  const database = await databaseAt("2025-01-04");
  let findings = 0;
  for (const folder of images)
    for (const name of readdirSync(join(fixtures, folder))) {
      const inventory = await inventoryAt(join(fixtures, folder, name));
      const report = await scanSample(subjectOfInventory(inventory), database);
      findings += report.findings.length;
      const scanOf = (text: string) => {
        const document = parseSbom(encodeText(text), { subject: name, limits });
        return scanSample(subjectOfDocument(document, inventory.subject), database);
      };
      for (const [format, write] of Object.entries(writers))
        assert.deepEqual(
          judgementOf(await scanOf(write(inventory))),
          judgementOf(report),
          `${name} as ${format}`,
        );
      for (const [tool, write] of Object.entries(strangers))
        assert.deepEqual(
          barely(await scanOf(write(inventory))),
          barely(report),
          `${name} as ${tool} writes it`,
        );
    }
  assert.ok(findings > 60, `only ${findings} findings`);
});

test(
  "a subpackage in a document of Syft's keeps its source",
  needs({ fixtures: true }),
  async () => {
    const inventory = await inventoryAt(join(fixtures, "images", "alpine-310.tar.gz"));
    const document = parseSbom(encodeText(syftShaped(inventory)), { subject: "syft", limits });
    const crypto = document.packages.find(({ name }) => name === "libcrypto1.1");
    assert.equal(crypto?.origin, "openssl");
  },
);
