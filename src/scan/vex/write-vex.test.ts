/** What is written as VEX: by the formats' schemas, and read back. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { Ajv, type ValidateFunction } from "ajv";
import * as fc from "fast-check";
import { fixtures, needs } from "../../../test/requirements.ts";
import type { AdvisoryDatabase } from "../../advisory/index.ts";
import { encodeText } from "../../base/index.ts";
import type { Finding, Suppression } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { sampleDatabase, sampleSubject, scanSample } from "../sample-scan.test.ts";
import type { ScanSubject } from "../subject.ts";
import type { Judgement } from "../suppress.ts";
import type { VexOptions } from "./claims.ts";
import { parseVex } from "./parse-vex.ts";
import { vexFor } from "./vex-for.ts";
import { writeCycloneDxVex } from "./write-cyclonedx.ts";
import { writeOpenVex } from "./write-openvex.ts";

const schemas = needs({ fixtures: true });
const writers = { openvex: writeOpenVex, cyclonedx: writeCycloneDxVex } as const;

const formats = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  iri: (text: string) => URL.canParse(text),
  "iri-reference": (text: string) => URL.canParse(text, "https://example.org"),
  uri: (text: string) => URL.canParse(text),
  "idn-email": /^[^@\s]+@[^@\s]+$/,
};

function openVexSchema(): ValidateFunction {
  const text = readFileSync(new URL("openvex-schema.json", import.meta.url), "utf8");
  return new Ajv({ allErrors: true, strict: false, formats }).compile(JSON.parse(text) as object);
}

function cycloneDxSchema(): ValidateFunction {
  const read = (name: string) =>
    JSON.parse(readFileSync(join(fixtures, "schemas", name), "utf8")) as object;
  const ajv = new Ajv({ strict: false, allErrors: true, formats });
  for (const name of ["spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"])
    ajv.addSchema(read(name), `http://cyclonedx.org/schema/${name}`);
  return ajv.compile(read("bom-1.6.SNAPSHOT.schema.json"));
}

const digest = `sha256:${"ab".repeat(32)}` as const;
const packages = [
  "libcrypto3 3.1.4-r0 openssl",
  "libssl3 3.1.4-r0 openssl",
  "openssl 3.1.4-r0",
  "libstdc++ 13-r0 gcc",
  "busybox 1.36-r0",
];
const image = sampleSubject(packages, { name: "registry.example.com/team/app:1", digest });
const root = sampleSubject(packages, { name: "dir:rootfs", kind: "root" });

/** Two of each package of openssl, one of gcc's, two of busybox. */
const findingCount = 9;

let database: AdvisoryDatabase;
before(async () => {
  database = await sampleDatabase({
    rows: {
      "v3.19/main": {
        openssl: { "3.1.4-r1": ["CVE-2024-1"], "3.1.5-r0": ["CVE-2024-2 GHSA-aaaa-bbbb-cccc"] },
        gcc: { "13-r1": ["CVE-2024-3"] },
        busybox: { "1.36-r1": ["CVE-2024-4", "ALPINE-13661"], "0": ["CVE-2020-1"] },
      },
    },
    files: {
      "known_exploited_vulnerabilities.json": JSON.stringify({
        vulnerabilities: [{ cveID: "CVE-2024-4", dateAdded: "2026-01-01" }],
      }),
    },
  });
});

const scan = (subject: ScanSubject, judge: (finding: Finding) => Judgement = () => ({})) =>
  scanSample(subject, database, { judge });

function keysOf(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ id, package: { name } }) => `${id} ${name}`).sort();
}

async function rescanned(text: string, subject: ScanSubject): Promise<ScanReport> {
  const documents = [parseVex(encodeText(text), "written.json")];
  return scan(subject, (finding) => vexFor(documents, finding, subject));
}

const suppression = (more: Partial<Suppression>): Judgement => ({
  suppression: { by: "vex", reason: "", source: "s", ...more },
});

