/** bivy image: the commands together, over files, the store and a real registry. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "./alpine-root.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { rawImages, writeRawLayout } from "./registry-images.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  assertFailure,
  assertNothingLeft,
  listFolder,
  openWorkspace,
  runBivy,
  succeed,
  type Workspace,
} from "./run-bivy.ts";

const saved = join(fixtures, "images", "alpine-310.tar.gz");
const other = join(fixtures, "images", "alpine-311.tar.gz");
const withFixtures = needs({ fixtures: true });
const registry = needs({ fixtures: true, tools: ["docker-registry"] });

interface Listed {
  readonly name: string;
  readonly digest: string;
  readonly platforms: readonly string[];
  readonly whole: boolean;
  readonly compressedSize: number;
}

async function list(workspace: Workspace, ...words: string[]): Promise<Listed[]> {
  const { stdout } = await succeed(workspace, ["image", "ls", "--format", "json", ...words]);
  return JSON.parse(stdout) as Listed[];
}

async function image(workspace: Workspace, ...words: string[]): Promise<string> {
  return (await succeed(workspace, ["image", ...words])).stdout;
}

test("an image is loaded, listed, tagged, inspected, removed", withFixtures, async (context) => {
  const workspace = openWorkspace(context);
  const loaded = await image(workspace, "load", saved);
  assert.match(loaded, /^docker\.io\/library\/alpine:3\.10@sha256:[0-9a-f]{64}\n$/);
  const digest = loaded.trim().split("@")[1]!;
  await image(workspace, "tag", "alpine:3.10", "app:1", "example.com/team/app:stable");
  assert.deepEqual(
    (await list(workspace)).map(({ name }) => name),
    ["docker.io/library/alpine:3.10", "docker.io/library/app:1", "example.com/team/app:stable"],
  );
  assert.deepEqual(
    (await list(workspace, "app")).map(({ name }) => name),
    ["docker.io/library/app:1"],
  );

  const inspected = JSON.parse(
    await image(workspace, "inspect", "app:1", "--format", "json"),
  ) as Record<string, unknown>;
  assert.equal(inspected["digest"], digest);
  assert.equal(inspected["platform"], "linux/amd64");
  assert.match(await image(workspace, "history", "app:1"), /CMD \["\/bin\/sh"\]/);
  for (const id of [digest.slice("sha256:".length, 19), String(inspected["id"]).slice(0, 19)])
    assert.match(await image(workspace, "inspect", id), new RegExp(`^digest {6}${digest}$`, "m"));

  assert.match(await image(workspace, "rm", "app:1"), /^docker\.io\/library\/app:1\n$/);
  assert.equal((await list(workspace)).length, 2);
  const store = join(workspace.home, ".local/share/bivy/images");
  assert.equal(blobs(store).length, 3);
  await image(workspace, "rm", digest.slice("sha256:".length, 19));
  assert.deepEqual(await list(workspace), []);
  assert.deepEqual(blobs(store), []);
  assertNothingLeft(workspace);
});

function blobs(store: string): string[] {
  return listFolder(join(store, "blobs", "sha256"));
}

test("what save writes is loaded by bivy and by podman, and its digests stay", async (context) => {
  const { skip } = needs({ fixtures: true, root: true, tools: ["podman", "skopeo"] });
  if (skip !== false) return context.skip(skip);
  const workspace = openWorkspace(context);
  await image(workspace, "load", saved);
  await image(workspace, "load", other);
  const before = await list(workspace);
  const file = workspace.path("saved.tar");
  await image(workspace, "save", "alpine:3.10", "alpine:3.11", "-o", file);

  const fresh = openWorkspace(context);
  await image(fresh, "load", "-i", file);
  assert.deepEqual(
    (await list(fresh)).map(({ name, digest }) => [name, digest]),
    before.map(({ name, digest }) => [name, digest]),
  );

  const podman = (...words: string[]) =>
    run("podman", [
      `--root=${workspace.path("podman")}`,
      `--runroot=${workspace.path("podman-run")}`,
      "--storage-driver=vfs",
      ...words,
    ]);
  podman("load", "--input", file);
  const names = podman("images", "--format", "{{.Repository}}:{{.Tag}}").trim().split("\n");
  assert.ok(names.includes("docker.io/library/alpine:3.10"), names.join(" "));
  // As docker reads it: the file names of manifest.json, layers as they are.
  const copied = workspace.path("copied");
  run("skopeo", [
    "copy",
    "--quiet",
    `docker-archive:${file}:docker.io/library/alpine:3.11`,
    `dir:${copied}`,
  ]);
  const config = JSON.parse(
    await image(workspace, "inspect", "alpine:3.11", "--format", "json"),
  ) as { readonly id: string };
  const manifest = JSON.parse(readFileSync(join(copied, "manifest.json"), "utf8")) as {
    readonly config: { readonly digest: string };
  };
  assert.equal(manifest.config.digest, config.id);
});

test(
  "one platform is pulled, the others later; what is not whole goes on as it can",
  registry,
  async (context) => {
    const workspace = openWorkspace(context);
    const { host } = await startDockerRegistry(context);
    const source = workspace.path("source");
    writeRawLayout(source, { multi: await rawImages["several platforms with attestations"]!() });
    const digest = (await image(workspace, "copy", `oci:${source}:multi`, `${host}/team/app:1`))
      .trim()
      .split("@")[1];

    await image(workspace, "pull", `${host}/team/app:1`, "--platform", "linux/arm64");
    const [sparse] = await list(workspace);
    assert.equal(sparse!.digest, digest);
    assert.deepEqual(sparse!.platforms, ["linux/arm64"]);
    assert.equal(sparse!.whole, false);

    const pushed = await succeed(workspace, [
      "image",
      "push",
      `${host}/team/app:1`,
      `${host}/team/one:1`,
    ]);
    assert.notEqual(pushed.stdout.trim().split("@")[1], digest);
    assert.match(pushed.stderr, /only one image of its index is here/);
    const read = await succeed(workspace, ["image", "inspect", `${host}/team/app:1`]);
    assert.match(read.stdout, /^platform {4}linux\/arm64$/m);
    assert.match(read.stderr, /the image for linux\/arm64, the only one of its index here/);
    assertFailure(
      await runBivy(workspace, [
        "image",
        "history",
        `${host}/team/app:1`,
        "--platform",
        "linux/amd64",
      ]),
      {
        exitCode: 3,
        code: "platform-not-found",
        message: /team\/app:1: expected its image for linux\/amd64 here, found linux\/arm64/,
        hint: /bivy image pull --platform linux\/amd64/,
      },
    );
    await image(workspace, "save", `${host}/team/app:1`, "-o", workspace.path("sparse.tar"));
    await image(workspace, "load", workspace.path("sparse.tar"), "-t", "again:1");
    assert.equal((await list(workspace, "again"))[0]!.digest, digest);

    await image(workspace, "pull", `${host}/team/app:1`, "--all-platforms");
    const [whole] = await list(workspace, `${host}/team/app`);
    assert.equal(whole!.whole, true);
    assert.ok(whole!.compressedSize > sparse!.compressedSize);
    const again = await image(workspace, "push", `${host}/team/app:1`, `${host}/team/all:1`);
    assert.equal(again.trim().split("@")[1], digest);
    assertNothingLeft(workspace);
  },
);

test("a docker-archive gets one image of an index, and its digest is what is said", async (context) => {
  const workspace = openWorkspace(context);
  writeRawLayout(workspace.path("source"), {
    multi: await rawImages["several platforms with attestations"]!(),
  });
  const words = ["image", "copy", "oci:source:multi", "docker-archive:out.tar:app:1"];
  const copied = await succeed(workspace, words);
  assert.match(copied.stderr, /one image of the index/);
  const inspected = JSON.parse(
    await image(workspace, "inspect", "oci:source:multi", "--format", "json"),
  ) as Record<string, unknown>;
  assert.equal(copied.stdout.trim().split("@")[1], inspected["digest"]);
  const loaded = JSON.parse(
    await image(workspace, "inspect", "out.tar", "--format", "json"),
  ) as Record<string, unknown>;
  assert.equal(loaded["id"], inspected["id"]);
});

test("two images are compared", withFixtures, async (context) => {
  const workspace = openWorkspace(context);
  const { stdout } = await succeed(workspace, ["image", "diff", saved, other, "--format", "json"]);
  const difference = JSON.parse(stdout) as {
    readonly packages: readonly { readonly name: string; readonly kind: string }[];
    readonly files: readonly { readonly path: string; readonly kind: string }[];
    readonly before: { readonly packages: number };
  };
  assert.equal(difference.before.packages, 14);
  const musl = difference.packages.find(({ name }) => name === "musl");
  assert.equal(musl?.kind, "upgraded");
  const release = difference.files.find(({ path }) => path === "etc/alpine-release");
  assert.equal(release?.kind, "changed");
  const same = await image(workspace, "diff", saved, saved);
  assert.match(same, /the same packages, files and settings/);
});

test("mistakes are said in one line, with what to do", async (context) => {
  const workspace = openWorkspace(context);
  const { skip } = withFixtures;
  assertFailure(await runBivy(workspace, ["image", "inspect", "oci:nowhere"]), {
    exitCode: 3,
    code: "file-not-found",
    message: /nowhere: expected a folder with an OCI layout/,
    hint: /Check the path/,
  });
  assertFailure(await runBivy(workspace, ["image", "push", "never-built:1"]), {
    exitCode: 3,
    code: "image-not-found",
    message: /never-built:1/,
    hint: /bivy image ls/,
  });
  assertFailure(await runBivy(workspace, ["image", "pull", "Alpine"]), {
    exitCode: 2,
    code: "reference-invalid",
    message: /Alpine/,
    hint: /lower-case: alpine/,
  });
  assertFailure(await runBivy(workspace, ["image", "pull", "alpine", "--offline"]), {
    exitCode: 3,
    code: "offline",
    message: /alpine/,
  });
  workspace.write("rootfs/etc/passwd", "");
  assertFailure(await runBivy(workspace, ["size", "rootfs", "--offline"]), {
    exitCode: 3,
    code: "offline",
    message: /rootfs/,
    hint: /write \.\/rootfs\./,
  });
  assertFailure(await runBivy(workspace, ["image", "rm", "nothing:1"]), {
    exitCode: 3,
    code: "image-not-found",
    message: /nothing:1/,
  });
  const empty = await succeed(workspace, ["image", "ls"]);
  assert.match(empty.stderr, /bivy image pull/);
  const unknown = await runBivy(workspace, ["image", "lst"]);
  assert.equal(unknown.exitCode, 2);
  assert.match(unknown.stderr, /Did you mean ls/);
  const habit = await runBivy(workspace, ["pull", "alpine", "--all-tags"]);
  assert.equal(habit.exitCode, 2);
  assert.match(
    habit.stderr,
    /^error: unknown command 'pull'\n\(Did you mean bivy image pull\?\)\n/,
  );
  const absent = await succeed(workspace, ["image", "ls", "nothing"]);
  assert.match(absent.stderr, /bivy image ls docker:\/\/nothing/);
  for (const words of [["--progress=json"], ["--progress", "json"]])
    for (const [code, typed] of [
      ["usage", []],
      ["file-not-found", ["oci:nowhere"]],
    ] as const) {
      const { stderr } = await runBivy(workspace, ["image", "inspect", ...typed, ...words]);
      const said = JSON.parse(stderr) as Record<string, unknown>;
      assert.equal(said["code"], code);
      assert.equal(typeof said["hint"], "string");
    }
  if (skip !== false) return;
  assertFailure(await runBivy(workspace, ["image", "copy", saved, "dir:out"]), {
    exitCode: 2,
    code: "usage",
    message: /cannot be written as a plain folder/,
  });
});
