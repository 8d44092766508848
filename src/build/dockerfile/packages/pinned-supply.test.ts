import assert from "node:assert/strict";
import { test } from "node:test";
import { packSample, sampleKey } from "../../../../test/signed-repository.ts";
import { packageLabel, repositoryAt, type LoadedIndex, type Package } from "../../../apk/index.ts";
import { type LockedPackage } from "../../lock.ts";
import { pinIndexes } from "./pinned-supply.ts";
import { samples } from "./sample-lock.test.ts";

const url = "https://example.com/main";

function packed(texts: readonly string[]): Package[] {
  return samples(...texts).map((each) => packSample(each, sampleKey()).package);
}

function lockedAt(texts: readonly string[], repository = url): LockedPackage[] {
  return packed(texts).map((subject) => ({
    package: subject,
    repository,
    location: `${repository}/${subject.name}.apk`,
  }));
}

function indexOf(packages: readonly Package[]): LoadedIndex {
  return {
    repository: repositoryAt(url),
    location: url,
    description: "",
    verified: undefined,
    packages,
  };
}

interface Case {
  readonly locked: readonly string[];
  readonly installed?: readonly string[];
  readonly now: readonly string[];
  readonly update: readonly string[];
  /** What may be chosen. */
  readonly left: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  "names of the lock stay, others are free": {
    locked: ["a", "b"],
    now: ["a", "a-2.0-r0", "b-2.0-r0", "c", "c-2.0-r0"],
    update: [],
    left: ["a-1.0-r0", "b-1.0-r0", "c-1.0-r0", "c-2.0-r0"],
  },
  "what is installed stays too": {
    locked: [],
    installed: ["musl"],
    now: ["musl", "musl-2.0-r0"],
    update: [],
    left: ["musl-1.0-r0"],
  },
  "what is updated drags what it needs": {
    locked: ["a: b=1.0-r0", "b: c", "c", "d"],
    now: ["a-2.0-r0: b=2.0-r0", "b-2.0-r0: c>=2", "c-2.0-r0", "d-2.0-r0"],
    update: ["a"],
    left: ["a-2.0-r0", "b-2.0-r0", "c-2.0-r0", "d-1.0-r0"],
  },
  "and those that need its old version": {
    locked: ["library", "app: library=1.0-r0", "other: library"],
    now: ["library-2.0-r0", "app-2.0-r0: library=2.0-r0", "other-2.0-r0: library"],
    update: ["library"],
    left: ["library-2.0-r0", "app-2.0-r0", "other-1.0-r0"],
  },
  "names that packages provide count": {
    locked: ["app: so:x=1", "x: +so:x=1"],
    now: ["app-2.0-r0: so:x=2", "x-2.0-r0: +so:x=2"],
    update: ["app"],
    left: ["app-2.0-r0", "x-2.0-r0"],
  },
};

for (const [name, { locked, installed = [], now, update, left }] of Object.entries(cases))
  test(name, () => {
    const pins = { locked: lockedAt(locked), update: new Set(update) };
    const { indexes } = pinIndexes([indexOf(packed(now))], pins, packed(installed));
    assert.deepEqual(
      indexes.flatMap(({ packages }) => packages.map(packageLabel)).sort(),
      [...left].sort(),
    );
  });

test("what a mirror dropped, and what came from elsewhere, is still there", () => {
  const elsewhere = "https://example.com/community";
  const locked = [...lockedAt(["a"]), ...lockedAt(["b"], elsewhere)];
  const { indexes, dropped } = pinIndexes(
    [indexOf(packed(["a-2.0-r0", "b-2.0-r0"]))],
    { locked, update: new Set() },
    [],
  );
  assert.deepEqual(
    indexes.map(({ repository, packages }) => [repository.url, packages.map(packageLabel)]),
    [
      [url, ["a-1.0-r0"]],
      [elsewhere, ["b-1.0-r0"]],
    ],
  );
  assert.deepEqual([...dropped.values()], locked);
});