/** What may be said of a finding, and whether what is written suppresses it. */
const judgements: readonly [Judgement, suppresses: boolean][] = [
  [{}, false],
  [{ vex: { status: "affected", text: "confirmed", source: "s" } }, false],
  [{ vex: { status: "under_investigation", text: "", source: "s" } }, false],
  [suppression({ status: "fixed" }), true],
  [suppression({ status: "not_affected", justification: "component_not_present" }), true],
  [suppression({ status: "not_affected", reason: "not used" }), true],
  [suppression({ by: "rejection", reason: "disputed" }), true],
  [suppression({ by: "ignore-file", reason: "accepted", expires: "2027-01-01" }), false],
  [suppression({ by: "ignore-file", justification: "vulnerable_code_not_present" }), true],
];

test("whatever is decided, what is written is valid and suppresses the same", schemas, async () => {
  const validators = { openvex: openVexSchema(), cyclonedx: cycloneDxSchema() };
  const subjects = fc.constantFrom(image, root, { ...image, name: "oci:a b/DIR" });
  const product = fc.constantFrom(
    undefined,
    "pkg:oci/app?repository_url=registry.example.com%2Fteam%2Fapp",
  );
  const choices = fc.array(fc.constantFrom(...judgements), { minLength: 20, maxLength: 20 });
  const property = fc.asyncProperty(subjects, product, choices, async (subject, named, chosen) => {
    const next = chosen.values();
    const expected: string[] = [];
    const report = await scan(subject, ({ id, package: { name } }) => {
      const [judgement, suppresses] = next.next().value!;
      if (suppresses) expected.push(`${id} ${name}`);
      return judgement;
    });
    // A product that the user names is found under this name only.
    const options: VexOptions = named === undefined || subject !== image ? {} : { product: named };
    for (const format of ["openvex", "cyclonedx"] as const) {
      const text = writers[format](report, options);
      const validate = validators[format];
      assert.ok(validate(JSON.parse(text)), JSON.stringify(validate.errors, null, 2));
      const { suppressed, findings } = await rescanned(text, subject);
      assert.deepEqual(keysOf(suppressed), expected.sort(), format);
      assert.equal(suppressed.length + findings.length, findingCount);
    }
  });
  await fc.assert(property, { numRuns: 100 });
});

test("what one image's document says does not hold in another", async () => {
  const report = await scan(image, () => suppression({ status: "fixed" }));
  const other = { ...image, digest: `sha256:${"cd".repeat(32)}` as const };
  for (const write of Object.values(writers)) {
    assert.equal((await rescanned(write(report), image)).findings.length, 0);
    assert.equal((await rescanned(write(report), other)).findings.length, findingCount);
  }
});

test("an image goes by its repository where it was named by it", async () => {
  const purlOf = async (subject: ScanSubject) => {
    const { metadata } = JSON.parse(writeCycloneDxVex(await scan(subject)));
    return decodeURIComponent(metadata.component.purl ?? "none");
  };
  const names: readonly [Partial<ScanSubject>, string][] = [
    [{ name: "alpine" }, `pkg:oci/alpine@${digest}?repository_url=docker.io/library/alpine`],
    [
      { name: "docker://alpine" },
      `pkg:oci/alpine@${digest}?repository_url=docker.io/library/alpine`,
    ],
    [{ name: "oci:folder" }, `pkg:oci/image@${digest}`],
    [{ name: "./app.tar" }, `pkg:oci/image@${digest}`],
    [{ name: "app.json", kind: "sbom" }, `pkg:oci/image@${digest}`],
  ];
  for (const [more, purl] of names) assert.equal(await purlOf({ ...image, ...more }), purl);
  assert.equal(await purlOf(root), "none");
});

