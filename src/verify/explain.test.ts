import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeText, hashBytes } from "../base/index.ts";
import { explainChange, findNewUsers } from "./explain.ts";

const packaged = (text: string) =>
  ({ algorithm: "sha1", bytes: hashBytes("sha1", encodeText(text)) }) as const;

function explain(path: string, before: string, now: string, newUsers: readonly string[] = []) {
  return explainChange(path, encodeText(now), packaged(before), newUsers);
}

test("lines at the end are found, whatever stands before them", () => {
  const line = fc.stringMatching(/^[a-z:]{1,12}$/);
  fc.assert(
    fc.property(fc.array(line), fc.array(line, { minLength: 1 }), (old, added) => {
      const text = (lines: readonly string[]) => lines.map((each) => `${each}\n`).join("");
      const found = explain("etc/some.conf", text(old), text([...old, ...added]));
      const count = added.length === 1 ? "1 line was" : `${added.length} lines were`;
      assert.deepEqual(found, { text: `${count} added at the end`, harmless: false });
    }),
  );
});

test("another change is not explained", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, at) => {
      const changed = Uint8Array.from(bytes);
      changed[at % bytes.length]! ^= 1;
      const expected = { algorithm: "sha1", bytes: hashBytes("sha1", bytes) } as const;
      assert.equal(explainChange("etc/x", changed, expected, []), undefined);
    }),
  );
  assert.equal(explain("etc/passwd", "a\nb\n", "b\na\n"), undefined);
  assert.equal(explain("etc/passwd", "a\nb\n", "a\n"), undefined);
});

test("a locked root is harmless, and nothing else in etc/shadow is", () => {
  const before = "root:::0:::::\nbin:!::0:::::\n";
  for (const lock of ["!", "*"]) {
    const locked = before.replace("root::", `root:${lock}:`);
    assert.equal(explain("etc/shadow", before, locked)?.harmless, true);
    assert.deepEqual(explain("etc/shadow", before, `${locked}app:!:0:0:99999:7:::\n`), {
      text: "root cannot log in with a password, as in Alpine's own images; 1 line was added at the end: app",
      harmless: false,
    });
    assert.equal(explain("etc/passwd", before, locked), undefined);
  }
  assert.equal(explain("etc/shadow", before, before.replace("root::", "root:$6$x:")), undefined);
  assert.equal(explain("etc/shadow", before, before.replace("bin:!:", "bin::")), undefined);
});

test("users that were added join groups", () => {
  const passwd = "root:x:0:0\n";
  const users = findNewUsers(encodeText(`${passwd}app:x:1000:1000\nweb:x:9:9\n`), packaged(passwd));
  assert.deepEqual(users, ["app", "web"]);
  const before = "root:x:0:root\nwheel:x:10:root\nmail:x:12:\n";
  const now = "root:x:0:root\nwheel:x:10:root,app\nmail:x:12:app,web\nteam:x:99:app\n";
  assert.deepEqual(explain("etc/group", before, now, users), {
    text: "app joined wheel; app, web joined mail; 1 line was added at the end: team",
    harmless: false,
  });
  assert.equal(explain("etc/group", before, now, ["app"]), undefined);
  assert.equal(
    explain("etc/group", before, now.replace("wheel:x:10", "wheel:x:0"), users),
    undefined,
  );
});

test("a password is not told", () => {
  const before = "root:::0:::::\n";
  const now = `${before}app:$6$secret$hash:0:0:99999:7:::\n`;
  assert.doesNotMatch(explain("etc/shadow", before, now)!.text, /secret|hash/);
});

test("what is too large is not looked into", () => {
  const text = "x\n".repeat(40_000);
  assert.equal(explain("etc/x", text, `${text}y\n`), undefined);
});
