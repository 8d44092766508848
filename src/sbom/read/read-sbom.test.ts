import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { apkoShaped, syftShaped, trivyShaped } from "../../../test/sbom-shapes.ts";
import { BivyError, defaultLimits, encodeText } from "../../base/index.ts";
import { imageInventory, options, sampleContents, sampleWorld } from "../sample-inventory.test.ts";
import {
  looksLikeSbom,
  parseSbom,
  writeCycloneDx,
  writeSpdx,
  type SbomDocument,
} from "../index.ts";

const subject = "bom.json";

function parse(text: string | object): SbomDocument {
  const json = typeof text === "string" ? text : JSON.stringify(text);
  return parseSbom(encodeText(json), { subject });
}

const inventory = await imageInventory(sampleContents, sampleWorld);
const shapes: Readonly<Record<string, string>> = {
  syft: syftShaped(inventory),
  "syft as cyclonedx": syftShaped(inventory, "cyclonedx"),
  "syft as spdx": syftShaped(inventory, "spdx"),
  trivy: trivyShaped(inventory),
  "trivy as cyclonedx": trivyShaped(inventory, "cyclonedx"),
  "trivy as spdx": trivyShaped(inventory, "spdx"),
  apko: apkoShaped(inventory),
};

for (const [name, text] of Object.entries(shapes)) {
  test(`${name}: packages, source packages and the release are read`, () => {
    assert.ok(looksLikeSbom(encodeText(text)));
    const { packages, distribution, problems, digest } = parse(text);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      packages.map(({ name: each, version, origin }) => [each, version, origin]),
      [
        ["ssl_client", "1.36.1-r15", "busybox"],
        ["busybox", "1.36.1-r15", "busybox"],
        ["libcrypto3", "3.1.4-r5", "openssl"],
        ["bare", "0", "bare"],
      ],
    );
    assert.equal(packages[0]!.arch, "x86_64");
    assert.deepEqual(distribution && { ...distribution, path: "" }, {
      id: "alpine",
      name: "Alpine Linux",
      version: "3.19.1",
      branch: "v3.19",
      path: "",
    });
    if (!name.startsWith("trivy")) assert.equal(digest, inventory.image!.digest);
  });

  if (name === "apko") continue;
  test(`${name}: dependencies and packages of other ecosystems are read`, () => {
    const { packages, others, unjudged } = parse(text);
    assert.deepEqual(packages[0]!.dependsOn, ["busybox", "libcrypto3"]);
    assert.deepEqual(unjudged, [{ ecosystem: "npm", count: 1 }]);
    assert.equal(others[0]!.name, "left-pad");
    assert.equal(packages[1]!.license, "GPL-2.0-only");
    assert.equal(packages[1]!.maintainer, "Sören Tempel <soeren+alpine@soeren-tempel.net>");
  });
}

test("tools are named with their versions", () => {
  const tools = Object.values(shapes).map((text) => parse(text).tool);
  assert.deepEqual(tools, [
    ...Array.from({ length: 3 }, () => "syft 1.20.0"),
    ...Array.from({ length: 3 }, () => "trivy 0.58.0"),
    "apko v0.22.0",
  ]);
});

test("the layer of a package is taken from those who know it", () => {
  for (const name of ["trivy", "trivy as cyclonedx", "trivy as spdx", "syft"])
    assert.deepEqual(
      parse(shapes[name]!).packages.map(({ layer }) => layer),
      [0, 0, 0, 0],
      name,
    );
  const syft = JSON.parse(shapes["syft"]!) as { source: { metadata: { layers: object[] } } };
  syft.source.metadata.layers.unshift({ digest: `sha256:${"0".repeat(64)}` });
  // The database stands in the highest layer, wherever its packages came from.
  assert.deepEqual(new Set(parse(syft).packages.map(({ layer }) => layer)), new Set([undefined]));
});

function cycloneDx(purl: string, more: object = {}): object {
  const component = { type: "library", name: "libstdc++", version: "13.2.1_git20231014-r0", purl };
  return { bomFormat: "CycloneDX", specVersion: "1.4", components: [component], ...more };
}

