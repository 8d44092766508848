/** Reproducible: the same inputs give the same digest, whoever builds, where, when and in which surroundings. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { run } from "./alpine-root.ts";
import { listImage } from "./file-listing.ts";
import { addUser, asUser, giveTo, installForOthers } from "./other-user.ts";
import { servePackages } from "./package-server.ts";
import { fixtures, needs } from "./requirements.ts";
import {
  build,
  openWorkspace,
  readLayout,
  succeed,
  type RunOptions,
  type Workspace,
} from "./run-bivy.ts";
import {
  buildTime,
  makeRepository,
  sampleConfig,
  sampleKey,
  smallWorld,
} from "./signed-repository.ts";

const real = needs({ root: true, fixtures: true, tools: ["unshare"] });
const otherUser = needs({ root: true, fixtures: true, tools: ["unshare", "setpriv"] });
const subordinate = needs({
  root: true,
  fixtures: true,
  tools: ["unshare", "newuidmap", "useradd", "userdel", "usermod"],
});

/** The root of minirootfs 3.19, with an account and files of the build's own, in a folder with its repository. */
function writeRealConfig(workspace: Workspace, folder: string): string {
  const place = workspace.path(folder);
  cpSync(join(fixtures, "repo"), join(place, "repo"), { recursive: true });
  run("chmod", ["-R", "u+w,go+rX", place]);
  workspace.write(`${folder}/files/page.html`, "<p>page</p>\n");
  return workspace.write(
    `${folder}/image.yaml`,
    JSON.stringify({
      contents: {
        build_repositories: ["./repo/v3.19/main"],
        keyring: ["./repo/keys/fixture@bivy-6743a001.rsa.pub"],
        packages: ["alpine-baselayout", "alpine-keys", "apk-tools", "busybox", "libc-utils"],
      },
      archs: ["x86_64"],
      accounts: { users: [{ username: "web", uid: 10000 }], "run-as": "web" },
      files: [{ source: "files", path: "/srv/www", uid: "web" }],
      paths: [
        { path: "/srv/data", type: "directory", uid: 10000, gid: 10000, permissions: "0o2775" },
      ],
    }),
  );
}

async function digestOf(
  workspace: Workspace,
  config: string,
  options: RunOptions & { readonly output?: string; readonly words?: readonly string[] } = {},
): Promise<string> {
  const { output = workspace.path("out", basename(config)), words = [] } = options;
  return (await build(workspace, [config, "-o", `oci-archive:${output}`, ...words], options))
    .digest;
}

