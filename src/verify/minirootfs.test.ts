/** Alpine's own roots and images: every file is accounted for, and what is done to one is found, and nothing else. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import {
  openRealAlpine,
  readMinirootfs,
  withFixtures,
  withRealApk,
} from "../../test/alpine-fixtures.ts";
import { bytesContent, collectBytes, defaultLimits } from "../base/index.ts";
import { readInventory } from "../inventory/index.ts";
import { openArchive, type LocatedImage } from "../oci/index.ts";
import { walkTree, type TreeRoot } from "../tree/index.ts";
import { keepsDocuments } from "./documents.ts";
import { gatherEvidence } from "./evidence.ts";
import { findingsOf, localAccess, plainFile, verifyRoot } from "./sample-inventory.test.ts";
import type { VerifyReport } from "./report.ts";
import { verifyInventory } from "./verify.ts";

const fixtures = fileURLToPath(new URL("../../../shared/fixtures/", import.meta.url));
const minirootfs = (version: string) =>
  join(fixtures, "minirootfs", `alpine-minirootfs-${version}-x86_64.tar.gz`);

async function verifyLocated(located: LocatedImage): Promise<VerifyReport> {
  const inventory = await readInventory(located, {
    checksums: ["sha1"],
    keeps: keepsDocuments(),
  });
  const report = verifyInventory(inventory, await gatherEvidence(inventory, {}, localAccess));
  const paths = [...walkTree(inventory.tree.top)].map(({ path }) => path);
  assert.deepEqual(
    report.files.map(({ path }) => path),
    paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    "every path has one state",
  );
  return report;
}

async function imageIn(name: string): Promise<LocatedImage> {
  return { kind: "image", image: await (await openArchive(join(fixtures, "images", name))).open() };
}

interface Expected {
  readonly open: () => Promise<LocatedImage>;
  readonly packaged: number;
  readonly links: number;
  readonly alpine: number;
  readonly apk: number;
  readonly keys: number;
  readonly repositories: readonly string[];
}

const repositories = (scheme: string, branch: string) =>
  ["main", "community"].map(
    (name) => `${scheme}://dl-cdn.alpinelinux.org/alpine/${branch}/${name}`,
  );

/** Counted by comparing each root with its own database by hand. */
const roots: Readonly<Record<string, Expected>> = {
  "minirootfs 3.10.9": {
    open: async () => ({ kind: "root-archive", path: minirootfs("3.10.9") }),
    packaged: 162,
    links: 306,
    alpine: 3,
    apk: 10,
    keys: 10,
    repositories: repositories("http", "v3.10"),
  },
  "minirootfs 3.19.4": {
    open: async () => ({ kind: "root-archive", path: minirootfs("3.19.4") }),
    packaged: 209,
    links: 303,
    alpine: 5,
    apk: 8,
    keys: 22,
    repositories: repositories("https", "v3.19"),
  },
  "image 3.10.4": {
    open: () => imageIn("alpine-310.tar.gz"),
    packaged: 162,
    links: 306,
    alpine: 3,
    apk: 10,
    keys: 10,
    repositories: repositories("http", "v3.10"),
  },
  "image 3.11.5": {
    open: () => imageIn("alpine-311.tar.gz"),
    packaged: 167,
    links: 307,
    alpine: 3,
    apk: 10,
    keys: 10,
    repositories: repositories("http", "v3.11"),
  },
};

for (const [name, expected] of Object.entries(roots))
  test(`${name}: every file is accounted for`, withFixtures, async () => {
    const report = await verifyLocated(await expected.open());
    const count = (state: string, maker?: string) =>
      report.files.filter((file) => file.state === state && file.maker === maker).length;
    assert.deepEqual(
      {
        packaged: count("packaged"),
        links: count("generated", "busybox"),
        alpine: count("generated", "alpine"),
        apk: count("generated", "apk"),
        changed: count("changed"),
      },
      {
        packaged: expected.packaged,
        links: expected.links,
        alpine: expected.alpine,
        apk: expected.apk,
        changed: 1,
      },
    );
    const { packaged, links, alpine, apk } = expected;
    assert.equal(report.files.length, packaged + links + alpine + apk + 1);
    const changed = report.files.find(({ state }) => state === "changed");
    assert.equal(changed?.path, "etc/shadow");
    assert.deepEqual(changed.explanation, {
      text: "root cannot log in with a password, as in Alpine's own images; else as packaged",
      harmless: true,
    });
    const plain = expected.repositories.filter((url) => url.startsWith("http:"));
    assert.deepEqual(
      findingsOf(report),
      plain.map((url) => `plain-http ${url}`),
    );
    assert.deepEqual(
      report.repositories.map(({ url, kind }) => [url, kind]),
      expected.repositories.map((url) => [url, "alpine"]),
    );
    assert.deepEqual(
      report.keys.map(({ state }) => state),
      Array(expected.keys).fill("alpine"),
    );
    assert.deepEqual(report.notes, []);
    assert.deepEqual(report.special, []);
    assert.ok(report.packages.every(({ state }) => state === "unproven"));
  });

