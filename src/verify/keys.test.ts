import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../../test/root-installation.ts";
import {
  makeRepository,
  sampleKey,
  writeRepository,
  type SamplePackage,
} from "../../test/signed-repository.ts";
import { builtInKeys, keyToPem, parseKey, repositoryAt } from "../apk/index.ts";
import { findingsOf, installedRoot, verifyRoot, writeText } from "./sample-inventory.test.ts";

const [alpine] = builtInKeys("x86_64");
const pemOf = (name: string) => sampleKey(name).publicPem;

const world: readonly SamplePackage[] = [
  {
    name: "keys",
    files: {
      "etc/apk/keys/packaged.rsa.pub": pemOf("packaged.rsa.pub"),
      "usr/share/apk/keys/kept.rsa.pub": pemOf("packaged.rsa.pub"),
    },
  },
];

test("whose the keys of an image are", async (context) => {
  const root = await installedRoot(world);
  const put = (name: string, text: string) => writeText(root, `etc/apk/keys/${name}`, text);
  await put(alpine!.name, keyToPem(alpine!));
  await put("renamed.rsa.pub", keyToPem(alpine!));
  await put(builtInKeys("aarch64")[0]!.name, pemOf("impostor"));
  await put(builtInKeys("armv7")[0]!.name, "no key at all");
  await put("unknown.rsa.pub", pemOf("unknown.rsa.pub"));
  await put("named.rsa.pub", pemOf("named.rsa.pub"));
  await put("note.txt", "no key at all");
  const folder = writeRepository(temporaryFolder(context), makeRepository(world));
  const keys = ["named.rsa.pub", sampleKey().key.name].map((name) => parseKey(name, pemOf(name)));
  const proving = { repositories: [repositoryAt(folder)], keys };
  const states = async (sources: typeof proving | Pick<typeof proving, "keys">) => {
    const report = await verifyRoot(root, sources);
    const found = report.keys.map(({ name, state }) => [name, state]);
    return { keys: Object.fromEntries(found) as Record<string, string>, report };
  };
  const expected = {
    [alpine!.name]: "alpine",
    "renamed.rsa.pub": "alpine",
    [builtInKeys("aarch64")[0]!.name]: "impostor",
    [builtInKeys("armv7")[0]!.name]: "impostor",
    "unknown.rsa.pub": "unknown",
    "named.rsa.pub": "named",
    "note.txt": "unreadable",
    "packaged.rsa.pub": "packaged",
    "kept.rsa.pub": "packaged",
  };
  const proven = await states(proving);
  assert.deepEqual(proven.keys, expected);
  const impostors = ["aarch64", "armv7"].map(
    (arch) => `etc/apk/keys/${builtInKeys(arch)[0]!.name}`,
  );
  assert.deepEqual(
    findingsOf(proven.report).filter((line) => /key /.test(line)),
    [
      ...impostors.toSorted().map((path) => `impostor-key ${path}`),
      "unknown-key etc/apk/keys/unknown.rsa.pub",
    ],
  );
  // Keys that nobody proves are files that nobody proves; the others are accounted for.
  const fileStates = Object.fromEntries(
    proven.report.files
      .filter(({ path, kind }) => path.startsWith("etc/apk/keys/") && kind === "file")
      .map(({ path, state }) => [path.slice("etc/apk/keys/".length), state]),
  );
  assert.equal(fileStates[alpine!.name], "generated");
  assert.equal(fileStates["named.rsa.pub"], "generated");
  assert.equal(fileStates["packaged.rsa.pub"], "packaged");
  assert.equal(fileStates["unknown.rsa.pub"], "unowned");
  // Nothing proves the package: then nothing proves its keys. One that is only kept is no danger.
  const unproven = await states({ keys });
  assert.equal(unproven.keys["packaged.rsa.pub"], "unknown");
  assert.ok(findingsOf(unproven.report).includes("unknown-key etc/apk/keys/packaged.rsa.pub"));
  assert.ok(!findingsOf(unproven.report).includes("unknown-key usr/share/apk/keys/kept.rsa.pub"));
});
