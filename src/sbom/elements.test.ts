/**
 * NTIA's minimum elements, and those that CISA's draft of 2025 adds: each stands in both formats, and
 * what is not known is said to be unknown.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { apkoShaped } from "../../test/sbom-shapes.ts";
import { encodeText } from "../base/index.ts";
import { parseSbom, writeCycloneDx, writeSpdx } from "./index.ts";
import { imageInventory, options, sampleContents, sampleWorld } from "./sample-inventory.test.ts";

const files = {
  ...sampleWorld,
  "etc/apk/repositories": "https://dl-cdn.alpinelinux.org/alpine/v3.19/main\n",
  "app/node_modules/a/package.json": '{"name":"a","version":"1.0.0"}',
};
const inventory = await imageInventory(sampleContents, files, { inspects: true });
const bom = JSON.parse(writeCycloneDx(inventory, options));
const document = JSON.parse(writeSpdx(inventory, options));

test("suppliers are organizations, and maintainers their contacts", () => {
  const component = bom.components.find((each: { name: string }) => each.name === "busybox");
  assert.deepEqual(component.supplier, {
    name: "Alpine Linux",
    url: ["https://alpinelinux.org"],
    contact: [{ name: "Sören Tempel", email: "soeren+alpine@soeren-tempel.net" }],
  });
  const each = document.packages.find(({ name }: { name: string }) => name === "busybox");
  assert.equal(each.supplier, "Organization: Alpine Linux");
  assert.equal(each.originator, "Person: Sören Tempel (soeren+alpine@soeren-tempel.net)");
});

test("every component has a name, a version, a unique id, and an id of the document", () => {
  for (const { name, version, purl, "bom-ref": ref, type } of bom.components) {
    assert.ok(name && version && ref);
    assert.ok(purl !== undefined || type === "operating-system");
  }
  for (const { name, versionInfo, SPDXID, supplier } of document.packages) {
    assert.ok(name && versionInfo && SPDXID);
    assert.ok(supplier !== undefined || name === "alpine");
  }
});

test("author, tool, time and phase are stated", () => {
  assert.equal(bom.metadata.authors[0].name, "bivy");
  assert.equal(bom.metadata.lifecycles[0].phase, "post-build");
  const more = { ...options, author: "Example Ltd", phase: "build" } as const;
  assert.equal(JSON.parse(writeCycloneDx(inventory, more)).metadata.authors[0].name, "Example Ltd");
  const { creators, comment } = JSON.parse(writeSpdx(inventory, more)).creationInfo;
  assert.deepEqual(creators, ["Tool: bivy-1.2.3", "Organization: Example Ltd"]);
  assert.match(comment, /\(build\)/);
  const person = { ...options, author: "Person: Ann" };
  assert.ok(writeSpdx(inventory, person).includes('"Person: Ann"'));
  assert.ok(writeCycloneDx(inventory, person).includes('"name": "Ann"'));
});

test("what is complete, what is not, and what is unknown is told apart", () => {
  assert.deepEqual(bom.compositions, [
    { aggregate: "incomplete", assemblies: ["image"] },
    {
      aggregate: "complete",
      dependencies: [
        "image",
        "package-bare",
        "package-busybox",
        "package-libcrypto3",
        "package-ssl-client",
      ],
    },
    { aggregate: "unknown", dependencies: ["npm-a"] },
  ]);
  const needs = new Map<string, string>(
    document.relationships
      .filter((each: { relationshipType: string }) => each.relationshipType === "DEPENDS_ON")
      .map((each: Record<string, string>) => [each["spdxElementId"], each["relatedSpdxElement"]]),
  );
  assert.equal(needs.get("SPDXRef-npm-a"), "NOASSERTION");
  assert.equal(needs.get("SPDXRef-package-bare"), "NONE");
});

test("a document made of another one names the tool of that, and knows no more than it", () => {
  const read = parseSbom(encodeText(apkoShaped(inventory)), { subject: "bom.json" });
  const converted = JSON.parse(writeCycloneDx(read, options));
  assert.deepEqual(
    converted.metadata.tools.components.map(({ name }: { name: string }) => name),
    ["bivy", "apko"],
  );
  assert.deepEqual(converted.dependencies, []);
  const { creators } = JSON.parse(writeSpdx(read, options)).creationInfo;
  assert.deepEqual(creators, ["Tool: bivy-1.2.3", "Tool: apko-v0.22.0"]);
});

test("files stand in the document when they are asked for", async () => {
  const owned = await imageInventory(sampleContents, files, { checksums: ["sha1", "sha256"] });
  const more = { ...options, files: true };
  const listed = JSON.parse(writeCycloneDx(owned, more)).components.filter(
    ({ type }: { type: string }) => type === "file",
  );
  assert.ok(listed.some(({ name }: { name: string }) => name === "etc/apk/world"));
  assert.deepEqual(
    listed[0].hashes.map(({ alg }: { alg: string }) => alg),
    ["SHA-1", "SHA-256"],
  );
  const { packages, files: spdxFiles } = JSON.parse(writeSpdx(owned, more));
  assert.equal(spdxFiles.length, listed.length);
  assert.ok(packages[0].filesAnalyzed);
  assert.match(packages[0].packageVerificationCode.packageVerificationCodeValue, /^[0-9a-f]{40}$/);
});
