import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isBivyError } from "../../base/index.ts";
import { loadImageConfig } from "./include.ts";
import type { ImageConfig } from "./image-config.ts";

/** Reads from a table instead of a disk. */
function load(
  files: Readonly<Record<string, string | Uint8Array>>,
  path = "image.yaml",
): Promise<ImageConfig> {
  return loadImageConfig(path, {
    hostArch: "x86_64",
    readFile: async (name) => {
      const found = files[name];
      if (found === undefined) throw Object.assign(new Error(name), { code: "ENOENT" });
      return typeof found === "string" ? Buffer.from(found) : found;
    },
  });
}

test("an include is the ground that a file stands on", async () => {
  const config = await load({
    "image.yaml": `
include: base.yaml
contents: {packages: [b], repositories: [https://b/main], keyring: [./b.pub], runtime_keyring: []}
entrypoint: {command: /b}
environment: {X: own, Y: own}
annotations: {k: own}
labels: {l: own}
accounts: {users: [{username: b, uid: 2}], run-as: b}
paths: [{path: /b, type: directory}]
volumes: [/b]
ports: [80, 81]
files: [{path: /f, content: own}]
archs: [arm64]
certificates: {providers: [b]}
`,
    "base.yaml": `
contents: {packages: [a], repositories: [https://a/main], build_repositories: [https://c/main], keyring: [./a.pub]}
entrypoint: {shell-fragment: a}
cmd: from base
stop-signal: SIGINT
work-dir: /base
environment: {X: base, Z: base}
annotations: {k: base, m: base}
accounts: {users: [{username: a, uid: 1}], groups: [{groupname: a, gid: 1}], run-as: a}
paths: [{path: /a, type: directory}]
volumes: [/a]
ports: [80]
files: [{path: /f, content: base}]
archs: [amd64, 386]
certificates: {providers: [a]}
layering: {strategy: origin, budget: 3}
healthcheck: {test: [NONE]}
scripts: skip
vcs-url: https://example.com/base
`,
  });
  assert.deepEqual(config.sources, ["image.yaml", "base.yaml"]);
  assert.deepEqual(config.contents.packages, ["a", "b"]);
  assert.deepEqual(
    config.contents.repositories.map(({ url }) => url),
    ["https://a/main", "https://b/main"],
  );
  assert.deepEqual(
    config.contents.buildRepositories.map(({ url }) => url),
    ["https://c/main"],
  );
  assert.deepEqual(
    config.contents.keyring.map((key) => key.kind === "path" && key.path),
    ["./a.pub", "./b.pub"],
  );
  assert.deepEqual(config.entrypoint, { kind: "command", command: ["/b"] });
  assert.deepEqual(config.cmd, ["from", "base"]);
  assert.deepEqual(config.environment, { X: "own", Y: "own", Z: "base" });
  assert.deepEqual(config.annotations, { k: "own", m: "base" });
  assert.deepEqual(config.labels, { l: "own" });
  assert.equal(config.accounts.runAs, "b");
  assert.deepEqual(
    config.accounts.users.map(({ username }) => username),
    ["a", "b"],
  );
  assert.deepEqual(
    config.accounts.groups.map(({ groupname }) => groupname),
    ["a"],
  );
  assert.deepEqual(
    config.paths.map(({ path }) => path),
    ["a", "b"],
  );
  assert.deepEqual(
    config.files.map((file) => file.kind === "content" && file.content),
    ["base", "own"],
  );
  assert.deepEqual(config.volumes, ["/a", "/b"]);
  assert.deepEqual(config.ports, ["80/tcp", "81/tcp"]);
  assert.deepEqual(config.archs, ["aarch64"]);
  assert.deepEqual(config.certificates.providers, ["a", "b"]);
  assert.deepEqual(config.layering, { strategy: "origin", budget: 3 });
  assert.deepEqual(config.healthcheck?.test, ["NONE"]);
  assert.deepEqual(
    [config.scripts, config.stopSignal, config.workDir, config.vcsUrl],
    ["skip", "SIGINT", "/base", "https://example.com/base"],
  );
});

test("an include is found beside its file, then below the working folder", async () => {
  const both = {
    "a/image.yaml": "include: base.yaml",
    "a/base.yaml": "cmd: beside",
    "base.yaml": "cmd: below",
  };
  assert.deepEqual((await load(both, "a/image.yaml")).cmd, ["beside"]);
  const { "a/base.yaml": _, ...below } = both;
  assert.deepEqual((await load(below, "a/image.yaml")).cmd, ["below"]);
  assert.deepEqual(
    (
      await load(
        { "a/b/i.yaml": "include: ../c.yaml", "a/c.yaml": "cmd: up", "../c.yaml": "cmd: out" },
        "a/b/i.yaml",
      )
    ).cmd,
    ["up"],
  );
});