/** What is found more than usual while one bit of a file is another. */
async function findingsOfFlip(
  root: TreeRoot,
  usual: readonly string[],
  path: string,
  at: number,
): Promise<string[]> {
  const file = root.lookup(path);
  assert.equal(file?.kind, "file");
  const bytes = await collectBytes(file.content.chunks(), 1 << 30, () => new Error(path));
  const changed = Uint8Array.from(bytes);
  changed[at % changed.byteLength]! ^= 0x10;
  await root.writeFile(path, file, bytesContent(changed));
  const found = findingsOf(await verifyRoot(root)).filter((line) => !usual.includes(line));
  await root.writeFile(path, file, bytesContent(bytes));
  return found;
}

for (const version of ["3.10.9", "3.19.4"] as const)
  test(
    `minirootfs ${version}: one flipped bit is found, and nothing else`,
    withFixtures,
    async () => {
      const root = await readMinirootfs(version);
      const untouched = await verifyRoot(root);
      const usual = findingsOf(untouched);
      const files = untouched.files.filter(
        ({ kind, state, size }) => kind === "file" && state === "packaged" && size! > 0,
      );
      const busybox = files.findIndex(({ path }) => path === "bin/busybox");
      await fc.assert(
        fc.asyncProperty(fc.nat(files.length - 1), fc.nat(), async (which, at) => {
          const { path } = files[which]!;
          const found = await findingsOfFlip(root, usual, path, at);
          const isKey = path.startsWith("etc/apk/keys/");
          // A key that apk trusts is also one that nobody knows any more.
          assert.deepEqual(
            found.filter((line) => !isKey || !line.includes("-key ")),
            [`changed ${path}`],
          );
        }),
        // In the middle of the names of the applets.
        { numRuns: 6, examples: [[busybox, version === "3.10.9" ? 720_990 : 761_690]] },
      );
      // What Alpine made without a package is held to its text.
      for (const path of ["etc/issue", "etc/alpine-release", "etc/os-release"]) {
        const found = await findingsOfFlip(root, usual, path, 0);
        assert.ok(found.includes(`unowned ${path}`), path);
      }
      assert.deepEqual(await findingsOfFlip(root, usual, "etc/shadow", 0), ["changed etc/shadow"]);
    },
  );

test("a minirootfs: files that are added or removed are found", withFixtures, async () => {
  const root = await readMinirootfs("3.19.4");
  await root.writeFile("usr/bin/added", plainFile, bytesContent(new Uint8Array(1)));
  root.makeSymlink("usr/bin/added-link", "/bin/busybox", plainFile);
  root.remove("lib/libz.so.1");
  root.remove("sbin/ldconfig");
  root.remove("bin/cat");
  const report = await verifyRoot(root);
  assert.deepEqual(findingsOf(report), [
    "missing lib/libz.so.1",
    "missing sbin/ldconfig",
    "unowned usr/bin/added",
    "unowned usr/bin/added-link",
  ]);
  assert.deepEqual(report.notes, ["BusyBox has applets without a link: bin/cat."]);
});

/** `letter path` of each line that apk prints, with folders' slashes taken away. */
function auditLines(output: string): string[] {
  return [...output.matchAll(/^([A-Za-z]) (.+?)\/?$/gm)].map(
    ([, letter, path]) => `${letter} ${path}`,
  );
}

test("apk's own audit finds the same", withRealApk, async (context) => {
  const { folder, run } = openRealAlpine(context);
  const audited = join(folder, "audited");
  mkdirSync(audited);
  for (const name of ["bin", "etc", "home", "lib", "opt", "sbin", "usr", "var"])
    cpSync(join(folder, name), join(audited, name), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(audited, "lib/libssl.so.3"), "other");
  writeFileSync(join(audited, "usr/bin/added"), "x");
  writeFileSync(join(audited, "etc/motd"), "x");
  rmSync(join(audited, "sbin/ldconfig"));
  const audit = ["--backup", "--full"].flatMap((mode) =>
    auditLines(run("/sbin/apk", "--root", "/audited", "audit", mode).output),
  );
  const inventory = await readInventory(
    { kind: "root", path: audited },
    { checksums: ["sha1"], limits: defaultLimits },
  );
  const { files } = verifyInventory(inventory, await gatherEvidence(inventory, {}, localAccess));
  const kindOf = new Map(files.map(({ path, state }) => [path, state]));
  const pathsOf = (letter: string) =>
    [...new Set(audit.filter((line) => line.startsWith(`${letter} `)))]
      .map((line) => line.slice(2))
      .sort();
  const changed = files.filter(({ state, kind }) => state === "changed" && kind === "file");
  assert.deepEqual(pathsOf("U"), changed.map(({ path }) => path).sort());
  assert.deepEqual(pathsOf("U"), ["etc/motd", "etc/shadow", "lib/libssl.so.3"]);
  const missing = files.filter(
    ({ state, kind, path }) =>
      state === "missing" && kind === undefined && /^(?:sbin|lib|bin)\//.test(path),
  );
  assert.deepEqual(pathsOf("X"), missing.map(({ path }) => path).sort());
  for (const path of [...pathsOf("A"), ...pathsOf("D")])
    // apk counts its own keys among what was added, though a package has them.
    assert.ok(
      ["generated", "unowned"].includes(kindOf.get(path)!) || path.startsWith("etc/apk/keys/"),
      path,
    );
  assert.ok(pathsOf("A").length > 300);
});
