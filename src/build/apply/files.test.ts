import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { defaultLimits } from "../../base/index.ts";
import {
  applyYaml,
  attributesAt,
  baselayout,
  sampleTree,
  temporaryFolder,
  textAt,
} from "../sample-root.test.ts";

/** A build context: `name` and `name/…` are made, executable where the text says so. */
function sampleContext(context: TestContext): string {
  const folder = join(temporaryFolder(context), "context");
  for (const below of ["app/bin", "app/data/empty"])
    mkdirSync(join(folder, below), { recursive: true });
  writeFileSync(join(folder, "one.conf"), "one\n", { mode: 0o600 });
  writeFileSync(join(folder, "app/bin/run"), "#!/bin/sh\n");
  chmodSync(join(folder, "app/bin/run"), 0o700);
  writeFileSync(join(folder, "app/data/a"), "a");
  symlinkSync("data/a", join(folder, "app/link"));
  symlinkSync("/usr/bin/python3", join(folder, "app/python"));
  symlinkSync("one.conf", join(folder, "inside"));
  symlinkSync("../outside", join(folder, "out"));
  symlinkSync("..", join(folder, "up"));
  symlinkSync("nowhere", join(folder, "dangling"));
  writeFileSync(join(folder, "../outside"), "secret");
  mkdirSync(join(folder, "../context-other"));
  writeFileSync(join(folder, "../context-other/x"), "secret");
  symlinkSync("../context-other", join(folder, "sibling"));
  utimesSync(join(folder, "one.conf"), 5, 5);
  return folder;
}

/** A field of files, and what stands at some paths afterwards. */
const copies: readonly (readonly [field: string, after: Readonly<Record<string, string>>])[] = [
  [`{path: /etc/motd, content: "hi\\n"}`, { "etc/motd": "file 644 0:0 now" }],
  [
    "{path: /srv/www/index, content: x, uid: nobody, gid: wheel, permissions: 0o600}",
    { "srv/www/index": "file 600 65534:10 now", "srv/www": "directory 755 0:0 now" },
  ],
  ["{path: /etc/one, source: one.conf}", { "etc/one": "file 644 0:0 now" }],
  [
    "{path: /etc/conf.d/, source: /one.conf, uid: 7}",
    { "etc/conf.d/one.conf": "file 644 7:0 now" },
  ],
  ["{path: /, source: one.conf}", { "one.conf": "file 644 0:0 now" }],
  ["{path: /run.sh, source: app/bin/run}", { "run.sh": "file 755 0:0 now" }],
  ["{path: /run.sh, source: app/bin/run, permissions: 0o500}", { "run.sh": "file 500 0:0 now" }],
  [
    "{path: /opt/app, source: app, uid: 5, gid: 6}",
    {
      opt: "directory 755 0:0 now",
      "opt/app": "directory 755 5:6 now",
      "opt/app/bin": "directory 755 5:6 now",
      "opt/app/bin/run": "file 755 5:6 now",
      "opt/app/data/a": "file 644 5:6 now",
      "opt/app/data/empty": "directory 755 5:6 now",
      "opt/app/link": "symlink 777 5:6 now",
      "opt/app/python": "symlink 777 5:6 now",
    },
  ],
  // What is below the folder goes into a directory that stands there already, which stays as it is.
  [
    "{path: /tmp/, source: app/data, uid: 5, permissions: 0o400}",
    { tmp: "directory 1777 0:0 then", "tmp/a": "file 400 5:0 now" },
  ],
  // Links to directories of the image lead there; files take the place of links.
  ["{path: /var/run/app, source: app/data}", { "run/app/a": "file 644 0:0 now" }],
  [
    "{path: /var/run, source: app/data}",
    { "run/a": "file 644 0:0 now", "var/run": "symlink 777 0:0 then" },
  ],
  // A source may be a link that stays in the context.
  ["{path: /etc/one, source: inside}", { "etc/one": "file 644 0:0 now" }],
  ["{path: /etc/passwd, source: one.conf}", { "etc/passwd": "file 644 0:0 now" }],
];

test("files and folders of the context come into the image", async (context) => {
  const contextFolder = sampleContext(context);
  for (const [field, after] of copies) {
    const tree = await sampleTree(baselayout);
    await applyYaml(tree, `files: [${field}]`, { contextFolder });
    for (const [path, expected] of Object.entries(after))
      assert.equal(attributesAt(tree, path), expected, `${field}: /${path}`);
  }
});

test("contents and links are those of the context", async (context) => {
  const contextFolder = sampleContext(context);
  const tree = await sampleTree(baselayout);
  await applyYaml(
    tree,
    `accounts: {users: [{username: app, uid: 1000}], groups: [{groupname: staff, gid: 50}]}
files:
  - {path: /opt/app, source: app, uid: app, gid: staff}
  - {path: /etc/motd, content: "héllo\\n"}
paths: [{path: /opt/app/data, type: permissions, permissions: 0o770, recursive: true}]`,
    { contextFolder },
  );
  assert.equal(await textAt(tree, "opt/app/bin/run"), "#!/bin/sh\n");
  assert.equal(await textAt(tree, "etc/motd"), "héllo\n");
  assert.deepEqual(tree.list("opt/app"), ["bin", "data", "link", "python"]);
  const target = (path: string) => (tree.lookup(path) as { target?: string }).target;
  assert.equal(target("opt/app/link"), "data/a");
  assert.equal(target("opt/app/python"), "/usr/bin/python3");
  assert.equal(attributesAt(tree, "opt/app"), "directory 755 1000:50 now");
  assert.equal(attributesAt(tree, "opt/app/data/a"), "file 770 1000:50 now");
});

