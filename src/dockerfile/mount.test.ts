import assert from "node:assert/strict";
import { test } from "node:test";
import { isBivyError } from "../base/index.ts";
import { parseDockerfile } from "./dockerfile.ts";
import { parseMount, type Mount } from "./mount.ts";

function mountOf(value: string, variables: Readonly<Record<string, string>> = {}): Partial<Mount> {
  const { syntax, stages } = parseDockerfile(`FROM a\nRUN --mount=${value} x\n`, { subject: "x" });
  const [run] = stages[0]!.instructions;
  assert.ok(run?.name === "RUN");
  const expand = (text: string) =>
    text.replace(/\$(\w+)/g, (_, name: string) => variables[name] ?? "");
  const mount = parseMount(syntax.source, run.mounts[0]!, expand);
  const set = Object.entries(mount).filter(([, entry]) => entry !== undefined && entry !== false);
  return Object.fromEntries(set) as Partial<Mount>;
}

const mounts: readonly (readonly [string, Partial<Mount>])[] = [
  ["target=/a", { type: "bind", target: "/a", readOnly: true }],
  ["type=bind,src=a,dst=/b,from=c,rw", { type: "bind", source: "a", target: "/b", from: "c" }],
  ["TYPE=Cache,destination=/a", { type: "cache", target: "/a" }],
  [
    "type=cache,id=a,target=/a,sharing=LOCKED,mode=0700,uid=1,gid=2,ro",
    {
      type: "cache",
      id: "a",
      target: "/a",
      sharing: "locked",
      mode: 0o700,
      uid: 1,
      gid: 2,
      readOnly: true,
    },
  ],
  ["type=tmpfs,target=/a,size=1.5m", { type: "tmpfs", target: "/a", size: 1.5 * 1024 * 1024 }],
  ["type=tmpfs,target=/a,size=64MiB", { type: "tmpfs", target: "/a", size: 64 * 1024 * 1024 }],
  [
    "type=secret,id=a,required,mode=0400,env=B",
    { type: "secret", id: "a", required: true, mode: 0o400, env: "B", readOnly: true },
  ],
  ["type=ssh,required=false", { type: "ssh", readOnly: true }],
  ["type=bind,readwrite=0,target=/a", { type: "bind", target: "/a", readOnly: true }],
  ['\\"source=a,b\\",target=/c', { type: "bind", source: "a,b", target: "/c", readOnly: true }],
  ["type=$t,target=/$d,sharing=private", { type: "cache", target: "/e", sharing: "private" }],
];

test("mounts are read with their variables expanded", () => {
  for (const [value, expected] of mounts)
    assert.deepEqual(mountOf(value, { t: "cache", d: "e" }), expected, value);
});

test("what a variable brings is checked when it is known", () => {
  assert.throws(
    () => mountOf("type=$t,target=/a", { t: "disk" }),
    (error) => {
      assert.ok(isBivyError(error, "dockerfile-invalid"));
      assert.equal(
        error.message,
        'x:2:13: type expects bind, cache, tmpfs, secret or ssh, found "disk"\n' +
          "  2 | RUN --mount=type=$t,target=/a x\n" +
          "    |             ^^^^^^^",
      );
      return true;
    },
  );
});
