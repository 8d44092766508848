/** TreeRoot and DirectoryRoot against one another: whoever writes to a root must not notice which it is. */
import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  BivyError,
  bytesContent,
  collectBytes,
  encodeText,
  joinPath,
  type Content,
} from "../base/index.ts";
import { DirectoryRoot, TreeRoot, type Attributes, type Root } from "./index.ts";

type Step =
  | { readonly do: "makeDirectory" | "setAttributes"; readonly path: string; readonly mode: number }
  | {
      readonly do: "writeFile";
      readonly path: string;
      readonly mode: number;
      readonly text: string;
      readonly fails: boolean;
    }
  | { readonly do: "makeSymlink"; readonly path: string; readonly target: string }
  | { readonly do: "makeLink" | "rename"; readonly path: string; readonly other: string }
  | { readonly do: "remove"; readonly path: string };

const path = fc.constantFrom("a", "b", "a/a", "a/b", "b/a", "a/a/b", "l", "l/a", "l/b", "\udcfc");
// The owner keeps all rights, so that the test needs none of the system administrator's.
const mode = fc.constantFrom(0o755, 0o700, 0o1777, 0o4711);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("makeDirectory", "setAttributes"), path, mode }),
  fc.record({
    do: fc.constant("writeFile" as const),
    path,
    mode,
    text: fc.constantFrom("", "x", "longer text"),
    fails: fc.boolean().map((fails) => fails),
  }),
  fc.record({
    do: fc.constant("makeSymlink" as const),
    path: fc.oneof(path, fc.constant("l")),
    target: fc.constantFrom("a", "../b", "/etc", "l", "nowhere"),
  }),
  fc.record({ do: fc.constantFrom("makeLink", "rename"), path, other: path }),
  fc.record({ do: fc.constant("remove" as const), path }),
);

/** Gives half of its bytes, then fails. */
function failingContent(text: string): Content {
  return {
    size: text.length * 2,
    *chunks() {
      yield encodeText(text);
      throw new BivyError("checksum-mismatch", "the content failed");
    },
  };
}

async function carryOut(root: Root, each: Step): Promise<unknown> {
  const attributes = (bits: number): Attributes => ({
    mode: bits,
    uid: process.getuid!(),
    gid: process.getgid!(),
    mtime: 1000 + bits,
  });
  switch (each.do) {
    case "makeDirectory":
    case "setAttributes":
      return root[each.do](each.path, attributes(each.mode));
    case "writeFile": {
      const content = each.fails ? failingContent(each.text) : bytesContent(encodeText(each.text));
      return root.writeFile(each.path, attributes(each.mode), content);
    }
    case "makeSymlink":
      return root.makeSymlink(each.path, each.target, attributes(0o777));
    case "makeLink":
      return root.makeLink(each.path, each.other);
    case "rename":
      return root.rename(each.other, each.path);
    case "remove":
      return root.remove(each.path);
  }
}

/** What came of a step: its value, or the code of its error. */
async function outcome(root: Root, each: Step): Promise<unknown> {
  try {
    return await carryOut(root, each);
  } catch (error) {
    if (error instanceof BivyError) return error.code;
    throw error;
  }
}

/** All that stands in a root; `identity` is the same for two names of one file. */
async function describe(
  root: Root,
  identity: (path: string) => unknown,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const first = new Map<unknown, string>();
  const walk = async (folder: string): Promise<void> => {
    for (const name of root.list(folder)) {
      const below = joinPath(folder, name);
      const entry = root.lookup(below)!;
      const parts: unknown[] = [entry.kind, entry.mode, entry.uid, entry.gid];
      // The kernel dates a directory anew whenever something in it changes.
      if (entry.kind !== "directory") parts.push(entry.mtime);
      if (entry.kind === "symlink") parts.push(entry.target);
      if (entry.kind === "file") {
        const bytes = await collectBytes(entry.content.chunks(), 1000, () => new Error("large"));
        const same = first.get(identity(below)) ?? below;
        first.set(identity(below), same);
        parts.push(Buffer.from(bytes).toString(), same);
      }
      found.set(below, parts.join(" "));
      if (entry.kind === "directory") await walk(below);
    }
  };
  await walk("");
  return found;
}

test("a tree in memory and a directory behave alike", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bivy-tree-"));
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        const top = join(folder, String(++run));
        const directory = new DirectoryRoot(folder, { owners: false });
        directory.makeDirectory(String(run), { mode: 0o755, uid: 0, gid: 0, mtime: 0 });
        const onDisk = new DirectoryRoot(top, { owners: process.getuid!() === 0 });
        const inMemory = new TreeRoot({ memory: 1000 });
        for (const [index, each] of steps.entries()) {
          const said = `step ${index}: ${JSON.stringify(each)}`;
          assert.equal(await outcome(onDisk, each), await outcome(inMemory, each), said);
          const hostPath = (below: string) =>
            Buffer.concat([Buffer.from(`${top}/`), Buffer.from(bytesOf(below))]);
          assert.deepEqual(
            await describe(onDisk, (below) => lstatSync(hostPath(below)).ino),
            await describe(inMemory, (below) => inMemory.lookup(below)),
            said,
          );
        }
      }),
      { numRuns: 120 },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The one name here that is not ASCII stands for the byte 0xfc. */
function bytesOf(below: string): Uint8Array {
  return Buffer.from(below.replace("\udcfc", "\xfc"), "latin1");
}
