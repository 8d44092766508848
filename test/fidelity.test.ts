/** Fidelity: an image of bivy's holds, path by path, what the real apk 2.14 installs from the same repository. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installWithApk, openAlpineRoot } from "./alpine-root.ts";
import { differences, listFolderAsTar, listImage, type FileListing } from "./file-listing.ts";
import { fixtures, needs } from "./requirements.ts";
import { openWorkspace, runBivy, succeed, type Workspace } from "./run-bivy.ts";
import {
  makeRepository,
  sampleKey,
  writeRepository,
  type SamplePackage,
} from "./signed-repository.ts";

const real = needs({ root: true, fixtures: true, tools: ["tar", "chroot", "unshare"] });

const minirootfsWorld = ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"];
const largeWorld = [
  "curl",
  "python3",
  "nginx",
  "git",
  "openssh",
  "samba",
  "bash",
  "vim",
  "build-base",
];

/** The key is the repository's own, so that it stays out of the image as apk's --keys-dir does. */
function fixtureRepository(name: string): object {
  const folder = join(fixtures, "repo");
  return {
    url: join(folder, name, "main"),
    keys: [join(folder, "keys", "fixture@bivy-6743a001.rsa.pub")],
  };
}

async function buildLayout(
  workspace: Workspace,
  repository: string,
  packages: readonly string[],
  scripts = "run",
): Promise<{ layout: string; stderr: string }> {
  const config = workspace.write(
    `${repository}-${scripts}.yaml`,
    JSON.stringify({
      contents: { build_repositories: [fixtureRepository(repository)], packages },
      archs: ["x86_64"],
      scripts,
    }),
  );
  const layout = workspace.path(`${repository}-${scripts}`);
  const { stderr } = await succeed(workspace, ["build", config, "-o", `oci:${layout}`]);
  return { layout, stderr };
}

/** The lines that tell of changes and scripts, as apk and bivy both print them. */
function storyOf(output: string): string[] {
  return output.split("\n").filter((line) => /^\(\d+\/\d+\) |^Executing /.test(line));
}

const databaseFiles = [
  "lib/apk/db/installed",
  "lib/apk/db/scripts.tar",
  "lib/apk/db/triggers",
  "etc/apk/world",
  "etc/apk/arch",
];

/** What differs from the real apk's root, and why. */
const explained: Readonly<Record<string, string>> = {
  "": "A layer says nothing of the root folder itself unless the configuration changes it.",
};

function unexplained(found: ReturnType<typeof differences>): ReturnType<typeof differences> {
  return Object.fromEntries(Object.entries(found).filter(([path]) => !(path in explained)));
}

function assertSameDatabase(expected: FileListing, found: FileListing): void {
  for (const path of databaseFiles) {
    const [ours, theirs] = [found, expected].map(({ contents }) =>
      contents.get(path)?.toString("latin1").split("\n"),
    );
    const at = theirs?.findIndex((line, index) => line !== ours?.[index]) ?? 0;
    assert.equal(ours?.[at], theirs?.[at], `${path}, line ${at + 1}`);
    assert.equal(ours?.length, theirs?.length, path);
  }
}

for (const { repository, packages, count } of [
  { repository: "v3.19", packages: minirootfsWorld, count: 15 },
  { repository: "v3.17-stub", packages: largeWorld, count: 93 },
])
  test(`an image of ${repository} equals what apk add makes`, real, async (context) => {
    const workspace = openWorkspace(context);
    const apk = installWithApk(openAlpineRoot(workspace), repository, packages);
    const bivy = await buildLayout(workspace, repository, packages);
    assert.equal(storyOf(apk.output).filter((line) => line.startsWith("(")).length, count);
    assert.deepEqual(storyOf(bivy.stderr), storyOf(apk.output));
    const expected = await listFolderAsTar(apk.folder);
    const found = await listImage(bivy.layout);
    assertSameDatabase(expected, found);
    assert.deepEqual(unexplained(differences(expected, found)), {});
    assertSameTimes(expected, found);
  });

/**
 * Files of packages keep their time. What scripts and apk itself write has the time of the moment with
 * apk, and of the newest package with bivy. So do folders and links with apk, which sets no times there.
 */
function assertSameTimes(expected: FileListing, found: FileListing): void {
  const newest = Math.max(...found.times.values());
  for (const [path, time] of expected.times) {
    if (path in explained || !expected.contents.has(path)) continue;
    assert.equal(found.times.get(path), time > newest ? newest : time, path);
  }
}

const linked = { mode: 0o6755, uid: 65534, gid: 65534 };

