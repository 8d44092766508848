/** bivy verify from the command line: images that bivy built, and what somebody else did to them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  appendLayers,
  createLayout,
  memoryBlobs,
  openLayout,
  selectPlatform,
  writeLayer,
} from "../src/oci/index.ts";
import type { VerifyReport, VerifySummary } from "../src/verify/index.ts";
import { installWithApk, openAlpineRoot } from "./alpine-root.ts";
import { layerTar, type LayerFiles } from "./layered-root.ts";
import { servePackages } from "./package-server.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  assertFailure,
  build,
  openWorkspace,
  runBivy,
  succeed,
  type Outcome,
  type Workspace,
} from "./run-bivy.ts";
import {
  makeRepository,
  sampleConfig,
  sampleKey,
  smallWorld,
  writeRepository,
  type SamplePackage,
} from "./signed-repository.ts";

type Result = VerifyReport & { readonly summary: VerifySummary };

interface Project {
  readonly workspace: Workspace;
  readonly config: string;
  /** The folder of the layout that the image is in. */
  readonly layout: string;
  readonly key: string;
  /** The flags that prove the packages. */
  readonly proving: readonly string[];
}

async function openProject(context: TestContext): Promise<Project> {
  const workspace = openWorkspace(context);
  const repository = writeRepository(workspace.path("repository"), makeRepository(smallWorld));
  const key = workspace.write("sample.rsa.pub", sampleKey().publicPem);
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [repository], packages: ["app"] }),
  );
  const layout = workspace.path("image");
  await build(workspace, [config, "-o", `oci:${layout}`]);
  return { workspace, config, layout, key, proving: ["--repository", repository, "--key", key] };
}

function verify({ workspace }: Pick<Project, "workspace">, ...words: readonly string[]) {
  return runBivy(workspace, ["verify", "--quiet", "--platform", "linux/amd64", ...words]);
}

async function report(project: Pick<Project, "workspace">, ...words: readonly string[]) {
  const { stdout, stderr } = await verify(project, "--format", "json", ...words);
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Result;
}

const findingsOf = ({ findings }: Result) =>
  findings.map(({ kind, subject }) => `${kind} ${subject}`);

/** What is found in the image as bivy built it: the program is meant to be one. */
const usual = "setuid usr/bin/app";

/** The image with a layer on top, in a layout of its own. */
async function withLayer(
  { workspace, layout }: Project,
  createdBy: string,
  files: LayerFiles,
): Promise<string> {
  const built = await selectPlatform(await (await openLayout(layout)).open(), {
    os: "linux",
    architecture: "amd64",
  });
  const layer = await writeLayer(layerTar(files), memoryBlobs());
  const image = await appendLayers(built, [layer], { history: [{ created_by: createdBy }] });
  const folder = workspace.path("layered");
  await (await createLayout(folder)).put(image);
  return `oci:${folder}`;
}

test("an image that bivy built is proven by its repository, a lock and kept packages", async (context) => {
  const project = await openProject(context);
  const { workspace, layout, config, key, proving } = project;
  const image = `oci:${layout}`;
  await succeed(workspace, ["lock", config, "--vendor", workspace.path("kept")]);
  for (const words of [
    proving,
    ["--lock", workspace.path("bivy.lock")],
    ["--packages", workspace.path("kept"), "--key", key],
  ])
    for (const deep of [[], ["--deep"]]) {
      const found = await report(project, image, "--offline", ...words, ...deep);
      assert.deepEqual(found.summary.packages, { proven: 3 });
      assert.deepEqual(Object.keys(found.summary.files), ["packaged", "generated"]);
      assert.deepEqual(findingsOf(found), [usual]);
      const expected = deep.length === 0 ? undefined : "same";
      assert.deepEqual(
        found.packages.map(({ contents }) => contents?.state),
        Array(3).fill(expected),
      );
    }
});

test("the repositories that the image names are asked, and Alpine's word is not needed for others", async (context) => {
  const project = await openProject(context);
  const { layout, key } = project;
  const server = await servePackages(context, makeRepository(smallWorld));
  const image = await withLayer(project, "RUN echo", { "etc/apk/repositories": `${server.url}\n` });
  const unknown = await report(project, image);
  assert.equal(unknown.summary.packages.unproven, 3);
  assert.match(unknown.repositories[0]!.indexes[0]!.failure!, /\[key-unknown\]/);
  assert.deepEqual((await report(project, image, "--key", key)).summary.packages, { proven: 3 });
  const asked = server.requests.length;
  // Evidence that is named takes their place.
  const named = await report(project, image, ...project.proving);
  assert.deepEqual(named.summary.packages, { proven: 3 });
  assert.deepEqual((await report(project, `oci:${layout}`, "--offline")).repositories, []);
  assert.equal(server.requests.length, asked);
});

