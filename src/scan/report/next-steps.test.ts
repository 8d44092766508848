import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding, Remedy } from "../finding.ts";
import { nextSteps } from "./next-steps.ts";
import { joinByOrigin } from "./origin-finding.ts";
import { hostileTexts, sampleFinding, samplePackage } from "./sample-report.test.ts";

function findingWith(name: string, remedy: Remedy, more: Partial<Finding> = {}): Finding {
  return sampleFinding("CVE-2024-1", samplePackage(`${name} 1-r0`), { ...more, remedy });
}

function upgrade(...names: readonly string[]): Remedy {
  return { kind: "upgrade", command: `apk upgrade ${names.join(" ")}`, text: "upgrade" };
}

function stepsOf(findings: readonly Finding[]) {
  return nextSteps(joinByOrigin(findings)).map(({ kind, command, mends }) => [
    kind,
    command?.join(" "),
    mends,
  ]);
}

test("commands of a kind are joined, each package once, by name", () => {
  assert.deepEqual(
    stepsOf([
      findingWith("b", upgrade("b", "a")),
      findingWith("c", upgrade("c", "b")),
      findingWith("d", {
        kind: "move-branch",
        command: "FROM alpine:3.22",
        text: "v3.15 gets no more fixes",
      }),
      findingWith("e", { kind: "wait", text: "not there yet" }),
      findingWith("f", { kind: "wait", text: "neither" }),
      findingWith("g", { kind: "wait", text: "nor this" }),
    ]),
    [
      ["wait", undefined, 3],
      ["upgrade", "apk upgrade a b c", 2],
      ["move-branch", "FROM alpine:3.22", 1],
    ],
  );
});

test("packages of one origin are one vulnerability", () => {
  const of = (name: string) =>
    sampleFinding("CVE-2024-1", samplePackage(`${name} 1-r0 openssl`), {
      remedy: upgrade("libcrypto3", "libssl3"),
    });
  assert.deepEqual(stepsOf([of("libcrypto3"), of("libssl3")]), [
    ["upgrade", "apk upgrade libcrypto3 libssl3", 1],
  ]);
});

test("a command holds nothing that a shell would obey, whatever a package is called", () => {
  for (const hostile of [...hostileTexts, "a;b", "$x", "-X", "a'b", "*"]) {
    const [step] = nextSteps(joinByOrigin([findingWith("a", upgrade("fine", hostile))]));
    assert.match(step!.command!.join(" "), /^apk upgrade( [A-Za-z0-9_][A-Za-z0-9_.+-]*)+$/);
    const whole = { kind: "move-branch", command: `FROM x ${hostile}\nRUN y`, text: "" } as const;
    assert.equal(nextSteps(joinByOrigin([findingWith("a", whole)]))[0]!.command, undefined);
  }
});

test("a package that no command can hold is said to be one", () => {
  const [step] = nextSteps(joinByOrigin([findingWith("$x", upgrade("$x"))]));
  assert.equal(step!.command, undefined);
  assert.match(step!.text, /names that no command can hold$/);
});
