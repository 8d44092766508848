import assert from "node:assert/strict";
import { test } from "node:test";
import { layeredImage } from "../../../test/layered-root.ts";
import { readInventory } from "../../inventory/index.ts";
import {
  attachAttestations,
  memoryBlobs,
  parsePlatform,
  parseReference,
  type Image,
} from "../../oci/index.ts";
import { writeCycloneDx, writeSpdx } from "../../sbom/index.ts";
import { encodeStatement, imageSubjects, imageUrl, predicateTypes } from "./statement.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;
const platform = parsePlatform("linux/arm/v7");

/** A reference, with its digest or not, and how BuildKit names it. */
const names: readonly [string, string][] = [
  ["alpine:3.19", "pkg:docker/alpine@3.19?platform=linux%2Farm%2Fv7"],
  ["team/app", "pkg:docker/team/app?platform=linux%2Farm%2Fv7"],
  [`alpine@${digest}`, `pkg:docker/alpine@${digest}?platform=linux%2Farm%2Fv7`],
  [`alpine:3.19@${digest}`, `pkg:docker/alpine@3.19?digest=${digest}&platform=linux%2Farm%2Fv7`],
  [
    "registry.example.com:5000/a/b:1",
    "pkg:docker/registry.example.com:5000/a/b@1?platform=linux%2Farm%2Fv7",
  ],
];

test("images are named as BuildKit names them", () => {
  for (const [text, expected] of names)
    assert.equal(imageUrl(parseReference(text), platform), expected);
  assert.equal(imageUrl(parseReference("app:1"), undefined), "pkg:docker/app@1");
});

test("an image is a subject under each of its names, or under none", () => {
  const references = ["app:1", `ghcr.io/team/app:2@${digest}`].map(parseReference);
  assert.deepEqual(imageSubjects(digest, platform, references), [
    { name: "pkg:docker/app@1?platform=linux%2Farm%2Fv7", digest },
    { name: "pkg:docker/ghcr.io/team/app@2?platform=linux%2Farm%2Fv7", digest },
  ]);
  assert.deepEqual(imageSubjects(digest, platform, []), [{ name: "_", digest }]);
});

test("the predicate stands in the statement as it is", () => {
  const text = ' {"big": 12345678901234567890}\n';
  const statement = Buffer.from(
    encodeStatement([{ name: 'a"b', digest }], { type: "https://example.org/x", text }),
  ).toString();
  assert.equal(
    statement,
    `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a\\"b","digest":{"sha256":"${"ab".repeat(32)}"}}],` +
      `"predicateType":"https://example.org/x","predicate":{"big": 12345678901234567890}}`,
  );
});

test("bills of materials are attached to their image", async () => {
  const image = await layeredImage([
    { createdBy: "ADD", files: { "etc/os-release": "ID=alpine\nVERSION_ID=3.19.1\n" } },
  ]);
  const inventory = await readInventory({ kind: "image", image });
  const options = { time: 0, version: "1" };
  const subjects = imageSubjects(image.digest, parsePlatform("linux/amd64"), []);
  const attestations = [
    { type: predicateTypes.spdx, text: writeSpdx(inventory, options) },
    { type: predicateTypes.cycloneDx, text: writeCycloneDx(inventory, options) },
  ].map((predicate) => ({
    predicateType: predicate.type,
    statement: encodeStatement(subjects, predicate),
  }));
  const index = await attachAttestations([{ image, attestations }], memoryBlobs());
  const manifest = (await (await index.children())[1]!.open()) as Image;
  const found = [];
  for (const layer of await manifest.layers()) {
    const parts: Uint8Array[] = [];
    for await (const part of layer.uncompressed()) parts.push(part);
    const { subject, predicateType, predicate } = JSON.parse(Buffer.concat(parts).toString());
    found.push([
      predicateType,
      subject[0].digest.sha256,
      predicate.spdxVersion ?? predicate.specVersion,
    ]);
  }
  assert.deepEqual(found, [
    [predicateTypes.spdx, image.digest.slice(7), "SPDX-2.3"],
    [predicateTypes.cycloneDx, image.digest.slice(7), "1.6"],
  ]);
});
