import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, property, uint8Array } from "fast-check";
import { emptyRoots } from "../../test/root-installation.ts";
import { readMinirootfs, withFixtures } from "../../test/alpine-fixtures.ts";
import { refuses } from "../../test/refusals.ts";
import { bytesContent, decodeName, defaultLimits as limits, encodeText } from "../base/index.ts";
import { TreeRoot } from "../tree/index.ts";
import { parseAccounts, readAccounts, readRootText } from "./accounts.ts";

const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };

test("lines of passwd and group", () => {
  const passwd = `root:x:0:0:root:/root:/bin/sh
# comment:x:1:1
:x:2:2
bin:x:1:1:bin:/bin:/sbin/nologin
bin:x:99:99:a second one:/:/bin/sh
short:x:5
minus:x:-1:0
word:x:ten:0
large:x:4294967295:0
huge:x:99999999999:0
most:x:4294967294:4294967295
blank:x::0
nogroup:x:7:

`;
  assert.deepEqual(
    [...parseAccounts(passwd, "passwd").values()],
    [
      { name: "root", id: 0, groupId: 0 },
      { name: "# comment", id: 1, groupId: 1 },
      { name: "bin", id: 1, groupId: 1 },
      { name: "short", id: 5 },
      { name: "most", id: 4294967294 },
      { name: "nogroup", id: 7 },
    ],
  );
  assert.deepEqual(
    [...parseAccounts("wheel:x:10:root,me\nnogroup:x:65533:\n", "group").values()],
    [
      { name: "wheel", id: 10 },
      { name: "nogroup", id: 65533 },
    ],
  );
});

test("whatever stands there, reading it gives sound numbers", () => {
  const parts = array(constantFrom(":", "x", "0", "4294967295", "\n", "\r", "\0", "-", "root"));
  for (const text of [
    parts.map((all) => all.join("")),
    uint8Array({ maxLength: 100 }).map(decodeName),
  ])
    check(
      property(text, (given) => {
        for (const { id, groupId = 0 } of parseAccounts(given, "passwd").values())
          for (const number of [id, groupId]) assert.ok(number >= 0 && number < 2 ** 32 - 1);
      }),
    );
});

test("files are read through links, inside the root", async (context) => {
  for (const [kind, root] of emptyRoots(context)) {
    root.makeDirectory("etc", { ...attributes, mode: 0o755 });
    root.makeDirectory("usr", { ...attributes, mode: 0o755 });
    root.makeSymlink("etc/passwd", "/usr/passwd", attributes);
    root.makeSymlink("etc/group", "../../../../usr/../usr/group", attributes);
    assert.equal(await readRootText(root, "etc/passwd", limits), "", kind);
    await root.writeFile("usr/passwd", attributes, bytesContent(encodeText("in:x:1:1\n")));
    await root.writeFile("usr/group", attributes, bytesContent(encodeText("in:x:2:\n")));
    const { users, groups } = await readAccounts(root, limits);
    assert.deepEqual([users.get("in")?.id, groups.get("in")?.id], [1, 2], kind);
    assert.ok(!users.has("root"), `${kind} read the host's passwd`);
    assert.equal(await readRootText(root, "usr", limits), "", kind);
  }
});

test("links in a loop, and a file that is too large", async () => {
  const root = new TreeRoot();
  root.makeSymlink("a", "b", attributes);
  root.makeSymlink("b", "a", attributes);
  await refuses(() => readRootText(root, "a", limits), {
    code: "path-unsafe",
    message: "a: leads through more than 40 symlinks",
    hint: "The links form a loop",
  });
  await root.writeFile("large", attributes, bytesContent(Buffer.alloc(101)));
  await refuses(() => readRootText(root, "large", { ...limits, "document-size": 100 }), {
    code: "limit-exceeded",
    message: "large: exceeds the limit document-size of 100",
    hint: "--limit document-size=N",
  });
});

test("accounts of a real root", withFixtures, async () => {
  const { users, groups } = await readAccounts(await readMinirootfs("3.19.4"), limits);
  assert.deepEqual(users.get("nobody"), { name: "nobody", id: 65534, groupId: 65534 });
  assert.equal(groups.get("shadow")?.id, 42);
});
