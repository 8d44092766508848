import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { sampleZip, type SampleZip } from "../../../test/sample-zip.ts";
import { defaultLimits } from "../../base/index.ts";
import { isJavaArchive, mayBeJavaArchive, readJavaArchive } from "./java.ts";

function read(files: SampleZip | Uint8Array, path = "app/x.jar", limits = defaultLimits) {
  const bytes = files instanceof Uint8Array ? files : sampleZip(files);
  const { packages, problems } = readJavaArchive(bytes, path, limits);
  return { purls: packages.map(({ purl }) => purl), problems };
}

const pom = (group: string, artifact: string, version: string) => ({
  [`META-INF/maven/${group}/${artifact}/pom.properties`]: `#Created\ngroupId=${group}\nartifactId = ${artifact}\r\nversion=${version}\n`,
});
const manifest = (text: string) => ({ "META-INF/MANIFEST.MF": `Manifest-Version: 1.0\r\n${text}` });

const named: readonly [string, string, SampleZip, readonly string[]][] = [
  [
    "pom.properties of all artifacts in it",
    "a.jar",
    { ...pom("org.a", "core", "1.0"), ...pom("org.b", "shaded", "2") },
    ["pkg:maven/org.a/core@1.0", "pkg:maven/org.b/shaded@2"],
  ],
  [
    "the manifest's version before that of the name",
    "lib/guava-1.0.jar",
    manifest("Implementation-Version: 33.0.0\r\n -jre\r\n"),
    ["pkg:generic/guava@33.0.0-jre"],
  ],
  [
    "the vendor id as group",
    "lib/x-1.jar",
    manifest(
      "Implementation-Vendor-Id: org.x\r\nBundle-Version: 1.2\r\n\r\nName: y\r\nImplementation-Version: 9\r\n",
    ),
    ["pkg:maven/org.x/x@1.2"],
  ],
  [
    "the name of the file",
    "lib/commons-io-2.11.0-tests.war",
    {},
    ["pkg:generic/commons-io@2.11.0-tests"],
  ],
  ["nothing without a version", "lib/app.jar", manifest("Implementation-Title: App\r\n"), []],
  ["nothing of half a pom", "app.jar", { "META-INF/maven/a/b/pom.properties": "groupId=a\n" }, []],
];

test("an archive is named by pom.properties, else its manifest, else its file name", () => {
  for (const [said, path, files, expected] of named)
    assert.deepEqual(read(files, path), { purls: expected, problems: [] }, said);
});

/** Archives inside each other; the innermost has the package. */
function nested(depth: number): Buffer {
  let bytes = sampleZip(pom("org.deep", "inner", "1"));
  for (let level = 0; level < depth; level++)
    bytes = sampleZip({ [`BOOT-INF/lib/level${level}.jar`]: { bytes, stored: level % 2 === 0 } });
  return bytes;
}

test("archives inside archives are read three deep", () => {
  assert.deepEqual(read(nested(3)), { purls: ["pkg:maven/org.deep/inner@1"], problems: [] });
  const { purls, problems } = read(nested(4));
  assert.deepEqual(purls, []);
  assert.match(problems.join(), /level0\.jar: too deep or too large/);
});

test("a damaged archive inside leaves the others what they are", () => {
  const { purls, problems } = read({
    "lib/a.jar": "no zip",
    "lib/b.jar": { bytes: "x", crc: 1 },
    "lib/c.jar": sampleZip(pom("c", "c", "1")),
  });
  assert.deepEqual(purls, ["pkg:maven/c/c@1"]);
  assert.equal(problems.length, 2);
});

test("what is unpacked is bounded over all archives inside", () => {
  const limits = { ...defaultLimits, "inspected-size": 100_000 };
  const bomb = sampleZip({ "META-INF/MANIFEST.MF": " ".repeat(90_000) });
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`${at}.jar`, bomb]));
  const { purls, problems } = read(files, "bomb.jar", limits);
  assert.deepEqual(purls, []);
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /exceeds the limit/);
});

test("Java archives are told by name and first bytes", () => {
  assert.deepEqual(["a.jar", "a.WAR", "b/a.ear", "a.zip", "jar", "a.jar.txt"].map(isJavaArchive), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.deepEqual(
    ["PK\x03\x04", "#!/bin/sh", "<htm"].map((text) => mayBeJavaArchive(Buffer.from(text))),
    [true, true, false],
  );
  const script = sampleZip(pom("a", "b", "1"), "#!/bin/sh\n");
  assert.deepEqual(read(script).purls, ["pkg:maven/a/b@1"]);
});

test("a damaged archive gives packages or problems, and never throws", () => {
  const sample = sampleZip({ ...pom("a", "b", "1"), ...manifest("A: b"), "x.jar": nested(1) });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 10 }), (edits) => {
      const bytes = Buffer.from(sample);
      for (const [at, value] of edits) bytes[at % bytes.byteLength] = value;
      read(bytes);
    }),
    { numRuns: 300 },
  );
});
