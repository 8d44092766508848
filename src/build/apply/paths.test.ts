import assert from "node:assert/strict";
import { test } from "node:test";
import {
  applyYaml,
  attributesAt,
  baselayout,
  sampleTree,
  textAt,
  type SamplePackage,
} from "../sample-root.test.ts";

const app: SamplePackage = {
  name: "app",
  files: {
    "bin/": "",
    "bin/busybox": "busybox",
    "bin/ls -> /bin/busybox": "",
    "opt/app/": "",
    "opt/app/a": "a",
    "opt/app/lib/": "",
    "opt/app/lib/b": "b",
    "opt/app/lib/c -> ../a": "",
    "opt/loop -> loop": "",
    "opt/gone -> /nowhere": "",
    "opt/file -> app/a": "",
    "opt/out -> ../../../../etc": "",
  },
};

/** A change, and what stands at some paths afterwards. */
const changes: readonly (readonly [change: string, after: Readonly<Record<string, string>>])[] = [
  [
    "{path: /run/nginx/a, type: directory, uid: 7, gid: 8, permissions: 0o750}",
    { "run/nginx": "directory 755 0:0 now", "run/nginx/a": "directory 750 7:8 now" },
  ],
  // A directory that exists gets the attributes and keeps its date and its owner.
  ["{path: /opt/app, type: directory}", { "opt/app": "directory 755 0:0 then" }],
  [
    "{path: /opt/app, type: directory, permissions: 0o700, gid: 9}",
    { "opt/app": "directory 700 0:9 then" },
  ],
  ["{path: /, type: directory, permissions: 0o711}", { "": "directory 711 0:0 0" }],
  [
    "{path: /opt/app, type: directory, permissions: 0o750, uid: 5, recursive: true}",
    {
      "opt/app/a": "file 750 5:0 then",
      "opt/app/lib": "directory 750 5:0 then",
      "opt/app/lib/b": "file 750 5:0 then",
      "opt/app/lib/c": "symlink 777 5:0 then",
      opt: "directory 755 0:0 then",
    },
  ],
  ["{path: /etc/empty, type: empty-file}", { "etc/empty": "file 644 0:0 now" }],
  [
    "{path: /opt/app/a, type: empty-file, permissions: 0o600, uid: 3}",
    { "opt/app/a": "file 600 3:0 now" },
  ],
  // A file takes the place of a link, and does not go through it.
  [
    "{path: /bin/ls, type: empty-file}",
    { "bin/ls": "file 644 0:0 now", "bin/busybox": "file 644 0:0 then" },
  ],
  // A link to a directory is followed on the way, as the kernel would in the image.
  [
    "{path: /var/run/x/y, type: empty-file}",
    { "run/x/y": "file 644 0:0 now", "var/run": "symlink 777 0:0 then" },
  ],
  ["{path: /var/run, type: directory, permissions: 0o700}", { run: "directory 700 0:0 then" }],
  ["{path: /opt/out/x, type: empty-file}", { "etc/x": "file 644 0:0 now" }],
  [
    "{path: /usr/bin/x, type: symlink, source: ../nowhere, uid: 4}",
    { "usr/bin/x": "symlink 777 4:0 now" },
  ],
  ["{path: /bin/ls, type: symlink, source: other}", { "bin/ls": "symlink 777 0:0 now" }],
  [
    "{path: /etc/x/hard, type: hardlink, source: /opt/app/a, permissions: 0o600, uid: 9}",
    { "etc/x/hard": "file 600 9:0 then", "opt/app/a": "file 600 9:0 then" },
  ],
  // The source may be named by a link; the link stands for the file itself.
  ["{path: /etc/hard, type: hardlink, source: /opt/file}", { "etc/hard": "file 644 0:0 then" }],
  [
    "{path: /opt/app/lib/b, type: hardlink, source: /opt/app/a}",
    { "opt/app/lib/b": "file 644 0:0 then" },
  ],
  ["{path: /opt/app/a, type: hardlink, source: /opt/app/a}", { "opt/app/a": "file 644 0:0 then" }],
  [
    "{path: /opt/app/a, type: permissions, permissions: 0o4755}",
    { "opt/app/a": "file 4755 0:0 then" },
  ],
  [
    "{path: /opt/file, type: permissions, gid: 6}",
    { "opt/app/a": "file 644 0:6 then", "opt/file": "symlink 777 0:0 then" },
  ],
  [
    "{path: /opt/app/lib, type: permissions, uid: 6, recursive: true}",
    {
      "opt/app/lib": "directory 755 6:0 then",
      "opt/app/lib/b": "file 644 6:0 then",
      "opt/app/a": "file 644 0:0 then",
    },
  ],
];