test("what a layer adds, changes and removes is found with its instruction, and nothing else", async (context) => {
  const project = await openProject(context);
  const image = await withLayer(project, "RUN /bin/sh -c evil", {
    "bin/.wh.tool": "",
    "etc/base.conf": "base\nmore\n",
    "opt/": "",
    "opt/evil\u001b[2J": "x",
    "usr/lib/library.so": "evil",
  });
  const found = await report(project, image, ...project.proving);
  assert.deepEqual(findingsOf(found), [
    "changed etc/base.conf",
    "changed usr/lib/library.so",
    "missing bin/tool",
    "unowned opt",
    "unowned opt/evil\u001b[2J",
    usual,
  ]);
  assert.ok(
    found.findings.every(({ layer, subject }) => layer === (subject === "usr/bin/app" ? 0 : 1)),
  );
  const { stdout, exitCode } = await verify(project, image, ...project.proving);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^ {2}bin\/tool\n {6}of base; layer 2: RUN evil$/m);
  assert.match(stdout, /^ {2}opt\/ and 1 in it$/m);
  const tree = await verify(project, image, ...project.proving, "--format", "tree", "--all");
  assert.match(tree.stdout, /^│ {2}╰─ usr\/lib\/library\.so: changed, content$/m);
  assert.match(tree.stdout, /^╰─ of no package, layer 2: RUN evil\n {3}├─ opt\/: unowned$/m);
  for (const text of [stdout, tree.stdout]) assert.ok(!text.includes("\u001b"), "no escapes");
  const exits: Readonly<Record<string, number>> = {
    none: 0,
    "world-writable,device,unknown-key": 0,
    changed: 1,
    "changed-system": 1,
    missing: 1,
    "device,unowned": 1,
    setuid: 1,
    all: 1,
  };
  for (const [kinds, expected] of Object.entries(exits)) {
    const words = [...project.proving, "--fail-on", kinds, "--format", "json"];
    assert.equal((await verify(project, image, ...words)).exitCode, expected, kinds);
  }
});

test("a package that was replaced is found, and nothing else", async (context) => {
  const project = await openProject(context);
  const { workspace, key, layout } = project;
  const rebuilt: readonly SamplePackage[] = smallWorld.map((sample) =>
    sample.name === "library" ? { ...sample, built: 1_700_000_000 } : sample,
  );
  const other = writeRepository(workspace.path("other"), makeRepository(rebuilt));
  const words = [`oci:${layout}`, "--repository", other, "--key", key];
  const found = await report(project, ...words);
  assert.deepEqual(findingsOf(found), ["replaced library-1.0-r0", usual]);
  for (const [kinds, expected] of [
    ["replaced", 1],
    ["unproven", 1],
    ["changed,missing", 0],
  ] as const)
    assert.equal((await verify(project, ...words, "--fail-on", kinds)).exitCode, expected, kinds);
});

test("a file that was exchanged together with its record is found by the package", async (context) => {
  const project = await openProject(context);
  const { workspace, config } = project;
  const evil = smallWorld.map((sample) =>
    sample.name === "library" ? { ...sample, files: { "usr/lib/library.so": "evil\n" } } : sample,
  );
  // An image of other packages, whose database is given the identities of the right ones.
  const folder = writeRepository(workspace.path("evil"), makeRepository(evil));
  const evilConfig = workspace.write(
    "evil.yaml",
    readFileSync(config, "utf8").replaceAll(workspace.path("repository"), folder),
  );
  const layout = workspace.path("evil-image");
  await build(workspace, [evilConfig, "-o", `oci:${layout}`]);
  const database = async (image: string) => {
    const { identity } = (await report(project, image, "--offline")).packages.find(
      ({ name }) => name === "library",
    )!;
    return identity;
  };
  const [right, wrong] = [await database(`oci:${project.layout}`), await database(`oci:${layout}`)];
  const records = await readDatabase(layout);
  const image = await withLayer({ ...project, layout }, "RUN hide", {
    "lib/apk/db/installed": records.replace(wrong, right),
  });
  assert.deepEqual(findingsOf(await report(project, image, ...project.proving)), [usual]);
  const words = [image, ...project.proving, "--deep"];
  const found = await report(project, ...words);
  assert.deepEqual(findingsOf(found), [
    "forged usr/lib/library.so",
    "changed usr/lib/library.so",
    usual,
  ]);
  assert.equal((await verify(project, ...words, "--fail-on", "forged")).exitCode, 1);
});