test("relative paths belong to the file that names them", async () => {
  const config = await load({
    "image.yaml": "include: deep/base.yaml\ncontents: {repositories: [packages], keyring: [k.pub]}",
    "deep/base.yaml":
      "contents: {repositories: [./packages, file:///srv/p, /abs], keyring: [../k.pub], runtime_repositories: [mirror/x]}",
  });
  assert.deepEqual(
    config.contents.repositories.map(({ url }) => url),
    ["deep/packages", "/srv/p", "/abs", "packages"],
  );
  assert.deepEqual(
    config.contents.repositories.map(({ written }) => written),
    ["./packages", "file:///srv/p", "/abs", "packages"],
  );
  assert.deepEqual(config.contents.keyring, [
    { kind: "path", path: "k.pub", written: "../k.pub" },
    { kind: "path", path: "k.pub", written: "k.pub" },
  ]);
  assert.equal(config.contents.runtimeRepositories[0]?.url, "mirror/x");
});

test("includes that cannot be followed are refused", async () => {
  await assert.rejects(load({ "image.yaml": "include: gone.yaml" }), {
    code: "file-not-found",
    message: "image.yaml: include: expected the file gone.yaml, found none",
  });
  await assert.rejects(load({ "a/i.yaml": "include: gone.yaml" }, "a/i.yaml"), {
    message: "a/i.yaml: include: expected the file a/gone.yaml or gone.yaml, found none",
  });
  await assert.rejects(load({}), {
    code: "file-not-found",
    message: "image.yaml: reading failed: no such file or folder",
  });
  await assert.rejects(
    load({ "image.yaml": "include: b.yaml", "b.yaml": "include: ./image.yaml" }),
    {
      code: "config-invalid",
      message:
        "image.yaml: expected includes that end, found a circle: image.yaml includes b.yaml includes image.yaml",
    },
  );
  const chain = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`${index}.yaml`, `include: ${index + 1}.yaml`]),
  );
  await assert.rejects(load(chain, "0.yaml"), {
    code: "config-invalid",
    message: "16.yaml: expected at most 16 files that include one another, found more",
  });
  await assert.rejects(
    load({ "image.yaml": "include: b.yaml", "b.yaml": "cmd: x\nvolume: [/a]" }),
    {
      message: 'b.yaml:2:1: unknown field "volume"; did you mean "volumes"?',
    },
  );
  await assert.rejects(load({ "image.yaml": Uint8Array.of(0x61, 0x3a, 0x20, 0xff) }), {
    code: "config-invalid",
    message: "image.yaml: expected text in UTF-8, found other bytes",
  });
  const user = "accounts: {users: [{username: a, uid: 5}]}";
  await assert.rejects(load({ "image.yaml": `include: b.yaml\n${user}`, "b.yaml": user }), {
    code: "config-invalid",
    message:
      'image.yaml: accounts.users: expected names that differ, found "a" twice, once in a file that it includes',
  });
});

const fixtures = fileURLToPath(new URL("../../../../shared/fixtures/", import.meta.url));

test(
  "every real configuration is read, or refused for a reason that is stated",
  { skip: !existsSync(fixtures) && !process.env["CI"] && "../shared is absent" },
  async () => {
    const files = [
      ...readdirSync(join(fixtures, "image-configs"), { recursive: true, encoding: "utf8" }).map(
        (name) => join(fixtures, "image-configs", name),
      ),
      ...readdirSync(join(fixtures, "apk/cli")).map((name) => join(fixtures, "apk/cli", name)),
    ].filter((name) => name.endsWith(".yaml"));
    assert.ok(files.length >= 22, `expected the fixtures, found ${files.length}`);
    for (const file of files) {
      try {
        // They include one another as examples/NAME, from the folder above theirs.
        const config = await loadImageConfig(file, {
          readFile: (path) => readFile(path.replace("image-configs/examples/", "image-configs/")),
        });
        assert.ok(config.contents.repositories.length > 0, file);
        assert.ok(config.contents.packages.length > 0, file);
      } catch (error) {
        if (!isBivyError(error, "config-invalid")) throw error;
        assert.match(
          error.message,
          /base_image\.yaml:3:5: contents\.baseimage: building on top of a base image is not supported$/,
        );
      }
    }
  },
);