test("the same report gives the same text, and another one another id", async () => {
  const report = await scan(image);
  for (const write of Object.values(writers)) {
    assert.equal(write(report), write(await scan(image)));
    const idOf = (text: string) => JSON.parse(text)["@id"] ?? JSON.parse(text).serialNumber;
    assert.match(idOf(write(report)), /^urn:uuid:/);
    assert.notEqual(idOf(write(report)), idOf(write({ ...report, time: report.time + 1 })));
    assert.notEqual(idOf(write(report)), idOf(write(report, { author: "somebody" })));
  }
});

test("OpenVEX tells what to do, and about which parts of which image", async () => {
  const report = await scan(image, ({ id }) =>
    id === "CVE-2024-3"
      ? suppression({ by: "ignore-file", reason: "later", expires: "2027-01-01", source: "i:3" })
      : {},
  );
  const { statements, ...rest } = JSON.parse(writeOpenVex(report, { author: "team" }));
  assert.deepEqual(
    { ...rest, "@id": "" },
    {
      "@context": "https://openvex.dev/ns/v0.2.0",
      "@id": "",
      author: "team",
      timestamp: "2026-11-30T12:00:00Z",
      version: 1,
      tooling: "bivy 1.2.3",
    },
  );
  const about = (id: string) =>
    statements.find((each: { vulnerability: { name: string } }) => each.vulnerability.name === id);
  const { products, ...ssl } = about("CVE-2024-2");
  assert.deepEqual(ssl, {
    vulnerability: { name: "CVE-2024-2", aliases: ["GHSA-aaaa-bbbb-cccc"] },
    status: "affected",
    action_statement: "upgrade to 3.1.5-r0 or newer: apk upgrade libcrypto3 libssl3 openssl",
  });
  const purl = `pkg:oci/app@${digest}?repository_url=registry.example.com%2Fteam%2Fapp`;
  assert.equal(products.length, 1);
  assert.equal(products[0]["@id"].replaceAll("%3A", ":"), purl);
  assert.deepEqual(products[0].hashes, { "sha-256": "ab".repeat(32) });
  assert.deepEqual(
    products[0].subcomponents.map((each: { "@id": string }) => each["@id"]),
    ["libcrypto3", "libssl3", "openssl"].map(
      (name) =>
        `pkg:apk/alpine/${name}@3.1.4-r0?arch=x86_64&distro=alpine-3.19.4${name === "openssl" ? "" : "&upstream=openssl"}`,
    ),
  );
  assert.equal(about("CVE-2024-3").status, "affected");
  assert.equal(about("CVE-2024-3").status_notes, "ignored by i:3 until 2027-01-01: later");
  const { status, justification, impact_statement: impact } = about("CVE-2020-1");
  assert.deepEqual([status, justification], ["not_affected", "vulnerable_code_not_present"]);
  assert.match(impact, /v3\.19\/main/);
});

test("CycloneDX has the components that it is about, and what is known of a finding", async () => {
  const report = await scan(image);
  const severe: ScanReport = {
    ...report,
    findings: report.findings.map((each) => ({
      ...each,
      severity: {
        score: 9.8,
        level: "critical",
        source: "NVD",
        vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
      },
    })),
  };
  const { components, vulnerabilities } = JSON.parse(writeCycloneDxVex(severe));
  const refs = components.map((each: { "bom-ref": string }) => each["bom-ref"]);
  assert.equal(new Set(refs).size, 5);
  for (const { affects } of vulnerabilities)
    for (const { ref } of affects) assert.ok(refs.includes(ref), ref);
  const busybox = vulnerabilities.find((each: { id: string }) => each.id === "CVE-2024-4");
  assert.deepEqual(busybox.ratings, [
    {
      source: { name: "NVD" },
      score: 9.8,
      severity: "critical",
      method: "CVSSv31",
      vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    },
  ]);
  assert.deepEqual(busybox.analysis, { state: "exploitable", response: ["update"] });
  assert.deepEqual(busybox.source, {
    name: "NVD",
    url: "https://nvd.nist.gov/vuln/detail/CVE-2024-4",
  });
  assert.ok(busybox.properties.some((each: { name: string }) => each.name === "bivy:kev"));
});
