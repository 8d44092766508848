/** Whether what is written is valid by the schemas of SPDX 2.3 and CycloneDX 1.6, and holds together. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv, type ValidateFunction } from "ajv";
import * as fc from "fast-check";
import { fixtures, needs } from "../../test/requirements.ts";
import { apkoShaped, syftShaped, trivyShaped } from "../../test/sbom-shapes.ts";
import { encodeText } from "../base/index.ts";
import { readInventory } from "../inventory/index.ts";
import { openArchive, parseReference } from "../oci/index.ts";
import {
  parseSbom,
  writeCycloneDx,
  writeSpdx,
  type SbomOptions,
  type SbomSource,
} from "./index.ts";
import {
  imageInventory,
  options,
  rootInventory,
  sampleContents,
  sampleWorld,
  type SamplePackage,
} from "./sample-inventory.test.ts";

const schemas = needs({ fixtures: true });

function readSchema(name: string): object {
  return JSON.parse(readFileSync(join(fixtures, "schemas", name), "utf8"));
}

/** Both schemas are of draft 7; what they mean by a format is checked here as far as it is used. */
function loadSchemas(): { spdx: ValidateFunction; cycloneDx: ValidateFunction } {
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    formats: {
      "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      "iri-reference": (text) => URL.canParse(text, "https://example.org"),
      uri: (text) => URL.canParse(text),
      "idn-email": /^[^@\s]+@[^@\s]+$/,
    },
  });
  for (const name of ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"])
    ajv.addSchema(readSchema(name), `http://cyclonedx.org/schema/${name}`);
  return {
    spdx: ajv.compile(readSchema("spdx-schema-2.3.json")),
    cycloneDx: ajv.compile(readSchema("bom-1.6.SNAPSHOT.schema.json")),
  };
}

let loaded: ReturnType<typeof loadSchemas> | undefined;

function assertValid(inventory: SbomSource, more: Partial<SbomOptions> = {}): void {
  const { spdx, cycloneDx } = (loaded ??= loadSchemas());
  const spdxDocument = JSON.parse(writeSpdx(inventory, { ...options, ...more }));
  assert.ok(spdx(spdxDocument), JSON.stringify(spdx.errors, null, 2));
  assertSpdxHolds(spdxDocument);
  const bom = JSON.parse(writeCycloneDx(inventory, { ...options, ...more }));
  assert.ok(cycloneDx(bom), JSON.stringify(cycloneDx.errors, null, 2));
  assertBomHolds(bom);
}

/** What the schema cannot say: ids are unique, and whatever is named is there. */
function assertSpdxHolds(document: ReturnType<typeof JSON.parse>): void {
  const ids = new Set<string>([document.SPDXID]);
  for (const { SPDXID, externalRefs = [], licenseDeclared } of document.packages) {
    assert.match(SPDXID, /^SPDXRef-[A-Za-z0-9.-]+$/);
    assert.ok(!ids.has(SPDXID), SPDXID);
    ids.add(SPDXID);
    for (const { referenceLocator } of externalRefs) assert.match(referenceLocator, /^pkg:\S+$/);
    for (const [name] of licenseDeclared.matchAll(/LicenseRef-[A-Za-z0-9.-]+/g))
      assert.ok(
        document.hasExtractedLicensingInfos.some(
          ({ licenseId }: { licenseId: string }) => licenseId === name,
        ),
        name,
      );
  }
  for (const { SPDXID } of document.files ?? []) ids.add(SPDXID);
  const unnamed = new Set(["NONE", "NOASSERTION"]);
  const seen = new Set<string>();
  for (const { spdxElementId, relationshipType, relatedSpdxElement } of document.relationships) {
    assert.ok(ids.has(spdxElementId));
    assert.ok(ids.has(relatedSpdxElement) || unnamed.has(relatedSpdxElement));
    seen.add(`${spdxElementId} ${relationshipType} ${relatedSpdxElement}`);
  }
  assert.equal(seen.size, document.relationships.length);
}

function assertBomHolds(bom: ReturnType<typeof JSON.parse>): void {
  const refs = [bom.metadata.component, ...bom.components].map((each) => each["bom-ref"]);
  assert.equal(new Set(refs).size, refs.length);
  for (const { ref, dependsOn } of bom.dependencies)
    for (const each of [ref, ...dependsOn]) assert.ok(refs.includes(each), each);
}

test("sample images and roots are valid", schemas, async () => {
  const reference = parseReference("registry.example.com/team/app:1");
  assertValid(await imageInventory(sampleContents, sampleWorld), { reference });
  assertValid(await rootInventory(sampleContents, sampleWorld), { reference });
  assertValid(await imageInventory([], {}));
  assertValid(await rootInventory([], {}));
});

test(
  "with files and packages of languages they are valid, and of other tools' documents",
  schemas,
  async () => {
    const files = {
      ...sampleWorld,
      "app/node_modules/a/package.json":
        '{"name":"@a/b","version":"1.0.0","license":"MIT OR what"}',
      "app/other": "x",
    };
    const inventory = await imageInventory(sampleContents, files, {
      checksums: ["sha1", "sha256"],
      inspects: true,
    });
    assert.equal(inventory.languages?.length, 1);
    assertValid(inventory, { files: true, author: "Person: A", phase: "build" });
    for (const text of [syftShaped(inventory), trivyShaped(inventory), apkoShaped(inventory)])
      assertValid(parseSbom(encodeText(text), { subject: "bom.json" }));
  },
);

test("Alpine's own roots and images are valid", schemas, async () => {
  for (const name of ["3.10.9", "3.19.4"]) {
    const path = join(fixtures, "minirootfs", `alpine-minirootfs-${name}-x86_64.tar.gz`);
    const inventory = await readInventory({ kind: "root-archive", path });
    assert.ok(inventory.packages.length > 10);
    assertValid(inventory);
  }
  for (const name of ["alpine-310", "alpine-311"]) {
    const archive = await openArchive(join(fixtures, "images", `${name}.tar.gz`));
    const inventory = await readInventory({ kind: "image", image: await archive.open() });
    assert.ok(inventory.packages.length > 10);
    assertValid(inventory, { reference: parseReference("alpine:3") });
  }
});

/** One line of a database. */
const line = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, "")),
  fc.constantFrom("\udc80", "A <a@b>", "a@b c <d>", "http://[", "https://a b/", "Q1", "MIT OR"),
);
const hostile = fc.record({
  name: fc.oneof(fc.constantFrom("a", "a-2", "a_2", "a+2", "A"), fc.stringMatching(/^[\w.+-]+$/)),
  version: fc.constantFrom("1-r0", "1.2_alpha-r1", "not a version"),
  identity: fc.oneof(fc.constantFrom(`X2${"0".repeat(64)}`, `Q2${"A".repeat(27)}=`), line),
  arch: line,
  description: line,
  url: line,
  license: line,
  origin: line,
  maintainer: line,
}) satisfies fc.Arbitrary<SamplePackage>;

test("whatever a database says, the documents are valid", schemas, async () => {
  const properties = fc.asyncProperty(fc.array(hostile, { maxLength: 6 }), async (packages) => {
    assertValid(await rootInventory(packages, sampleWorld));
  });
  await fc.assert(properties, { numRuns: 150 });
});
