/**
 * The RUN lines of real Dockerfiles that run apk: which of them can be read whole, and why the others
 * cannot. What they ask for there is known when they have run, and no sooner.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseDockerfile } from "../../../dockerfile/index.ts";
import { planDockerfile } from "../plan.ts";
import { type RunStep } from "../steps.ts";
import { conditionOf, type Action } from "./action.ts";
import { readRun } from "./read-run.ts";

const folder = fileURLToPath(new URL("../../../../../shared/conformance/", import.meta.url));
const suites = ["dockerfile-corpus", "alpine-dockerfiles"];
const skip =
  suites.every((suite) => existsSync(join(folder, suite))) || process.env["CI"] !== undefined
    ? false
    : "../shared/conformance is not there";

const platform = { os: "linux", architecture: "amd64" };
const files = new Map([
  ["/etc/apk/repositories", "https://dl-cdn.alpinelinux.org/alpine/v3.19/main\n"],
  ["/etc/apk/arch", "x86_64\n"],
  ["/etc/alpine-release", "3.19.4\n"],
]);

/** The steps of all stages of a Dockerfile that speak of apk, and whether their base is Alpine's own image. */
function stepsOf(text: string): { step: RunStep; isAlpine: boolean }[] {
  // Some are parts of a Dockerfile that stand in documentation.
  const whole = /^FROM/im.test(text) ? text : `FROM alpine\n${text}`;
  const dockerfile = parseDockerfile(whole, { subject: "Dockerfile" });
  return dockerfile.stages.flatMap(({ index }) => {
    const { target } = planDockerfile(dockerfile, {
      target: String(index),
      platform,
      buildPlatform: platform,
      base: () => ({ config: { Env: ["PATH=/usr/bin:/bin"] } }),
    });
    const { base } = target;
    const isAlpine = base.kind === "image" && base.reference.repository === "library/alpine";
    return target.steps
      .filter((step) => step.kind === "run")
      .filter(({ words }) => words.some((word) => /\bapk\b/.test(word)))
      .map((step) => ({ step, isAlpine }));
  });
}

/** Why an action is not known; undefined where it is, or where it does not matter. */
function reasonOf(action: Action): string | undefined {
  if (action.kind === "doubt") return action.reach === "none" ? undefined : action.reason;
  if (action.kind === "apk" && /^(?:add|del|upgrade|fix)$/.test(action.subcommand ?? ""))
    return conditionOf(action)?.reason;
  return undefined;
}

test("RUN lines of real Dockerfiles", { skip }, (context) => {
  const reasons = new Map<string, number>();
  let total = 0;
  let understood = 0;
  for (const suite of suites)
    for (const name of readdirSync(join(folder, suite)).sort())
      for (const { step, isAlpine } of stepsOf(readFileSync(join(folder, suite, name), "utf8"))) {
        const { actions } = readRun(step, {
          arch: "x86_64",
          files,
          hasApk: true,
          isEnvironmentKnown: isAlpine,
        });
        const [reason] = actions.flatMap((action) => reasonOf(action) ?? []);
        total++;
        if (reason === undefined) understood++;
        else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
  context.diagnostic(`${understood} of ${total} RUN lines read whole`);
  assert.deepEqual(Object.fromEntries(reasons), {
    // What a program that was just built is linked against.
    "the output of scanelf": 27,
    "the output of apk info": 1,
    // A config that this test does not have, and a build has.
    "the variable NGINX_VERSION, which the base image may set": 4,
  });
  assert.equal(total, 122);
});
