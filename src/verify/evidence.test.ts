import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { temporaryFolder } from "../../test/root-installation.ts";
import {
  makeRepository,
  packSample,
  sampleKey,
  writeRepository,
  type SamplePackage,
} from "../../test/signed-repository.ts";
import { refuses } from "../../test/refusals.ts";
import { formatChecksum, parseKey, repositoryAt, type Key } from "../apk/index.ts";
import { encodeText, hashBytes } from "../base/index.ts";
import type { TreeRoot } from "../tree/index.ts";
import type { EvidenceSources } from "./evidence.ts";
import {
  editDatabase,
  findingsOf,
  installedRoot,
  plainFile,
  readText,
  verifyRoot,
  writeText,
} from "./sample-inventory.test.ts";

const note = new Map([["user.note", new Uint8Array(20)]]);

const world: readonly SamplePackage[] = [
  { name: "base", files: { "etc/base.conf": "base\n", "bin/tool": { mode: 0o755, text: "tool" } } },
  {
    name: "app",
    replaces: ["base"],
    files: {
      "usr/bin/app": { mode: 0o755, text: "application\n" },
      "usr/bin/app.hard": { type: "hardlink", linkPath: "usr/bin/app" },
      "usr/bin/app.link": { type: "symlink", linkPath: "app" },
      "usr/bin/server": { mode: 0o755, text: "server\n", xattrs: note, userName: "app" },
      "bin/tool": { mode: 0o755, text: "app's tool" },
    },
    scripts: { "post-install": "#!/bin/sh\necho app\n", trigger: "#!/bin/sh\n" },
    triggers: ["/usr/bin"],
  },
  { name: "empty" },
];

const key = (name?: string): Key => parseKey(sampleKey(name).key.name, sampleKey(name).publicPem);

interface Sample {
  readonly root: TreeRoot;
  /** The repository, named by the user, with its key. */
  readonly named: EvidenceSources;
  readonly folder: string;
}

async function openSample(
  context: TestContext,
  samples: readonly SamplePackage[] = world,
): Promise<Sample> {
  const folder = writeRepository(temporaryFolder(context), makeRepository(samples));
  const root = await installedRoot(world);
  return { root, folder, named: { repositories: [repositoryAt(folder)], keys: [key()] } };
}

async function statesOf(root: TreeRoot, sources: EvidenceSources): Promise<Record<string, string>> {
  const { packages } = await verifyRoot(root, sources);
  return Object.fromEntries(packages.map(({ name, state }) => [name, state]));
}

const all = (state: string) => ({ app: state, base: state, empty: state });

test("packages are proven by the index of a repository", async (context) => {
  const { root, named, folder } = await openSample(context);
  const report = await verifyRoot(root, named);
  assert.deepEqual(
    report.packages.map(({ name, state, proof }) => [name, state, proof]),
    ["app", "base", "empty"].map((name) => [
      name,
      "proven",
      { by: "index", subject: `${folder}/x86_64/APKINDEX.tar.gz`, key: "sample.rsa.pub" },
    ]),
  );
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.repositories[0]?.indexes, [
    {
      location: `${folder}/x86_64/APKINDEX.tar.gz`,
      arch: "x86_64",
      packages: 3,
      key: "sample.rsa.pub",
    },
  ]);
});

test("another build, a newer version and a name that is not there are told apart", async (context) => {
  const others: readonly SamplePackage[] = [
    { ...world[0]!, built: 1 },
    { ...world[1]!, version: "1.0-r1" },
    { name: "something" },
  ];
  const { root, named } = await openSample(context, others);
  assert.deepEqual(await statesOf(root, named), {
    base: "replaced",
    app: "outdated",
    empty: "unknown",
  });
});

test("a signature counts only by a key that the user named", async (context) => {
  const { root, named, folder } = await openSample(context);
  const repositories = named.repositories!;
  await refuses(() => verifyRoot(root, { repositories }), {
    code: "key-unknown",
    message: /sample\.rsa\.pub/,
    hint: /owner/,
  });
  await refuses(() => verifyRoot(root, { repositories, keys: [key("other.rsa.pub")] }), {
    code: "key-unknown",
    message: /sample\.rsa\.pub/,
    hint: /owner/,
  });
  // The image says that it trusts the key: that is what an impostor would say, too.
  root.makeDirectory("etc/apk/keys", { ...plainFile, mode: 0o755 });
  await writeText(root, "etc/apk/keys/sample.rsa.pub", sampleKey().publicPem);
  await refuses(() => verifyRoot(root, { repositories }), {
    code: "key-unknown",
    message: /sample\.rsa\.pub/,
    hint: /owner/,
  });
  assert.deepEqual(await statesOf(root, { repositories, trustImageKeys: true }), all("proven"));
  const missing = { ...named, repositories: [repositoryAt(join(folder, "none"))] };
  await refuses(() => verifyRoot(root, missing), {
    code: "file-not-found",
    message: /none\/x86_64\/APKINDEX\.tar\.gz/,
    hint: /path/,
  });
});

