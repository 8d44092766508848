/** bivy demo: what a newcomer sees first works in an empty home, without network and without rights. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import { run } from "./alpine-root.ts";
import { asUser, giveTo, installForOthers } from "./other-user.ts";
import { findTool, needs } from "./requirements.ts";
import {
  assertNothingLeft,
  listFolder,
  openWorkspace,
  readLayout,
  runBivy,
  type RunOptions,
  type Workspace,
} from "./run-bivy.ts";

/** Without any network but loopback. */
const withoutNetwork = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

const surroundings: Readonly<
  Record<string, { skip: string | false; options: (workspace: Workspace) => RunOptions }>
> = {
  "as it is": { skip: false, options: () => ({}) },
  "without network": {
    ...needs({ root: true, tools: ["unshare", "ip"] }),
    options: () => ({ prefix: withoutNetwork }),
  },
  "as a plain user without network": {
    ...needs({ root: true, tools: ["unshare", "ip", "setpriv"] }),
    options: (workspace) => ({
      program: installForOthers(workspace),
      prefix: [...withoutNetwork, ...asUser(54321)],
      environment: { PATH: "/usr/bin:/bin" },
    }),
  },
};

for (const [name, { skip, options }] of Object.entries(surroundings))
  test(`the demo, ${name}`, { skip }, async (context) => {
    const workspace = openWorkspace(context);
    const settings = options(workspace);
    const folder = workspace.path("home", "demo");
    if (settings.program !== undefined) giveTo(workspace, 54321);
    const { exitCode, stdout, stderr } = await runBivy(
      workspace,
      ["demo", "--keep", folder],
      settings,
    );
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, "");
    assertStory(stdout);
    assertNothingLeft(workspace);
    assert.deepEqual(
      listFolder(workspace.home).filter((path) => !path.startsWith("demo")),
      [],
    );
    assertImage(workspace, folder, stdout);
  });

function assertStory(text: string): void {
  const [first, second] = ["first", "second"].map(
    (which) => new RegExp(`^ {2}${which} +(sha256:[0-9a-f]{64})$`, "m").exec(text)?.[1],
  );
  assert.ok(first !== undefined, text);
  assert.equal(second, first);
  assert.match(text, /the same, byte for byte/);
  assert.match(text, /caught \[[a-z-]+\] demo-hello-/);
  for (const link of ["key", "index", "package", "layer", "image"])
    assert.match(text, new RegExp(link === "key" ? "^ {2}key +demo@" : `verified ${link} `, "m"));
  assert.match(text, /docker load -i .*image\.tar/);
  assert.ok(!text.includes("\u001b"), "no colours");
}

/** The image has both architectures, clients read it, and its program runs. */
function assertImage(workspace: Workspace, folder: string, text: string): void {
  const { index, json } = readLayout(join(folder, "image"));
  const digest = index.manifests[0]!.digest;
  assert.ok(text.includes(digest));
  const archs = json(digest).manifests.map(({ platform }) => platform.architecture);
  assert.deepEqual(archs.sort(), ["amd64", "arm64"]);
  if (findTool("skopeo") !== undefined) {
    const inspect = (source: string) => JSON.parse(run("skopeo", ["inspect", source]));
    assert.equal(inspect(`oci:${folder}/image:latest`).Os, "linux");
    assert.ok(inspect(`docker-archive:${folder}/image.tar`).Layers.length > 0);
  }
  if (findTool("umoci") === undefined || process.getuid?.() !== 0) return;
  run("skopeo", [
    "copy",
    "--quiet",
    `docker-archive:${folder}/image.tar`,
    `oci:${workspace.path("single")}:demo`,
  ]);
  run("umoci", ["unpack", "--image", `${workspace.path("single")}:demo`, workspace.path("bundle")]);
  const root = workspace.path("bundle", "rootfs");
  const { config } = JSON.parse(
    run("skopeo", ["inspect", "--config", `oci:${workspace.path("single")}:demo`]),
  );
  const words = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  assert.notEqual(run("chroot", [root, ...words]).trim(), "");
}

suite("twice", () => {
  test("the demo builds the same packages each time", async (context) => {
    const workspace = openWorkspace(context);
    const runs = await Promise.all(
      ["one", "two"].map((name) => runBivy(workspace, ["demo", "--keep", workspace.path(name)])),
    );
    const [one, two] = runs.map(({ stdout }) => stdout.match(/^ {2}package .*$/gm));
    assert.ok(one !== undefined && one !== null && one.length > 0);
    assert.deepEqual(two, one);
  });
});
