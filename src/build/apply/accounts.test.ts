import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits, readContent } from "../../base/index.ts";
import { TreeRoot } from "../../tree/index.ts";
import { applyYaml, attributesAt, baselayout, sampleTree, textAt } from "../sample-root.test.ts";

test("users and groups are added at the end, and other lines are not touched", async () => {
  const tree = await sampleTree(baselayout);
  await applyYaml(
    tree,
    `accounts:
  groups: [{groupname: web, gid: 80, members: [www, other]}]
  users:
    - {username: www, uid: 80, gid: 81, shell: /sbin/nologin, homedir: /srv/www}
    - {username: app, uid: 1000}`,
  );
  assert.equal(
    await textAt(tree, "etc/passwd"),
    `${baselayout.files["etc/passwd"]}www:x:80:81:Account created by bivy:/srv/www:/sbin/nologin
app:x:1000:1000:Account created by bivy:/home/app:/bin/sh
`,
  );
  assert.equal(
    await textAt(tree, "etc/group"),
    `${baselayout.files["etc/group"]}web:x:80:www,other\n`,
  );
  assert.equal(await textAt(tree, "etc/shadow"), "root:*::0:::::\nwww:!::0:::::\napp:!::0:::::\n");
  assert.equal(attributesAt(tree, "etc/passwd"), "file 644 0:0 now");
  assert.equal(attributesAt(tree, "srv"), "directory 755 0:0 now");
  assert.equal(attributesAt(tree, "srv/www"), "directory 700 80:81 now");
  assert.equal(attributesAt(tree, "home/app"), "directory 700 1000:1000 now");
});

/** What stands in etc/passwd, the accounts, and what stands there afterwards. */
const passwdCases: readonly (readonly [before: string, users: string, after: string])[] = [
  ["", "{username: a, uid: 1}", "a:x:1:1:Account created by bivy:/home/a:/bin/sh\n"],
  [
    "a:!:5:5:Mr A:/var/a:/sbin/nologin\nb:x:2:2::/:/bin/sh\n",
    "{username: a, uid: 7}",
    "a:!:7:7:Mr A:/home/a:/bin/sh\nb:x:2:2::/:/bin/sh\n",
  ],
  // No line break at the end, a comment, a name that begins with the same letters.
  [
    "# local\nab:x:2:2::/:/bin/sh",
    "{username: a, uid: 7, homedir: /}",
    "# local\nab:x:2:2::/:/bin/sh\na:x:7:7:Account created by bivy:/:/bin/sh\n",
  ],
  // The first line of a name counts, as it does for every program.
  [
    "a:x:1:1::/:/x\na:x:2:2::/:/y\n",
    "{username: a, uid: 7, homedir: /}",
    "a:x:7:7::/:/bin/sh\na:x:2:2::/:/y\n",
  ],
];

test("the line of a name is replaced and keeps password and comment", async () => {
  for (const [before, users, after] of passwdCases) {
    const tree = await sampleTree({ name: "p", files: { "etc/passwd": before } });
    await applyYaml(tree, `accounts: {users: [${users}]}`);
    assert.equal(await textAt(tree, "etc/passwd"), after, users);
    assert.equal(tree.lookup("etc/shadow"), undefined);
  }
});

test("bytes that are not UTF-8 survive", async () => {
  const tree = new TreeRoot();
  tree.makeDirectory("etc", { mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  const latin = Buffer.from("m\xfcller:x:1:1::/:/bin/sh\n", "latin1");
  await tree.writeFile(
    "etc/passwd",
    { mode: 0o640, uid: 0, gid: 42, mtime: 0 },
    { size: latin.length, chunks: () => [latin] },
  );
  await applyYaml(tree, "accounts: {users: [{username: a, uid: 1}]}");
  const entry = tree.lookup("etc/passwd");
  assert.ok(entry?.kind === "file");
  const bytes = await readContent(entry.content, defaultLimits, "passwd");
  assert.deepEqual(Buffer.from(bytes.subarray(0, latin.length)), latin);
  assert.equal(attributesAt(tree, "etc/passwd"), "file 640 0:42 now");
});

test("a group of a package keeps its members", async () => {
  const tree = await sampleTree(baselayout);
  await applyYaml(tree, "accounts: {groups: [{groupname: wheel, gid: 11, members: [app, root]}]}");
  assert.equal(await textAt(tree, "etc/group"), "root:x:0:root\nwheel:x:11:root,app\n");
});

test("files that do not exist are made, and without accounts nothing is written", async () => {
  const tree = new TreeRoot();
  await applyYaml(tree, "accounts: {run-as: 65532}");
  assert.deepEqual(tree.list(""), []);
  await applyYaml(
    tree,
    "accounts: {users: [{username: a, uid: 1}], groups: [{groupname: g, gid: 2}]}",
  );
  assert.equal(await textAt(tree, "etc/group"), "g:x:2:\n");
  assert.equal(attributesAt(tree, "etc/passwd"), "file 644 0:0 now");
});

test("etc/passwd may be a link, which is followed inside the root", async () => {
  const tree = await sampleTree({
    name: "p",
    files: {
      "usr/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
      "etc/passwd -> /../usr/etc/passwd": "",
    },
  });
  await applyYaml(tree, "accounts: {users: [{username: a, uid: 1, homedir: /}]}");
  assert.match(await textAt(tree, "usr/etc/passwd"), /\na:x:1:1:/);
});

test("a home that exists stays as it is, /dev/null is none, a file is refused", async () => {
  const tree = await sampleTree(baselayout, { name: "p", files: { "srv/": "", "opt/app": "x" } });
  await applyYaml(
    tree,
    `accounts:
  users:
    - {username: a, uid: 1, homedir: /srv}
    - {username: b, uid: 2, homedir: /dev/null}
    - {username: c, uid: 3, homedir: /var/run/c}`,
  );
  assert.equal(attributesAt(tree, "srv"), "directory 755 0:0 then");
  assert.equal(attributesAt(tree, "dev/null").split(" ")[0], "character");
  assert.equal(attributesAt(tree, "run/c"), "directory 700 3:3 now");
  await assert.rejects(
    applyYaml(tree, "accounts: {users: [{username: a, uid: 1, homedir: /opt/app}]}"),
    {
      code: "file-conflict",
      message:
        "i.yaml: accounts.users[0].homedir: /opt/app: /opt/app is a file; expected a directory",
      hint: "Choose another path, or leave out the package that brings it.",
    },
  );
});
