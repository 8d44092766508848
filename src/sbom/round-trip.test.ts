/** What bivy writes, read again: nothing that a scan goes by gets lost on the way, in either format. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { layeredImage } from "../../test/layered-root.ts";
import { parseAtom } from "../apk/index.ts";
import { encodeText } from "../base/index.ts";
import { readInventory, type Inventory } from "../inventory/index.ts";
import {
  contentsOf,
  parseSbom,
  writeCycloneDx,
  writeSpdx,
  type SbomContents,
  type SbomSource,
} from "./index.ts";
import {
  databaseOf,
  imageInventory,
  options,
  rootInventory,
  sampleContents,
  sampleWorld,
  type SamplePackage,
} from "./sample-inventory.test.ts";

const writers = { cyclonedx: writeCycloneDx, spdx: writeSpdx } as const;
type Format = keyof typeof writers;
const formats = Object.keys(writers) as Format[];

function reread(source: SbomSource, format: Format) {
  return parseSbom(encodeText(writers[format](source, options)), { subject: "bom.json" });
}

/** Without the fields that only one of the formats can carry, and in an order of its own. */
function essence({ packages, others, ...contents }: SbomContents): object {
  const plain = packages.map(({ description: _description, url: _url, ...each }) => each);
  const keys = new Map(plain.map((each) => [each, JSON.stringify(each)]));
  const { name, digest, purl, supplier, distribution, layers, repositories, labels } = contents;
  return {
    name,
    digest,
    purl,
    supplier,
    distribution,
    layers,
    repositories,
    labels: [...labels],
    packages: plain.sort((a, b) => (keys.get(a)! < keys.get(b)! ? -1 : 1)),
    others,
  };
}

function assertSurvives(inventory: Inventory): void {
  const before = contentsOf(inventory);
  for (const format of formats) {
    const document = reread(inventory, format);
    assert.deepEqual(document.problems, []);
    assert.equal(document.format, format);
    assert.equal(document.tool, "bivy 1.2.3");
    assert.equal(document.time, options.time);
    assert.deepEqual(essence(document), essence(before), format);
    // And from one format to the other.
    for (const other of formats)
      assert.deepEqual(essence(reread(document, other)), essence(before), `${format} to ${other}`);
  }
}

test("an image with several layers, repositories and languages survives", async () => {
  const [client, busybox, crypto, bare] = sampleContents as [
    SamplePackage,
    SamplePackage,
    SamplePackage,
    SamplePackage,
  ];
  const tagged = { ...bare, tag: "edge", buildTime: 1_600_000_000, commit: "c".repeat(40) };
  const image = await layeredImage(
    [
      {
        createdBy: "ADD rootfs.tar / # a: b\nand more",
        files: {
          "etc/os-release": "ID=alpine\nNAME='Alpine Linux'\nVERSION_ID=3.19.1\nID_LIKE='a b'\n",
          "etc/apk/repositories":
            "https://dl-cdn.alpinelinux.org/alpine/v3.19/main\n@edge https://dl-cdn.alpinelinux.org/alpine/edge/testing\n",
          "etc/apk/world": "ssl_client\n",
          "lib/apk/db/installed": databaseOf([busybox, crypto]),
        },
      },
      {
        createdBy: "RUN apk add ssl_client bare@edge",
        files: {
          "etc/apk/world": "ssl_client\nbare@edge\n",
          "lib/apk/db/installed": databaseOf([busybox, crypto, client, tagged]),
          "app/node_modules/left-pad/package.json":
            '{"name":"left-pad","version":"1.3.0","license":"WTFPL OR what else"}',
        },
      },
    ],
    {
      Labels: {
        "dev.bivy.impact": "high",
        "org.opencontainers.image.vendor": "Example",
        "dev.bivy.a: b": "not bivy's own",
      },
    },
  );
  const inventory = await readInventory({ kind: "image", image }, { inspects: true });
  const [, , ofClient, ofBare] = contentsOf(inventory).packages;
  assert.deepEqual(ofClient?.path, ["ssl_client"]);
  assert.deepEqual(ofBare?.repository?.evidence, "tag");
  assert.equal(contentsOf(inventory).others.length, 1);
  assertSurvives(inventory);
  for (const format of formats)
    assert.deepEqual(reread(inventory, format).unjudged, [{ ecosystem: "npm", count: 1 }]);
});

test("roots and images without anything survive", async () => {
  assertSurvives(await rootInventory(sampleContents, sampleWorld));
  assertSurvives(await imageInventory([], {}));
  assertSurvives(await rootInventory([], {}));
});

const word = fc.stringMatching(/^[a-z][a-z0-9+._-]{0,8}$/);
/** One line of a database: no blanks around it, because its fields have none. */
const line = fc
  .oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("A <a@b>", "a@b c <d>", "A (b)", "<a@b>", "MIT OR", "mit", "custom", "A: b"),
  )
  .map((text) =>
    text
      .replaceAll(/\p{Cc}/gu, "")
      .toWellFormed()
      .trim(),
  );
const samplePackage = fc.record({
  name: word,
  version: fc.constantFrom("1-r0", "1.2_alpha-r1", "0.3-r12"),
  identity: fc.constantFrom("", `Q1${"A".repeat(27)}=`, `Q2${"A".repeat(43)}=`),
  arch: fc.constantFrom("", "x86_64", "noarch"),
  description: line,
  url: line,
  license: line,
  origin: fc.oneof(fc.constant(""), word),
  maintainer: line,
  buildTime: fc.nat(2_000_000_000),
  commit: fc.stringMatching(/^[0-9a-f]{0,8}$/),
}) satisfies fc.Arbitrary<SamplePackage>;
const root = fc
  .record({
    packages: fc.uniqueArray(samplePackage, { selector: ({ name }) => name, maxLength: 8 }),
    needs: fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 16 }),
    world: fc.array(fc.nat(7), { maxLength: 3 }),
    repositories: fc.subarray([
      "https://dl-cdn.alpinelinux.org/alpine/v3.19/main",
      "https://dl-cdn.alpinelinux.org/alpine/v3.19/community",
      "https://dl-cdn.alpinelinux.org/alpine/edge/main",
      "@local /srv/packages",
    ]),
    release: fc.constantFrom(
      "ID=alpine\nVERSION_ID=3.19.1\n",
      "ID=alpine\nVERSION_ID=3.21.0_alpha20240807\n",
      "ID=wolfi\nNAME=Wolfi\nVERSION_ID=20230201\n",
      "ID=Strange+Name\nNAME='A: b'\n",
      "",
    ),
  })
  .map(({ packages, needs, world, repositories, release }) => ({
    packages: packages.map((each, at): SamplePackage => ({
      ...each,
      depends: needs
        .filter(([from, to]) => from === at && to < packages.length)
        .map(([, to]) => parseAtom(packages[to]!.name)),
    })),
    files: {
      ...(release === "" ? {} : { "etc/os-release": release }),
      "etc/apk/repositories": repositories.map((each) => `${each}\n`).join(""),
      "etc/apk/world": world
        .flatMap((at) => (packages[at] ? [`${packages[at].name}\n`] : []))
        .join(""),
    },
  }));

test("whatever a root holds survives", async () => {
  const survives = fc.asyncProperty(root, async ({ packages, files }) => {
    assertSurvives(await imageInventory(packages, files));
  });
  await fc.assert(survives, { numRuns: 200 });
});