test("releases are read from the purls of other tools", () => {
  const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ["pkg:apk/alpine/libstdc%2B%2B@13?arch=x86_64&distro=alpine-3.19.1", "alpine", "v3.19"],
    ["pkg:apk/alpine/libstdc++@13?distro=3.19.1", "alpine", "v3.19"],
    ["pkg:apk/alpine/libstdc%2b%2b@13?os_name=alpine&os_version=3.19.1", "alpine", "v3.19"],
    ["pkg:alpine/libstdc++@13?arch=x86_64&distro=alpine-edge", "alpine", "edge"],
    ["pkg:apk/wolfi/libstdc++@13?distro=wolfi-20230201", "wolfi", undefined],
    ["pkg:apk/chainguard/libstdc++@13", "chainguard", undefined],
    ["pkg:apk/libstdc++@13", undefined, undefined],
  ];
  for (const [purl, id, branch] of cases) {
    const { distribution, packages } = parse(cycloneDx(purl));
    assert.equal(packages.length, 1, purl);
    assert.equal(packages[0]!.name, "libstdc++");
    assert.equal(distribution?.id, id, purl);
    assert.equal(distribution?.branch, branch, purl);
  }
});

test("where packages are of several releases, that of most counts and it is said", () => {
  const component = (name: string, release: string) => ({
    name,
    type: "library",
    purl: `pkg:apk/alpine/${name}@1?distro=alpine-${release}`,
  });
  const components = [component("a", "3.18.0"), component("b", "3.19.1"), component("c", "3.19.1")];
  const { distribution, problems } = parse({ bomFormat: "CycloneDX", components });
  assert.equal(distribution?.version, "3.19.1");
  assert.match(problems.join(), /2 releases/);
});

test("an operating system without a version takes that of the purls", () => {
  const { distribution } = parse(
    cycloneDx("", {
      components: [
        { type: "operating-system", name: "alpine" },
        { type: "library", name: "a", purl: "pkg:apk/alpine/a@1?distro=3.18.2" },
      ],
    }),
  );
  assert.equal(distribution?.branch, "v3.18");
});

test("envelopes are unwrapped, and it is said that their signature was not checked", () => {
  const predicate = JSON.parse(writeCycloneDx(inventory, options)) as object;
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    predicateType: "https://cyclonedx.org/bom",
    subject: [],
  };
  const envelope = (held: object) => ({
    payloadType: "application/vnd.in-toto+json",
    payload: Buffer.from(JSON.stringify(held)).toString("base64"),
    signatures: [{ sig: "AAAA" }],
  });
  const forms: readonly object[] = [
    { ...statement, predicate },
    { ...statement, predicate: { Data: predicate } },
    { ...statement, predicate: { Data: JSON.stringify(predicate), Timestamp: "" } },
    { ...statement, predicate: JSON.stringify(predicate) },
    envelope({ ...statement, predicate }),
    { mediaType: "bundle", dsseEnvelope: envelope({ ...statement, predicate }) },
  ];
  for (const form of forms) {
    assert.ok(looksLikeSbom(encodeText(JSON.stringify(form))));
    const { packages, problems } = parse(form);
    assert.equal(packages.length, 4);
    assert.equal(problems.length, JSON.stringify(form).includes("payload") ? 1 : 0);
  }
});

test("a package twice is one, and cycles of dependencies are fine", () => {
  const purl = "pkg:apk/alpine/a@1?arch=x86_64";
  const { packages } = parse({
    bomFormat: "CycloneDX",
    components: [
      { type: "library", name: "a", "bom-ref": "1", purl, components: [{ name: "a", purl }] },
      { type: "library", name: "b", "bom-ref": "2", purl: "pkg:apk/alpine/b@1" },
    ],
    dependencies: [
      { ref: "1", dependsOn: ["2", "1", "gone"] },
      { ref: "2", dependsOn: ["1"] },
    ],
  });
  assert.deepEqual(
    packages.map(({ name, dependsOn }) => [name, dependsOn]),
    [
      ["a", ["a", "b"]],
      ["b", ["a"]],
    ],
  );
});

test("what an apk package has is judged with it", () => {
  const { unjudged, others } = parse({
    artifacts: [
      {
        id: "1",
        name: "py3-pip",
        version: "1-r0",
        type: "apk",
        purl: "pkg:apk/alpine/py3-pip@1-r0",
      },
      { id: "2", name: "pip", version: "1", type: "python", purl: "pkg:pypi/pip@1" },
      { id: "3", name: "six", version: "1", type: "python", purl: "pkg:pypi/six@1" },
    ],
    artifactRelationships: [{ parent: "1", child: "2", type: "ownership-by-file-overlap" }],
    descriptor: { name: "syft" },
  });
  assert.deepEqual(unjudged, [{ ecosystem: "pypi", count: 1 }]);
  assert.equal(others[0]!.owner, "py3-pip");
});