/** Files, links, owners, attributes, scripts and triggers of every kind that packages have. */
const oddities: readonly SamplePackage[] = [
  {
    name: "oddities",
    depends: ["busybox"],
    provides: ["cmd:odd=1.0-r0", "so:libodd.so.1=1.0"],
    files: {
      "etc/odd.conf": { text: "odd\n", mode: 0o640, gid: 12 },
      "srv/file with blanks": "blanks\n",
      "srv/ünïcode": "ünï\n",
      "srv/empty": { text: "" },
      "srv/first": { ...linked, text: "linked\n" },
      "srv/hard": { ...linked, type: "hardlink", linkPath: "srv/first" },
      "srv/soft": { type: "symlink", linkPath: "../etc/odd.conf" },
      "srv/dangling": { type: "symlink", linkPath: "/nowhere/at all" },
      "srv/sticky": { type: "directory", mode: 0o3777, uid: 1000, gid: 100 },
      "srv/capable": {
        text: "capable\n",
        mode: 0o755,
        xattrs: new Map([
          ["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")],
          ["user.note", Buffer.from([0, 255, 10])],
        ]),
      },
      [`srv/${"long".repeat(30)}/${"name".repeat(40)}`]: "long\n",
    },
    scripts: {
      "pre-install": "#!/bin/sh\necho before > /srv-before; echo said by pre-install\n",
      "post-install":
        "#!/bin/sh\nadduser -S -D -H -u 777 odd\nchown 777 /srv/empty\nln /srv/empty /srv/by-script\necho $1 $2 > /srv/arguments\n",
    },
  },
  {
    name: "oddities-trigger",
    depends: ["busybox"],
    triggers: ["/srv", "/etc/od*"],
    files: { "usr/share/trigger": "trigger\n" },
    scripts: { trigger: '#!/bin/sh\necho "$@" > /usr/share/triggered\n' },
  },
  {
    name: "oddities-failing",
    depends: ["busybox"],
    files: { "usr/share/failing": "failing\n" },
    scripts: { "post-install": "#!/bin/sh\nexit 3\n" },
  },
  {
    name: "replaced",
    files: { "usr/share/shared": "replaced\n", "usr/share/priority": "low\n" },
    replaces: ["replacing"],
    replacesPriority: 1,
  },
  {
    name: "replacing",
    depends: ["replaced"],
    replaces: ["replaced"],
    replacesPriority: 5,
    files: { "usr/share/shared": "replacing\n", "usr/share/priority": "high\n" },
  },
];

test("what is odd about packages comes out as apk has it", real, async (context) => {
  const workspace = openWorkspace(context);
  const alpine = openAlpineRoot(workspace);
  const key = sampleKey();
  const repository = writeRepository(join(alpine.folder, "odd"), makeRepository(oddities));
  writeFileSync(join(alpine.folder, "keys", key.key.name), key.publicPem);
  const world = [
    "oddities",
    "oddities-trigger",
    "oddities-failing",
    "replacing",
    "alpine-baselayout",
  ];
  const apk = installWithApk(alpine, "v3.19", world, {
    flags: ["--repository", "/odd"],
    exitCode: 1,
  });
  const ownKey = workspace.write(key.key.name, key.publicPem);
  const config = workspace.write(
    "image.yaml",
    JSON.stringify({
      contents: {
        build_repositories: [fixtureRepository("v3.19"), { url: repository, keys: [ownKey] }],
        packages: world,
      },
      archs: ["x86_64"],
    }),
  );
  const layout = workspace.path("layout");
  const words = ["build", config, "-o", `oci:${layout}`];
  const refused = await runBivy(workspace, words);
  assert.equal(refused.exitCode, 3, "a failing package script fails the build");
  assert.match(refused.stderr, /\[script-failed\]/);
  assert.match(refused.stderr, /oddities-failing-\S+\.post-install/);
  assert.equal(existsSync(layout), false, "nothing is written");
  const { stderr } = await succeed(workspace, [...words, "--keep-going"]);
  assert.deepEqual(storyOf(stderr), storyOf(apk.output));
  const expected = await listFolderAsTar(apk.folder);
  const found = await listImage(layout);
  assertSameDatabase(expected, found);
  assert.deepEqual(unexplained(differences(expected, found)), {});
});

test(
  "without scripts, the image is apk's of --no-scripts and BusyBox's links",
  real,
  async (context) => {
    const workspace = openWorkspace(context);
    const apk = installWithApk(openAlpineRoot(workspace), "v3.19", minirootfsWorld, {
      flags: ["--no-scripts"],
    });
    const scripted = await listImage(
      (await buildLayout(workspace, "v3.19", minirootfsWorld)).layout,
    );
    const bivy = await buildLayout(workspace, "v3.19", minirootfsWorld, "skip");
    assert.deepEqual(
      /package scripts did not run, because (.*)/.exec(bivy.stderr)?.[1],
      "they are to be skipped: busybox-1.36.1-r19.post-install, " +
        "alpine-baselayout-3.4.3-r2.pre-install, alpine-baselayout-3.4.3-r2.post-install, " +
        "busybox-1.36.1-r19.trigger",
    );
    assert.deepEqual(storyOf(bivy.stderr), storyOf(apk.output));
    const expected = await listFolderAsTar(apk.folder);
    const found = await listImage(bivy.layout);
    assertSameDatabase(expected, found);
    const links = Object.entries(unexplained(differences(expected, found)));
    assert.ok(links.length > 300, String(links.length));
    for (const [path, difference] of links)
      assert.deepEqual(difference, { expected: undefined, found: scripted.files.get(path) }, path);
    const byScript = [...scripted.files].filter(([, what]) =>
      /^symlink .* to \/bin\/busybox$/.test(what),
    );
    assert.deepEqual(byScript.map(([path]) => path).sort(), links.map(([path]) => path).sort());
  },
);