test("surroundings do not matter", real, async (context) => {
  const workspace = openWorkspace(context);
  mkdirSync(workspace.path("out"));
  const first = writeRealConfig(workspace, "here");
  const expected = await digestOf(workspace, first);
  const archive = readFileSync(workspace.path("out/image.yaml"));
  const second = writeRealConfig(workspace, "a folder elsewhere/with a longer name");
  run("chmod", ["-R", "go-rwx", workspace.path("a folder elsewhere")]);
  mkdirSync(workspace.path("second home"));
  const umask = (mask: string) => ({ prefix: ["sh", "-c", `umask ${mask}; exec "$@"`, "sh"] });
  const surroundings: Readonly<Record<string, [string, RunOptions]>> = {
    "the same again": [first, {}],
    "another folder, home and working folder": [
      second,
      { cwd: "/", environment: { HOME: workspace.path("second home") } },
    ],
    "umask 077, another time zone": [
      second,
      { ...umask("077"), environment: { TZ: "Pacific/Kiritimati" } },
    ],
    "umask 000, another locale": [
      second,
      {
        ...umask("000"),
        environment: { TZ: "America/St_Johns", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" },
      },
    ],
    "no locale, a relative path": [
      "here/image.yaml",
      { environment: { LC_ALL: "C", LANG: undefined, TERM: "dumb", CI: "true", USER: "somebody" } },
    ],
  };
  for (const [name, [config, options]] of Object.entries(surroundings)) {
    const output = workspace.path("out", "again");
    assert.equal(await digestOf(workspace, config, { ...options, output }), expected, name);
    assert.ok(readFileSync(output).equals(archive), `${name}: the archive, byte for byte`);
  }
});

test("another user without subordinate ids builds the same", otherUser, async (context) => {
  const workspace = openWorkspace(context);
  mkdirSync(workspace.path("out"));
  const config = writeRealConfig(workspace, "here");
  const expected = await digestOf(workspace, config);
  const program = installForOthers(workspace);
  giveTo(workspace, 54321, "out");
  const options = {
    program,
    prefix: asUser(54321),
    output: workspace.path("out", "other"),
  };
  assert.equal(await digestOf(workspace, config, options), expected);
  assert.equal(
    await digestOf(workspace, config, { ...options, words: ["--no-scripts"] }),
    await digestOf(workspace, config, {
      words: ["--no-scripts"],
      output: workspace.path("out", "root"),
    }),
  );
});

test("another user with subordinate ids builds the same", subordinate, async (context) => {
  const workspace = openWorkspace(context);
  mkdirSync(workspace.path("out"));
  const config = writeRealConfig(workspace, "here");
  const expected = await digestOf(workspace, config);
  const program = installForOthers(workspace);
  const user = addUser(context, workspace);
  giveTo(workspace, user.uid, "out");
  const found = await digestOf(workspace, config, {
    program,
    prefix: asUser(user.uid, user.gid),
    output: workspace.path("out", "other"),
  });
  assert.equal(found, expected);
});

test("online, locked, vendored and offline builds are the same", async (context) => {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, makeRepository(smallWorld));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [server.url], packages: ["app"] }),
  );
  mkdirSync(workspace.path("out"));
  const digest = (words: readonly string[], environment = {}) =>
    digestOf(workspace, config, { words, environment, output: workspace.path("out", "image") });
  const expected = await digest([]);
  await succeed(workspace, ["lock", config, "--vendor", workspace.path("kept")]);
  assert.equal(await digest(["--locked"]), expected);
  assert.equal(await digest(["--offline"]), expected);
  const elsewhere = { XDG_CACHE_HOME: workspace.path("empty cache") };
  const asked = server.requests.length;
  assert.equal(await digest(["--locked", "--offline"], elsewhere), expected);
  assert.equal(server.requests.length, asked, "nothing was asked for");
  // Cold and warm caches, and files that lie on disk, change nothing either.
  assert.equal(await digest([], elsewhere), expected);
});

test("SOURCE_DATE_EPOCH dates the image and bounds its files", async (context) => {
  const workspace = openWorkspace(context);
  const server = await servePackages(context, makeRepository(smallWorld));
  const config = workspace.write(
    "image.yaml",
    sampleConfig({ repositories: [server.url], packages: ["app"] }, sampleKey(), {
      files: [{ path: "/etc/motd", content: "hello\n" }],
    }),
  );
  const dated = async (name: string, time: string | undefined) => {
    const layout = workspace.path(name);
    const environment = { SOURCE_DATE_EPOCH: time };
    const { digest } = await build(workspace, [config, "-o", `oci:${layout}`], { environment });
    const { json } = readLayout(layout);
    return { digest, created: json(json(digest).config.digest).created, layout };
  };
  const plain = await dated("plain", undefined);
  assert.equal(plain.created, new Date(buildTime * 1000).toISOString().replace(".000", ""));
  assert.equal((await dated("empty", "")).digest, plain.digest);
  const epoch = await dated("epoch", "0");
  assert.equal(epoch.created, "1970-01-01T00:00:00Z");
  assert.equal((await dated("later", "1900000000")).created, "2030-03-17T17:46:40Z");
  assert.equal((await dated("epoch-again", "0")).digest, epoch.digest);
  assert.notEqual(epoch.digest, plain.digest);
  const { times } = await listImage(epoch.layout);
  assert.deepEqual([...new Set(times.values())], [0]);
});
