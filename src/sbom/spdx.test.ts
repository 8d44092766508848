import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReference } from "../oci/index.ts";
import { writeSpdx } from "./index.ts";
import {
  imageInventory,
  options,
  rootInventory,
  sampleContents,
  sampleWorld,
} from "./sample-inventory.test.ts";

const reference = parseReference("docker.io/team/app:1");

async function documentOf(more: Partial<typeof options> = {}) {
  const inventory = await imageInventory(sampleContents, sampleWorld);
  const document = JSON.parse(writeSpdx(inventory, { ...options, reference, ...more }));
  const packageOf = (id: string) =>
    document.packages.find(({ SPDXID }: { SPDXID: string }) => SPDXID === `SPDXRef-${id}`);
  return { document, packageOf, digest: inventory.image!.digest };
}

test("the image is what the document describes", async () => {
  const { document, packageOf, digest } = await documentOf();
  assert.equal(document.name, "team/app:1");
  assert.deepEqual(document.creationInfo, {
    created: "2023-11-14T22:13:20Z",
    creators: ["Tool: bivy-1.2.3"],
    licenseListVersion: "3.29",
    comment: "Made from the image, after it was built (post-build).",
  });
  assert.ok(
    document.documentNamespace.startsWith(
      `https://spdx.org/spdxdocs/bivy-${digest.replace(":", "-")}-`,
    ),
  );
  const image = packageOf("image");
  assert.equal(image.versionInfo, digest);
  assert.equal(image.primaryPackagePurpose, "CONTAINER");
  assert.deepEqual(image.checksums, [{ algorithm: "SHA256", checksumValue: digest.slice(7) }]);
  assert.equal(
    image.externalRefs[0].referenceLocator,
    `pkg:oci/app@${digest}?arch=amd64&repository_url=docker.io%2Fteam%2Fapp&tag=1`,
  );
});

test("a package stands with what its record says", async () => {
  const { packageOf } = await documentOf();
  const { annotations, ...described } = packageOf("package-ssl-client");
  assert.deepEqual(annotations[0], {
    annotator: "Tool: bivy-1.2.3",
    annotationDate: "2023-11-14T22:13:20Z",
    annotationType: "OTHER",
    comment: "bivy:apk:origin: busybox",
  });
  assert.deepEqual(described, {
    SPDXID: "SPDXRef-package-ssl-client",
    name: "ssl_client",
    versionInfo: "1.36.1-r15",
    supplier: "Person: Sören Tempel (soeren+alpine@soeren-tempel.net)",
    homepage: "https://busybox.net/",
    description: "External ssl_client for busybox wget",
    sourceInfo: "built package from: busybox 1.36.1-r15",
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    copyrightText: "NOASSERTION",
    licenseDeclared: "GPL-2.0-only",
    checksums: [{ algorithm: "SHA1", checksumValue: "0".repeat(40) }],
    comment:
      "The checksum is apk's identity of the package (C:): that of its control section, not of the package file.",
    externalRefs: [
      {
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator:
          "pkg:apk/alpine/ssl_client@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1&upstream=busybox",
      },
    ],
  });
});

test("what a package does not say is not asserted", async () => {
  const { document, packageOf } = await documentOf();
  const bare = packageOf("package-bare");
  assert.equal(bare.supplier, "NOASSERTION");
  assert.equal(bare.licenseDeclared, "NOASSERTION");
  for (const field of ["homepage", "description", "checksums", "comment", "originator"])
    assert.ok(!Object.hasOwn(bare, field), field);
  const crypto = packageOf("package-libcrypto3");
  assert.equal(crypto.supplier, "Person: Somebody");
  assert.equal(crypto.licenseDeclared, "Apache-2.0 AND LicenseRef-custom");
  assert.deepEqual(
    document.hasExtractedLicensingInfos.map(
      ({ licenseId, extractedText }: { licenseId: string; extractedText: string }) => [
        licenseId,
        extractedText,
      ],
    ),
    [["LicenseRef-custom", "custom"]],
  );
});

test("relationships say what is in the image and what needs what", async () => {
  const { document } = await documentOf();
  const lines = document.relationships.map(
    (each: Record<"spdxElementId" | "relationshipType" | "relatedSpdxElement", string>) =>
      [each.spdxElementId, each.relationshipType, each.relatedSpdxElement]
        .join(" ")
        .replaceAll("SPDXRef-", ""),
  );
  assert.deepEqual(lines, [
    "DOCUMENT DESCRIBES image",
    "image CONTAINS distribution",
    "image CONTAINS package-bare",
    "image CONTAINS package-busybox",
    "image CONTAINS package-libcrypto3",
    "image CONTAINS package-ssl-client",
    "image DEPENDS_ON package-bare",
    "image DEPENDS_ON package-ssl-client",
    "package-bare DEPENDS_ON NONE",
    "package-busybox DEPENDS_ON NONE",
    "package-libcrypto3 DEPENDS_ON NONE",
    "package-ssl-client DEPENDS_ON package-busybox",
    "package-ssl-client DEPENDS_ON package-libcrypto3",
  ]);
});

test("the order of the database and the place of a root do not show", async () => {
  const texts = await Promise.all(
    [sampleContents, sampleContents.toReversed()].map(async (contents) =>
      writeSpdx(await rootInventory(contents, sampleWorld), options),
    ),
  );
  assert.equal(texts[0], texts[1]);
  assert.ok(!texts[0]!.includes("/home/someone"));
});

test("documents that differ have different namespaces", async () => {
  const first = await documentOf();
  assert.equal(
    (await documentOf()).document.documentNamespace,
    first.document.documentNamespace,
    "the same one",
  );
  for (const more of [
    { time: 0 },
    { version: "2" },
    { reference: parseReference("other") },
  ] as const)
    assert.notEqual(
      (await documentOf(more)).document.documentNamespace,
      first.document.documentNamespace,
      JSON.stringify(more),
    );
});

test("packages whose names differ only in characters that ids lack stay apart", async () => {
  const names = ["a+b", "a_b", "a-b", "a-b-2", "a~b"];
  const inventory = await imageInventory(names.map((name) => ({ name, version: "1-r0" })));
  const { packages } = JSON.parse(writeSpdx(inventory, options));
  const ids = packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID);
  assert.equal(new Set(ids).size, names.length + 2);
});