async function readDatabase(layout: string): Promise<string> {
  const { readImageTree } = await import("../src/oci/index.ts");
  const { findNode } = await import("../src/tree/index.ts");
  const image = await selectPlatform(await (await openLayout(layout)).open());
  const file = findNode((await readImageTree(image)).top, "lib/apk/db/installed");
  assert.equal(file?.kind, "file");
  const parts: Uint8Array[] = [];
  for await (const part of file.content.chunks()) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("a signature of the image is asked for by naming a signer", async (context) => {
  const project = await openProject(context);
  const { workspace, layout, proving } = project;
  const image = `oci:${layout}`;
  const signer = ["--signature-key", workspace.path("release.pub")];
  await succeed(workspace, ["sign", "--generate-key", workspace.path("release")]);
  const unsigned = await verify(project, image, ...proving, ...signer);
  assert.equal(unsigned.exitCode, 1);
  assert.match(unsigned.stdout, /^NOT SIGNED \(1\)\n.*\n {6}nobody has signed it$/m);
  await succeed(workspace, ["sign", image, "--key", workspace.path("release.key")]);
  const signed = await verify(project, image, ...proving, ...signer);
  assert.equal(signed.exitCode, 0, signed.stdout);
  assert.match(signed.stdout, /^ {6}valid, by the key .*release\.pub$/m);
  await succeed(workspace, ["sign", "--generate-key", workspace.path("other")]);
  const other = ["--signature-key", workspace.path("other.pub")];
  assert.equal((await verify(project, image, ...proving, ...other)).exitCode, 1);
  assert.deepEqual(findingsOf(await report(project, image, ...proving, ...other)), [
    `unsigned ${image}`,
    usual,
  ]);
});

test("what cannot be checked is refused", async (context) => {
  const project = await openProject(context);
  const { workspace, layout } = project;
  const image = `oci:${layout}`;
  const refused = async (words: readonly string[]): Promise<Outcome> => verify(project, ...words);
  assertFailure(await refused([image, "--fail-on", "chagned"]), {
    exitCode: 2,
    code: "usage",
    message: /--fail-on chagned/,
    hint: /Did you mean changed\?/,
  });
  assertFailure(await refused([image, "--fail-on", "missing,unsigned"]), {
    exitCode: 2,
    code: "usage",
    message: /expected a signer/,
    hint: /--signature-key/,
  });
  assertFailure(await refused([image, "--fail-on", "forged"]), {
    exitCode: 2,
    code: "usage",
    message: /expected --deep/,
  });
  assertFailure(await refused([image, "--repository", workspace.path("none")]), {
    exitCode: 3,
    code: "file-not-found",
    message: /APKINDEX\.tar\.gz/,
  });
  workspace.write("empty/etc/os-release", 'ID=debian\nNAME="Debian GNU/Linux"\n');
  assertFailure(await refused([`dir:${workspace.path("empty")}`]), {
    exitCode: 3,
    code: "database-missing",
    message: /expected an apk database .* it is Debian GNU\/Linux/,
  });
});

test(
  "a root that apk installed, and an account that was added",
  needs({ root: true, fixtures: true }),
  async (context) => {
    const workspace = openWorkspace(context);
    const alpine = openAlpineRoot(workspace);
    const packages = ["alpine-baselayout", "busybox", "apk-tools", "libc-utils", "alpine-keys"];
    const { folder } = installWithApk(alpine, "v3.19", packages);
    const repository = join(fixtures, "repo", "v3.19", "main");
    const key = join(fixtures, "repo", "keys", "fixture@bivy-6743a001.rsa.pub");
    const words = [`dir:${folder}`, "--repository", repository, "--key", key, "--deep"];
    const installed = await report({ workspace }, ...words);
    assert.deepEqual(installed.findings, []);
    assert.deepEqual(Object.keys(installed.summary.packages), ["proven"]);
    assert.deepEqual(Object.keys(installed.summary.files), ["packaged", "generated"]);
    assert.ok(
      installed.packages.every(({ contents, files }) => files === 0 || contents?.state === "same"),
    );
    const scripts = installed.files.find(({ path }) => path === "lib/apk/db/scripts.tar");
    assert.equal(scripts?.verified, true);
    alpine.run("chroot", "/out", "/usr/sbin/adduser", "-D", "app");
    const found = await report({ workspace }, ...words);
    assert.deepEqual(
      found.findings.map(({ kind, subject, configuration }) => [kind, subject, configuration]),
      ["etc/group", "etc/passwd", "etc/shadow"].map((path) => ["changed", path, true]),
    );
    assert.ok(
      found.findings.every(({ text }) => text.endsWith("1 line was added at the end: app")),
    );
  },
);

test(
  "Alpine's index in a folder counts where Alpine's keys are named",
  needs({ fixtures: true }),
  async (context) => {
    const workspace = openWorkspace(context);
    const index = readFileSync(join(fixtures, "apk", "alpine-316", "APKINDEX.tar.gz"));
    workspace.write("copy/x86_64/APKINDEX.tar.gz", index);
    const root = join(fixtures, "minirootfs", "alpine-minirootfs-3.19.4-x86_64.tar.gz");
    const words = [root, "--repository", workspace.path("copy")];
    assertFailure(await verify({ workspace }, ...words), {
      exitCode: 3,
      code: "key-not-allowed",
      message: /may sign for Alpine's repositories and their mirrors only/,
    });
    const { summary, packages } = await report({ workspace }, ...words, "--key", "alpine");
    // The index is of another branch, which builds its own packages.
    assert.deepEqual(summary.packages, { replaced: 1, outdated: 13, unknown: 1 });
    assert.equal(packages.find(({ state }) => state === "replaced")?.name, "alpine-keys");
    // In a folder with the form of Alpine's tree it needs no more.
    workspace.write("alpine/v3.16/main/x86_64/APKINDEX.tar.gz", index);
    const mirror = await report(
      { workspace },
      root,
      "--repository",
      workspace.path("alpine/v3.16/main"),
    );
    assert.deepEqual(mirror.summary.packages, summary.packages);
  },
);
