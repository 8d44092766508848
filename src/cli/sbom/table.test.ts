import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { SbomContents, SbomPackage } from "../../sbom/index.ts";
import { formatContents, type FoundFiles } from "./table.ts";

const nothing: SbomContents = {
  name: "app",
  packages: [],
  layers: [],
  repositories: [],
  labels: new Map(),
  others: [],
};

function linesOf(contents: Partial<SbomContents>, found?: FoundFiles): string[] {
  return formatContents({ ...nothing, ...contents }, "app", found).split("\n");
}

test("long names give way so that version and licence can still be read", () => {
  const each: SbomPackage = {
    name: "ca-certificates-cacert",
    version: "20190108-r0",
    origin: "ca-certificates",
    layer: 0,
    inWorld: false,
    path: ["apk-tools-of-some-kind", "ca-certificates-cacert"],
    repository: { branch: "v3.10", name: "community", evidence: "only-branch" },
    license: "MPL-2.0 GPL-2.0-or-later",
  };
  const lines = linesOf({ packages: [each] });
  assert.deepEqual(lines.slice(-2), [
    "PACKAGE          ORIGIN        LAYER  REPOSITORY       WHY            LICENSE",
    "ca-cert…0108-r0  ca-certific…      1  v3.10/community  apk-tools-of…  MPL-2.0 G…",
  ]);
});

const text = fc.stringMatching(/^[a-z0-9 /.+-]{1,60}$/);
const anyPackage = fc.record(
  {
    name: text,
    version: text,
    origin: text,
    layer: fc.nat(127),
    tag: text,
    license: text,
    inWorld: fc.boolean(),
    path: fc.array(text, { maxLength: 3 }),
    repository: fc.record({ branch: text, name: text, evidence: fc.constant("index" as const) }),
  },
  { requiredKeys: ["name", "version", "origin"] },
);
const anyComponent = fc.record(
  {
    ecosystem: text,
    name: text,
    version: text,
    purl: text,
    path: text,
    owner: text,
    license: text,
  },
  { requiredKeys: ["ecosystem", "name", "version", "purl"] },
);
const anyFound = fc.record({
  staticBinaries: fc.array(fc.record({ path: text, owner: text, layer: fc.nat(127) })),
  unowned: fc.array(fc.record({ path: text, size: fc.nat(), layer: fc.nat(127) })).map((files) => ({
    count: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    files,
  })),
});

test("property: whatever is listed, lines have 80 columns", () => {
  const packages = fc.array(anyPackage, { maxLength: 5 });
  const others = fc.array(anyComponent, { maxLength: 5 });
  fc.assert(
    fc.property(packages, others, anyFound, (listed, more, found) => {
      for (const line of linesOf({ packages: listed, others: more }, found))
        assert.ok([...line].length <= 80, line);
    }),
  );
});
