/** Scripts and what they print (scripts.json): as BusyBox 1.36 prints it, and as it is read without running them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRealAlpine, withRealApk } from "../../../../test/alpine-fixtures.ts";
import { parseDockerfile } from "../../../dockerfile/index.ts";
import { planDockerfile } from "../plan.ts";
import { type RunStep } from "../steps.ts";
import { readRun } from "./read-run.ts";
import scripts from "./scripts.json" with { type: "json" };

const plan = planDockerfile(parseDockerfile("FROM alpine\nRUN x\n", { subject: "Dockerfile" }), {
  base: () => ({ config: {} }),
});
const [run] = plan.target.steps as readonly RunStep[];

for (const { script, prints } of scripts)
  test(script, () => {
    const whole = `{\n${script}\n} > /printed`;
    const step = { ...run!, words: ["/bin/sh", "-c", whole], script: whole };
    const { written } = readRun(step, {
      arch: "x86_64",
      files: new Map(),
      hasApk: true,
      isEnvironmentKnown: true,
    });
    assert.equal(written.get("/printed"), prints);
  });

test("what the real shell prints", withRealApk, (context) => {
  const alpine = openRealAlpine(context);
  for (const { script, prints } of scripts) {
    const words = ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/root", "sh", "-c", script];
    assert.equal(alpine.run(...words).output, prints, script);
  }
});