test("repositories that only the image names may fail, and say why", async (context) => {
  const { root, folder } = await openSample(context);
  const lines = [folder, "https://dl-cdn.alpinelinux.org/alpine/v3.20/main", "http://192.0.2.1/x"];
  await writeText(root, "etc/apk/repositories", lines.join("\n"));
  const report = await verifyRoot(root);
  assert.deepEqual(
    report.repositories.map(({ url, kind, transport, named }) => [url, kind, transport, named]),
    [
      [folder, "image", "file", "by-image"],
      [lines[1], "alpine", "https", "by-image"],
      [lines[2], "other", "http", "by-image"],
    ],
  );
  const [local, alpine] = report.repositories.map(({ indexes }) => indexes[0]?.failure);
  // It is there on this machine, and means another folder.
  assert.match(local!, /inside the image/);
  assert.match(alpine!, /\[offline\]/);
  assert.deepEqual(
    findingsOf(report),
    [folder, lines[2]].map((url) => `foreign-repository ${url}`).concat(`plain-http ${lines[2]}`),
  );
  const asked = await verifyRoot(root, { packageFolders: [folder], keys: [key()] });
  assert.ok(asked.repositories.every(({ indexes }) => indexes.length === 0));
});

test("what the image says about its architecture does not lead elsewhere", async (context) => {
  const { root, named } = await openSample(context);
  await writeText(root, "etc/apk/arch", "../../etc\n-x\n\n");
  const report = await verifyRoot(root, named);
  assert.deepEqual(report.archs, ["x86_64"]);
  assert.deepEqual(findingsOf(report), ["unowned etc/apk/arch"]);
});

test("packages are proven by a folder of signed packages", async (context) => {
  const { root, folder } = await openSample(context);
  const sources = { packageFolders: [folder], keys: [key()] };
  assert.deepEqual(await statesOf(root, sources), all("proven"));
  writeFileSync(join(folder, "broken.apk"), "no package");
  writeFileSync(
    join(folder, "foreign.apk"),
    packSample({ name: "base", built: 1 }, sampleKey("other.rsa.pub")).bytes,
  );
  const report = await verifyRoot(root, sources);
  assert.deepEqual(findingsOf(report), []);
  assert.match(report.notes.join("\n"), /broken\.apk: .*\n.*foreign\.apk: .*\[key-unknown\]/s);
  await refuses(() => verifyRoot(root, { packageFolders: [folder] }), {
    code: "gzip-invalid",
    message: /broken\.apk/,
    hint: /./,
  });
  await refuses(() => verifyRoot(root, { packageFolders: [temporaryFolder(context)] }), {
    code: "file-not-found",
    message: /expected packages \(\.apk\), found none/,
    hint: /--vendor/,
  });
});

test("packages are proven by a lock as far as somebody signed for them", async () => {
  const root = await installedRoot(world);
  const packages = world.map((sample) => ({
    package: packSample(sample, sampleKey()).package,
    arch: "x86_64",
    location: "https://packages.example.com/x.apk",
    ...(sample.name === "empty" ? {} : { signedBy: "sample.rsa.pub" }),
  }));
  // The same names stand in a lock once for every architecture.
  const other = { ...packages[0]!, arch: "aarch64", package: packages[1]!.package };
  const locks = [{ subject: "bivy.lock", packages: [other, ...packages] }];
  assert.deepEqual(await statesOf(root, { locks }), { ...all("proven"), empty: "unproven" });
});

const checksumOf = (text: string) => formatChecksum(hashBytes("sha1", encodeText(text)));

/** What is done to the root, and all that is found by comparing with the packages themselves. */
const forgeries: Readonly<
  Record<string, readonly [(root: TreeRoot) => void | Promise<void>, readonly string[]]>