/** A field that cannot be carried out; CONTEXT stands for the context's folder. */
const refusals: readonly (readonly [field: string, code: string, message: string])[] = [
  [
    "{path: /x, source: nothing}",
    "file-not-found",
    ": CONTEXT/nothing: looking for the source failed: no such file or folder",
  ],
  [
    "{path: /x, source: dangling}",
    "file-not-found",
    ": CONTEXT/dangling: looking for the source failed: no such file or folder",
  ],
  [
    "{path: /x, source: out}",
    "path-unsafe",
    ".source: expected a path inside of the build context CONTEXT, found out, which leads to PARENT/outside",
  ],
  [
    "{path: /x, source: up/outside}",
    "path-unsafe",
    ".source: expected a path inside of the build context CONTEXT, found up/outside, which leads to PARENT/outside",
  ],
  // A folder whose name begins with that of the context is not inside of it.
  [
    "{path: /x, source: sibling/x}",
    "path-unsafe",
    ".source: expected a path inside of the build context CONTEXT, found sibling/x, which leads to CONTEXT-other/x",
  ],
  [
    "{path: /x, source: one.conf, uid: nobdy}",
    "config-invalid",
    `.uid: expected a user of the image's /etc/passwd, found "nobdy"; did you mean nobody?`,
  ],
  [
    "{path: /x, source: one.conf, gid: staff}",
    "config-invalid",
    `.gid: expected a group of the image's /etc/group, found "staff"`,
  ],
  [
    "{path: /etc, source: one.conf}",
    "file-exists",
    ".path: expected no directory at /etc, found one",
  ],
  ["{path: /etc, content: x}", "file-exists", ": /etc: expected no directory there, found one"],
  [
    "{path: /etc/passwd, source: app}",
    "file-conflict",
    ": /etc/passwd: /etc/passwd is a file; expected a directory",
  ],
  [
    "{path: /etc/passwd/x, content: x}",
    "file-conflict",
    ": /etc/passwd/x: /etc/passwd is a file; expected a directory",
  ],
];

test("what cannot be put there names its field, what was expected and what was found", async (context) => {
  const contextFolder = sampleContext(context);
  for (const [field, code, message] of refusals) {
    const tree = await sampleTree(baselayout);
    await assert.rejects(
      applyYaml(tree, `files: [${field}]`, { contextFolder }),
      (error: Error & { code: string; hint?: string }) => {
        const said = error.message
          .replaceAll(contextFolder, "CONTEXT")
          .replaceAll(join(contextFolder, ".."), "PARENT");
        assert.equal(said, `i.yaml: files[0]${message}`);
        assert.equal(error.code, code);
        assert.ok(error.hint);
        return true;
      },
    );
  }
});

test("the context may itself be reached by a link, and be the source", async (context) => {
  const contextFolder = temporaryFolder(context);
  mkdirSync(join(contextFolder, "real"));
  writeFileSync(join(contextFolder, "real/a"), "a");
  symlinkSync("real", join(contextFolder, "link"));
  const tree = await sampleTree(baselayout);
  await applyYaml(tree, "files: [{path: /all, source: /}]", {
    contextFolder: join(contextFolder, "link"),
  });
  assert.equal(await textAt(tree, "all/a"), "a");
});

test("a socket in a folder is refused, and so are more entries than the limit", async (context) => {
  const contextFolder = sampleContext(context);
  const tree = await sampleTree(baselayout);
  await assert.rejects(
    applyYaml(tree, "files: [{path: /x, source: app}]", {
      contextFolder,
      limits: { ...defaultLimits, entries: 3 },
    }),
    { code: "limit-exceeded" },
  );
  const server = createServer().listen(join(contextFolder, "app/socket"));
  await once(server, "listening");
  context.after(() => server.close());
  await assert.rejects(applyYaml(tree, "files: [{path: /x, source: app}]", { contextFolder }), {
    code: "io-failed",
    message:
      /^i\.yaml: files\[0\]: .*\/app\/socket: expected a file, a folder or a symlink, found a device, pipe or socket$/,
  });
});

test("a name that is not UTF-8 is refused", async (context) => {
  const contextFolder = temporaryFolder(context);
  writeFileSync(Buffer.concat([Buffer.from(`${contextFolder}/m`), Buffer.of(0xfc)]), "x");
  const tree = await sampleTree(baselayout);
  await assert.rejects(applyYaml(tree, "files: [{path: /x, source: /}]", { contextFolder }), {
    code: "path-unsafe",
    message: /expected names in UTF-8/,
  });
});
