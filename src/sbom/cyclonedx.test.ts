import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReference } from "../oci/index.ts";
import { writeCycloneDx } from "./index.ts";
import {
  imageInventory,
  options,
  rootInventory,
  sampleContents,
  sampleWorld,
} from "./sample-inventory.test.ts";

const reference = parseReference("team/app:1");

async function sampleBom() {
  const inventory = await imageInventory(sampleContents, sampleWorld);
  const bom = JSON.parse(writeCycloneDx(inventory, { ...options, reference }));
  const componentOf = (id: string) =>
    bom.components.find((each: Record<string, unknown>) => each["bom-ref"] === id);
  return { bom, componentOf, digest: inventory.image!.digest, layer: inventory.layers[0]! };
}

test("the image is the component that the document is about", async () => {
  const { bom, digest } = await sampleBom();
  assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]/);
  const { properties, ...metadata } = bom.metadata;
  assert.deepEqual(metadata, {
    timestamp: "2023-11-14T22:13:20Z",
    lifecycles: [{ phase: "post-build" }],
    authors: [{ name: "bivy" }],
    tools: { components: [{ type: "application", name: "bivy", version: "1.2.3" }] },
    component: {
      type: "container",
      "bom-ref": "image",
      name: "team/app:1",
      version: digest,
      hashes: [{ alg: "SHA-256", content: digest.slice(7) }],
      purl: `pkg:oci/app@${digest}?arch=amd64&repository_url=docker.io%2Fteam%2Fapp&tag=1`,
    },
  });
  assert.deepEqual(
    properties.map(({ name }: { name: string }) => name),
    [
      "bivy:layers:count",
      "bivy:layers:0:digest",
      "bivy:layers:0:diff-id",
      "bivy:layers:0:created-by",
    ],
  );
});

test("components are the distribution and the packages", async () => {
  const { bom, componentOf, layer } = await sampleBom();
  assert.deepEqual(bom.components[0], {
    type: "operating-system",
    "bom-ref": "distribution",
    name: "alpine",
    version: "3.19.1",
    properties: [
      { name: "aquasecurity:trivy:Class", value: "os-pkgs" },
      { name: "aquasecurity:trivy:Type", value: "alpine" },
      { name: "bivy:distribution:name", value: "Alpine Linux" },
      { name: "bivy:distribution:path", value: "etc/os-release" },
    ],
  });
  const { digest: layerDigest, diffId } = layer;
  assert.deepEqual(componentOf("package-ssl-client"), {
    type: "library",
    "bom-ref": "package-ssl-client",
    supplier: {
      name: "Sören Tempel",
      contact: [{ name: "Sören Tempel", email: "soeren+alpine@soeren-tempel.net" }],
    },
    name: "ssl_client",
    version: "1.36.1-r15",
    description: "External ssl_client for busybox wget",
    hashes: [{ alg: "SHA-1", content: "0".repeat(40) }],
    licenses: [{ expression: "GPL-2.0-only", acknowledgement: "declared" }],
    purl: "pkg:apk/alpine/ssl_client@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1&upstream=busybox",
    externalReferences: [{ type: "website", url: "https://busybox.net/" }],
    properties: [
      { name: "bivy:apk:origin", value: "busybox" },
      { name: "bivy:apk:identity", value: "Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
      { name: "bivy:apk:hash-of", value: "control section" },
      { name: "bivy:apk:world", value: "true" },
      { name: "bivy:layer:index", value: "0" },
      { name: "bivy:layer:digest", value: layerDigest },
      { name: "bivy:layer:diff-id", value: diffId },
      { name: "aquasecurity:trivy:PkgID", value: "ssl_client@1.36.1-r15" },
      { name: "aquasecurity:trivy:PkgType", value: "alpine" },
      { name: "aquasecurity:trivy:SrcName", value: "busybox" },
      { name: "aquasecurity:trivy:SrcVersion", value: "1.36.1-r15" },
      { name: "aquasecurity:trivy:LayerDiffID", value: diffId },
      { name: "aquasecurity:trivy:LayerDigest", value: layerDigest },
    ],
  });
  const { properties: _properties, ...bare } = componentOf("package-bare");
  assert.deepEqual(bare, {
    type: "library",
    "bom-ref": "package-bare",
    name: "bare",
    version: "0",
    purl: "pkg:apk/alpine/bare@0?distro=alpine-3.19.1",
  });
});

test("a licence that SPDX does not know goes by its own words", async () => {
  const { componentOf } = await sampleBom();
  assert.deepEqual(componentOf("package-libcrypto3").licenses, [
    { license: { name: "Apache-2.0 AND custom", acknowledgement: "declared" } },
  ]);
});

test("dependencies say what world asks for and what needs what", async () => {
  const { bom } = await sampleBom();
  assert.deepEqual(bom.dependencies, [
    { ref: "image", dependsOn: ["package-bare", "package-ssl-client"] },
    { ref: "package-bare", dependsOn: [] },
    { ref: "package-busybox", dependsOn: [] },
    { ref: "package-libcrypto3", dependsOn: [] },
    { ref: "package-ssl-client", dependsOn: ["package-busybox", "package-libcrypto3"] },
  ]);
});

test("a root without a name or a distribution is a document, too", async () => {
  const inventory = await rootInventory(sampleContents, {});
  const { metadata, components } = JSON.parse(writeCycloneDx(inventory, options));
  assert.deepEqual(metadata.component, { type: "application", "bom-ref": "image", name: "root" });
  assert.deepEqual(
    components.map((each: Record<string, unknown>) => each["bom-ref"]),
    ["package-bare", "package-busybox", "package-libcrypto3", "package-ssl-client"],
  );
  assert.match(components[1].purl, /^pkg:apk\/alpine\/busybox@1\.36\.1-r15\?arch=x86_64$/);
});

test("the order of the database does not show", async () => {
  const texts = await Promise.all(
    [sampleContents, sampleContents.toReversed()].map(async (contents) =>
      writeCycloneDx(await rootInventory(contents, sampleWorld), options),
    ),
  );
  assert.equal(texts[0], texts[1]);
});