test("a report of Trivy without packages says how to get them", () => {
  const { problems } = parse({ SchemaVersion: 2, Results: [{ Class: "os-pkgs", Type: "alpine" }] });
  assert.match(problems.join(), /--list-all-pkgs/);
});

test("names of prototypes are names like others", () => {
  const text = `{"bomFormat":"CycloneDX","__proto__":{"components":[{"name":"x","purl":"pkg:apk/a/x@1"}]},
    "components":[{"name":"__proto__","version":"1","purl":"pkg:apk/alpine/__proto__@1?__proto__=3&constructor=4",
    "properties":[{"name":"__proto__","value":"1"}]}]}`;
  const { packages } = parse(text);
  assert.deepEqual(
    packages.map(({ name }) => name),
    ["__proto__"],
  );
  assert.equal(({} as Record<string, unknown>)["components"], undefined);
});

test("what is no bill of materials is refused, and what has another form is explained", () => {
  const isRefused = (text: string) =>
    assert.throws(
      () => parse(text),
      (error) => error instanceof BivyError && error.code === "sbom-invalid" && error.hint !== "",
      text,
    );
  for (const text of ["", "[]", "null", "{}", '{"a":1}', "{", '{"predicateType":"x"}', "\xff"])
    isRefused(text);
  for (const text of ["SPDXVersion: SPDX-2.3\n", '<?xml version="1.0"?>\n<bom xmlns="x">']) {
    assert.ok(looksLikeSbom(encodeText(text)));
    isRefused(text);
  }
  assert.ok(!looksLikeSbom(encodeText('{"schemaVersion":2,"manifests":[]}')));
  assert.ok(!looksLikeSbom(Uint8Array.of(0x1f, 0x8b, 8)));
});

test("a document that is larger than its limit is not parsed", () => {
  const limits = { ...defaultLimits, "sbom-size": 8 };
  assert.throws(
    () => parseSbom(encodeText("{".repeat(9)), { subject, limits }),
    (error) => error instanceof BivyError && error.code === "limit-exceeded",
  );
});

const small = [
  ...Object.values(shapes),
  writeCycloneDx(inventory, options),
  writeSpdx(inventory, options),
];
const junk = fc.oneof(
  fc.constantFrom("", "__proto__", "pkg:apk/a/b@1", `sha256:${"0".repeat(64)}`, "-1", "1e99", "%"),
  fc.string(),
  fc.integer(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
);

/** Puts something else at one of the places of a JSON value. */
function mutate(value: unknown, place: number, other: unknown): unknown {
  let left = place;
  const visit = (each: unknown): unknown => {
    if (left-- === 0) return other;
    if (Array.isArray(each)) return each.map(visit);
    if (typeof each !== "object" || each === null) return each;
    return Object.fromEntries(Object.entries(each).map(([name, held]) => [name, visit(held)]));
  };
  return visit(value);
}

function readsOrRefuses(bytes: Uint8Array): void {
  looksLikeSbom(bytes);
  try {
    const { packages } = parseSbom(bytes, { subject });
    for (const each of packages) assert.ok(each.name !== "" && each.origin !== "");
  } catch (error) {
    assert.ok(error instanceof BivyError, String(error));
  }
}

test("whatever a document holds, it is read or refused", () => {
  const values = small.map((text) => JSON.parse(text) as unknown);
  const changed = fc.property(
    fc.constantFrom(...values),
    fc.array(fc.tuple(fc.nat(600), junk), { minLength: 1, maxLength: 4 }),
    (value, changes) => {
      const text = JSON.stringify(
        changes.reduce((now, [at, other]) => mutate(now, at, other), value),
      );
      readsOrRefuses(encodeText(text));
    },
  );
  fc.assert(changed, { numRuns: 8000 });
  const cutOrFlipped = fc.property(
    fc.constantFrom(...small.map(encodeText)),
    fc.nat(),
    fc.nat(255),
    fc.boolean(),
    (bytes, place, byte, cuts) => {
      const at = place % bytes.byteLength;
      const copy = cuts ? bytes.subarray(0, at) : Uint8Array.from(bytes);
      if (!cuts) copy[at] = byte;
      readsOrRefuses(copy);
    },
  );
  fc.assert(cutOrFlipped, { numRuns: 2000 });
});
