import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIndex } from "../index-text.ts";
import { parseInstalled } from "../installed.ts";
import { parseCommandLine } from "./options.ts";
import { simulate, type Simulation } from "./simulate.ts";
import { parseWorld } from "../world.ts";

const identity = (letter: string) => `C:Q1${letter.repeat(26)}A=`;
const index = parseIndex(
  `${identity("a")}\nP:a\nV:1\nS:5\nI:1\nD:b\n\n${identity("b")}\nP:b\nV:1\nS:5\nI:1\n\n${identity("c")}\nP:b\nV:2\nS:5\nI:1\n\n`,
  { subject: "index" },
);
const installed = parseInstalled(
  `${identity("a")}\nP:a\nV:1\nI:1\nD:b\nF:usr/bin\nR:a\n\n${identity("b")}\nP:b\nV:1\nI:1\n\n`,
  { subject: "installed" },
);

function run(words: string, more: Partial<Simulation> = {}) {
  return simulate({
    words: words.split(" "),
    world: parseWorld("a b", { subject: "world" }),
    installed,
    repositories: [{ packages: index, remote: true }],
    architectures: ["x86_64"],
    ...more,
  });
}

test("del says who keeps a package, and -r takes those along", () => {
  const present = [{ packages: index.slice(0, 2), remote: true }];
  assert.equal(
    run("del b", { repositories: present }).output,
    "World updated, but the following packages are not removed due to:\n  b: a\n\nOK: 2 B in 2 packages\n",
  );
  assert.equal(
    run("del -r b").output,
    "(1/2) Purging a (1)\n(2/2) Purging b (1)\nOK: 0 B in 0 packages\n",
  );
  assert.deepEqual(
    [run("del nope").output, run("del nope").exitCode],
    ["ERROR: No such package: nope\n", 1],
  );
});

test("add -u upgrades what is named, --no-network keeps what is there", () => {
  assert.equal(run("add -u b").output, "(1/1) Upgrading b (1 -> 2)\nOK: 2 B in 2 packages\n");
  assert.equal(run("--no-network add -u b").output, "OK: 2 B in 2 packages\n");
  assert.equal(run("upgrade -qq").output, "");
});

test("patterns and unknown names", () => {
  assert.equal(run("fix B*").output, "(1/1) Reinstalling b (1)\nOK: 2 B in 2 packages\n");
  const { output, exitCode } = run("fix nope a");
  assert.deepEqual([output, exitCode], ["ERROR: Package 'nope' not found\n", 1]);
});

test("-v counts directories and files and lists what happens", () => {
  const { output } = run("-v upgrade --no-self-upgrade");
  assert.equal(output, "(1/1) Upgrading b (1 -> 2)\nOK: 2 packages, 3 dirs, 1 files, 2 B\n");
  assert.match(
    run("-i upgrade --no-self-upgrade").output,
    /^The following packages will be upgraded:\n {2}b\nNeed to download 5 B of packages\.\nAfter this operation, 0 B of additional disk space will be used\.\n/,
  );
});

test("a virtual package without a version gets the time", () => {
  const now = () => new Date("2024-02-03T04:05:06Z");
  assert.equal(
    run("add -t .deps a b", { now }).output,
    "(1/1) Installing .deps (20240203.040506)\nOK: 2 B in 3 packages\n",
  );
});

test("a tag that no repository has", () => {
  assert.deepEqual(run("add a@edge").output.split("\n").slice(0, 2), [
    "WARNING: The repository tag for world dependency 'a@edge' does not exist",
    "ERROR: Not committing changes due to missing repository tags.",
  ]);
});

test("command lines", () => {
  const line = parseCommandLine(["-U", "add", "--virtual=.x", "--no-net", "-ul", "--", "-a", "b"]);
  assert.equal(line.command, "add");
  assert.deepEqual(line.operands, ["-a", "b"]);
  assert.deepEqual(line.values.get("network"), ["no"]);
  assert.deepEqual(line.values.get("virtual"), [".x"]);
  assert.ok(line.values.has("upgrade") && line.values.has("latest"));
  assert.equal(parseCommandLine(["-t", "add", "add", "x"]).command, "add");
  const mistakes: readonly [string, string][] = [
    ["add --nope", "unrecognized option 'nope'"],
    ["add --cache-p", "ambiguous option 'cache-p'"],
    ["add -t", "option 't' expects an argument"],
    ["add --latest=yes", "option 'latest' does not expect argument (got 'yes')"],
    ["add --network=maybe", "invalid argument for option 'network': 'maybe'"],
  ];
  for (const [words, message] of mistakes)
    assert.equal(parseCommandLine(words.split(" ")).error, `command line: ${message}`);
});
