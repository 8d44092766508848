import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAtoms } from "./atom.ts";
import { decideOwner, outranksOnDirectories, type Claimant, type Decision } from "./ownership.ts";
import { createPackage } from "./package.ts";

/** `name[-version] [o:origin] [r:replaces…] [p:priority]`; the origin is the name unless given. */
function claimant(text: string): Claimant {
  const [label, ...words] = text.split(" ");
  const [name, version = "1.0-r0"] = label!.split("-") as [string, string?];
  const field = (letter: string) =>
    words.filter((word) => word.startsWith(`${letter}:`)).map((word) => word.slice(2));
  return {
    package: createPackage({ name, version, origin: field("o")[0] ?? name }),
    replaces: field("r").flatMap((atom) => parseAtoms(atom)),
    replacesPriority: Number(field("p")[0] ?? 0),
  };
}

/** owner, newcomer, decision */
const files: readonly (readonly [string, string, Decision])[] = [
  ["a", "b", "conflict"],
  ["a-1", "a-2", "take"],
  ["a o:s", "b o:s", "take"],
  ["a o:s", "b o:t", "conflict"],
  ["a o:", "b o:", "conflict"],
  ["a", "b r:a", "take"],
  ["a", "b r:other", "conflict"],
  ["a r:b", "b", "keep"],
  // The owner's claim comes before a common origin.
  ["a o:s r:b", "b o:s", "keep"],
  // Both claim: the higher priority, else the newcomer.
  ["a r:b", "b r:a", "take"],
  ["a r:b p:2", "b r:a p:1", "keep"],
  ["a r:b p:1", "b r:a p:2", "take"],
  ["a r:b p:2", "b r:a p:2", "take"],
  // A priority without a claim counts for nothing.
  ["a p:9", "b r:a", "take"],
  ["a r:b", "b p:9", "keep"],
  ["a p:9", "b p:1", "conflict"],
  // Versions.
  ["a-1.0", "b r:a<2", "take"],
  ["a-2.0", "b r:a<2", "conflict"],
  ["a-1.5", "b r:a~1", "take"],
  ["a-1.0 r:b>1", "b-1", "conflict"],
  ["a-1.0 r:b>1", "b-1.0", "keep"],
  // `!a` claims nothing, and neither does what the other provides.
  ["a", "b r:!a", "conflict"],
];

test("whose a file is that two packages carry", () => {
  for (const [owner, newcomer, expected] of files)
    assert.equal(
      decideOwner(claimant(owner), claimant(newcomer)),
      expected,
      `${owner} | ${newcomer}`,
    );
});

/** first, then */
const directories: readonly (readonly [string, string])[] = [
  ["b p:1", "a"],
  ["b", "a o:other"],
  ["a o:x p:1", "b"],
  ["a", "b"],
  ["a o:x", "b o:x"],
  ["A", "a"],
];

test("whose attributes a directory has that two packages own", () => {
  for (const [first, second] of directories) {
    assert.ok(
      outranksOnDirectories(claimant(first), claimant(second)),
      `${first} before ${second}`,
    );
    assert.ok(
      !outranksOnDirectories(claimant(second), claimant(first)),
      `${second} after ${first}`,
    );
  }
});
