import assert from "node:assert/strict";
import { test } from "node:test";
import { readFixture, readMinirootfs, withFixtures } from "../../test/alpine-fixtures.ts";
import { packEntries } from "../../test/package-parts.ts";
import { refuses } from "../../test/refusals.ts";
import { gzipBytes, tarEntries } from "../archive/index.ts";
import {
  bytesContent,
  concatBytes,
  defaultLimits as limits,
  encodeText,
  hashHex,
} from "../base/index.ts";
import { TreeRoot } from "../tree/index.ts";
import { identityKey } from "./identity.ts";
import { createInstalled, parseInstalled } from "./installed.ts";
import { createPackage } from "./package.ts";
import type { ScriptKind } from "./package-file.ts";
import { formatScripts, readScripts } from "./script-archive.ts";

const place = "db";

async function treeWith(name: string, bytes: Uint8Array): Promise<TreeRoot> {
  const root = new TreeRoot();
  root.makeDirectory(place, { mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  await root.writeFile(
    `${place}/${name}`,
    { mode: 0o644, uid: 0, gid: 0, mtime: 0 },
    bytesContent(bytes),
  );
  return root;
}

const one = createInstalled(
  createPackage({
    name: "one",
    version: "1.0-r0",
    identity: `Q1${"a".repeat(26)}A=`,
    buildTime: 1_700_000_000,
  }),
);
const long = createInstalled(
  createPackage({ name: "l".repeat(90), version: "1", identity: `Q1${"b".repeat(26)}A=` }),
);

test("scripts survive being written and read, plain and packed", async () => {
  const scripts = new Map<string, Map<ScriptKind, Uint8Array>>([
    [
      one.identity,
      new Map([
        ["trigger", encodeText("t")],
        ["pre-install", encodeText("#!/bin/sh\n".repeat(100))],
      ]),
    ],
    [long.identity, new Map([["post-upgrade", encodeText("")]])],
  ]);
  const bytes = formatScripts([long, one], scripts);
  const headers = [...tarEntries(bytes, { subject: "t" })].map(({ header }) => header);
  assert.deepEqual(
    headers.map(({ path, mode, mtime, userName }) => [path, mode, mtime, userName]),
    [
      [`${"l".repeat(90)}-1.${long.identity}.post-upgrade`, 0o755, 0, "root"],
      [`one-1.0-r0.${one.identity}.pre-install`, 0o755, 1_700_000_000, "root"],
      [`one-1.0-r0.${one.identity}.trigger`, 0o755, 1_700_000_000, "root"],
    ],
  );
  const plain = await treeWith("scripts.tar", bytes);
  const packed = await treeWith("scripts.tar.gz", gzipBytes(bytes));
  for (const root of [plain, packed]) {
    const found = await readScripts(root, place, limits);
    assert.deepEqual([...found.keys()].sort(), [one.identity, long.identity].sort());
    assert.deepEqual(formatScripts([long, one], found), bytes);
  }
});

test("without an archive there are no scripts", async () => {
  assert.equal((await readScripts(new TreeRoot(), place, limits)).size, 0);
});

test("other entries are passed over; identities are read in all their forms", async () => {
  const hex = "00112233445566778899aabbccddeeff00112233";
  const bytes = packEntries(
    [
      `a-1.X1${hex}.post-install`,
      "b-1.Q1nothing.post-install",
      `c-1.X1${hex}.no-such-kind`,
      `d-1.${hex}.trigger`,
      "README",
    ].map((path) => ({ path, text: path })),
  );
  const found = await readScripts(await treeWith("scripts.tar", bytes), place, limits);
  const key = identityKey(`X1${hex}`);
  assert.match(key, /^Q1/);
  assert.deepEqual([...found.get(key)!.keys()], ["post-install"]);
  assert.equal(found.size, 2);
});

test("a damaged archive, or one that is too large, is refused by name", async () => {
  const damaged = await treeWith("scripts.tar", Buffer.alloc(1024, "x"));
  await refuses(() => readScripts(damaged, place, limits), {
    code: "tar-invalid",
    message: "db/scripts.tar",
    hint: "",
  });
  const large = packEntries([{ path: "x", text: Buffer.alloc(5000) }]);
  for (const root of [
    await treeWith("scripts.tar", large),
    await treeWith("scripts.tar.gz", gzipBytes(large)),
  ])
    await refuses(() => readScripts(root, place, { ...limits, "control-size": 4000 }), {
      code: "limit-exceeded",
      message: "db/scripts.tar: exceeds the limit",
      hint: "--limit",
    });
});

test("real archives are written as they were", withFixtures, async () => {
  const minirootfs = await readMinirootfs("3.19.4");
  const installed = minirootfs.lookup("lib/apk/db/installed");
  const archive = minirootfs.lookup("lib/apk/db/scripts.tar");
  assert.ok(installed?.kind === "file" && archive?.kind === "file");
  const read = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return concatBytes(parts);
  };
  const expected = await read(archive.content.chunks());
  const scripts = await readScripts(minirootfs, "lib/apk/db", limits);
  const packages = parseInstalled(await read(installed.content.chunks()), { subject: "installed" });
  // apk keeps the scripts in the order of installation, the packages in that of their names.
  const labels = [...tarEntries(expected, { subject: "t" })].map(({ header }) => header.path);
  const rank = (name: string) => labels.findIndex((label) => label.startsWith(`${name}.`));
  const ordered = packages
    .filter(({ identity }) => scripts.has(identity))
    .sort((a, b) => rank(`${a.name}-${a.version}`) - rank(`${b.name}-${b.version}`));
  const written = formatScripts(ordered, scripts);
  assert.deepEqual(
    [...tarEntries(written, { subject: "t" })].map(({ header }) => header),
    [...tarEntries(expected, { subject: "t" })].map(({ header }) => header),
  );
  assert.equal(hashHex("sha1", written), hashHex("sha1", expected));
  const wolfi = await treeWith("scripts.tar", readFixture("apk/root/usr/lib/apk/db/scripts.tar"));
  assert.ok((await readScripts(wolfi, place, limits)).size > 0);
});