test("a change of a path does what it says", async () => {
  for (const [change, after] of changes) {
    const tree = await sampleTree(baselayout, app);
    await applyYaml(tree, `paths: [${change}]`);
    for (const [path, expected] of Object.entries(after))
      assert.equal(attributesAt(tree, path), expected, `${change}: /${path}`);
  }
});

/** A change that cannot be made, and how it is refused. */
const refusals: readonly (readonly [change: string, code: string, message: string])[] = [
  [
    "{path: /opt/gone/x, type: empty-file}",
    "symlink-parent",
    "(empty-file): /opt/gone/x: /opt/gone is a symlink to /nowhere; expected it to lead to a directory of the image, found nothing at /nowhere",
  ],
  [
    "{path: /opt/file/x, type: directory}",
    "symlink-parent",
    "(directory): /opt/file/x: /opt/file is a symlink to app/a; expected it to lead to a directory of the image, found a file at /opt/app/a",
  ],
  [
    "{path: /opt/loop/x, type: empty-file}",
    "path-unsafe",
    "(empty-file): opt/loop: leads through more than 40 symlinks",
  ],
  [
    "{path: /opt/app/a/x, type: empty-file}",
    "file-conflict",
    "(empty-file): /opt/app/a/x: /opt/app/a is a file; expected a directory",
  ],
  [
    "{path: /opt/app/a, type: directory}",
    "file-conflict",
    "(directory): /opt/app/a: /opt/app/a is a file; expected a directory",
  ],
  [
    "{path: /opt/app, type: empty-file}",
    "file-exists",
    "(empty-file): /opt/app: expected no directory there, found one",
  ],
  [
    "{path: /opt/app, type: symlink, source: x}",
    "file-exists",
    "(symlink): /opt/app: expected no directory there, found one",
  ],
  [
    "{path: /x, type: hardlink, source: /opt/app}",
    "file-not-found",
    "(hardlink): source: expected a file at /opt/app, found a directory",
  ],
  [
    "{path: /x, type: hardlink, source: /opt/gone}",
    "file-not-found",
    "(hardlink): source: expected a file at /nowhere, found nothing",
  ],
  [
    "{path: /dev/null, type: directory}",
    "file-conflict",
    "(directory): /dev/null: /dev/null is a character device; expected a directory",
  ],
  [
    "{path: /x/y, type: permissions, uid: 1}",
    "file-not-found",
    "(permissions): /x/y: expected a file or directory, found nothing",
  ],
  [
    "{path: /opt/gone, type: permissions, uid: 1}",
    "file-not-found",
    "(permissions): /opt/gone: expected its symlink to lead to a file or directory, found nothing at /nowhere",
  ],
];

test("a change that cannot be made names its field, what was expected and what was found", async () => {
  for (const [change, code, message] of refusals) {
    const tree = await sampleTree(baselayout, app);
    await assert.rejects(
      applyYaml(tree, `paths: [${change}]`),
      (error: Error & { code: string; hint?: string }) => {
        assert.equal(error.message, `i.yaml: paths[0] ${message}`);
        assert.equal(error.code, code);
        assert.ok(error.hint !== undefined && error.hint.length > 10);
        return true;
      },
    );
  }
});

test("a hard link shares the content, also with a file that it replaces", async () => {
  const tree = await sampleTree(baselayout, app);
  await applyYaml(
    tree,
    `paths:
  - {path: /opt/app/lib/b, type: hardlink, source: /opt/app/a}
  - {path: /opt/app/b2, type: hardlink, source: /opt/app/lib/b}`,
  );
  assert.equal(await textAt(tree, "opt/app/lib/b"), "a");
  assert.equal(tree.lookup("opt/app/b2"), tree.lookup("opt/app/a"));
  const link = tree.lookup("opt/app/lib/c");
  assert.ok(link?.kind === "symlink" && link.target === "../a");
});

test("later changes rest on earlier ones", async () => {
  const tree = await sampleTree(baselayout);
  await applyYaml(
    tree,
    `paths:
  - {path: /data, type: directory, uid: 5}
  - {path: /data/x, type: empty-file}
  - {path: /current, type: symlink, source: /data}
  - {path: /current/y, type: empty-file}
  - {path: /data, type: permissions, gid: 6, recursive: true}`,
  );
  assert.equal(attributesAt(tree, "data/x"), "file 644 0:6 now");
  assert.equal(attributesAt(tree, "data/y"), "file 644 0:6 now");
  assert.equal(attributesAt(tree, "data"), "directory 755 5:6 now");
});