> = {
  "nothing is done": [() => {}, []],
  "a file and its record are exchanged": [
    async (root) => {
      await writeText(root, "usr/bin/app", "malware\n");
      await editDatabase(root, (text) =>
        text.replace(checksumOf("application\n"), checksumOf("malware\n")),
      );
    },
    ["forged usr/bin/app", "changed usr/bin/app"],
  ],
  "only a record is edited": [
    (root) => editDatabase(root, (text) => text.replace(checksumOf("base\n"), checksumOf("x"))),
    ["forged etc/base.conf"],
  ],
  "a mode is changed in both": [
    async (root) => {
      root.setAttributes("usr/bin/app", { ...plainFile, mode: 0o4755 });
      await editDatabase(root, (text) => text.replace("R:app\na:0:0:755", "R:app\na:0:0:4755"));
    },
    [
      "forged usr/bin/app",
      "changed usr/bin/app",
      "changed usr/bin/app.hard",
      "setuid usr/bin/app",
      "setuid usr/bin/app.hard",
    ],
  ],
  "an owner is changed in both": [
    async (root) => {
      root.setAttributes("usr/bin/app", { ...plainFile, mode: 0o755, uid: 1000 });
      await editDatabase(root, (text) => text.replace("R:app\na:0:0:755", "R:app\na:1000:0:755"));
    },
    ["forged usr/bin/app", "changed usr/bin/app", "changed usr/bin/app.hard"],
  ],
  "a link and its record are removed": [
    async (root) => {
      root.remove("usr/bin/app.link");
      await editDatabase(root, (text) => text.replace(/R:app\.link\n(?:[aZ]:.*\n)*/, ""));
    },
    ["forged usr/bin/app.link"],
  ],
  "a file and a record are made up": [
    async (root) => {
      await writeText(root, "usr/bin/extra", "x");
      await editDatabase(root, (text) =>
        text.replace("R:app\n", `R:extra\nZ:${checksumOf("x")}\nR:app\n`),
      );
    },
    ["forged usr/bin/extra", "unowned usr/bin/extra"],
  ],
  "a record of a file that is not there is made up": [
    (root) => editDatabase(root, (text) => text.replace("R:app\n", "R:ghost\nR:app\n")),
    ["forged usr/bin/ghost"],
  ],
  "a script is exchanged": [
    async (root) => {
      const path = "lib/apk/db/scripts.tar";
      await writeText(root, path, (await readText(root, path)).replace("echo app", "echo bad"));
    },
    ["unowned lib/apk/db/scripts.tar"],
  ],
};

for (const [name, [forge, expected]] of Object.entries(forgeries))
  test(`what comparing with the packages finds when ${name}`, async (context) => {
    const { root, named } = await openSample(context);
    await forge(root);
    const report = await verifyRoot(root, { ...named, deep: true });
    assert.deepEqual(
      report.packages.map(({ state, contents }) => [state, contents?.reason]),
      [
        ["proven", undefined],
        ["proven", undefined],
        ["proven", undefined],
      ],
    );
    assert.deepEqual(findingsOf(report), expected);
  });

test("a database that was edited with its file is believed without the packages", async (context) => {
  const { root, named } = await openSample(context);
  await forgeries["a file and its record are exchanged"]![0](root);
  assert.deepEqual(findingsOf(await verifyRoot(root, named)), []);
});

test("a package that cannot be had leaves its contents unproven", async (context) => {
  const { root, named, folder } = await openSample(context);
  rmSync(join(folder, "x86_64/app-1.0-r0.apk"));
  writeFileSync(
    join(folder, "x86_64/base-1.0-r0.apk"),
    packSample({ ...world[0]!, built: 1 }, sampleKey()).bytes,
  );
  const report = await verifyRoot(root, { ...named, deep: true });
  assert.deepEqual(
    report.findings.map(({ kind, subject }) => `${kind} ${subject}`),
    ["unproven app-1.0-r0", "unproven base-1.0-r0"],
  );
  const [app, base] = report.packages;
  assert.match(app!.contents!.reason!, /\[file-not-found\]/);
  assert.match(base!.contents!.reason!, /\[identity-mismatch\]/);
  // Another source that has the package fills the gap.
  const kept = writeRepository(temporaryFolder(context), makeRepository(world));
  const more = { ...named, packageFolders: [kept], deep: true };
  assert.deepEqual((await verifyRoot(root, more)).findings, []);
});

test("scripts and triggers of packages that are not installed are noted", async (context) => {
  const { root, named } = await openSample(context);
  await editDatabase(root, (text) => {
    const { identity } = packSample(world[1]!, sampleKey()).package;
    return text.replace(identity, checksumOf("another"));
  });
  const report = await verifyRoot(root, named);
  assert.deepEqual(findingsOf(report), ["replaced app-1.0-r0"]);
  assert.match(report.notes.join("\n"), /scripts\.tar has a script of no installed package: app-/);
  assert.match(report.notes.join("\n"), /triggers has a trigger of no installed package: Q1/);
});
