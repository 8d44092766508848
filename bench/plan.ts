/** Bench plan: what would be installed for 24 names, 394 packages, from a large index. */
import { readFileSync } from "node:fs";
import { largeIndexUrl } from "./index.ts";
import { compileProgram } from "./compile.ts";
import { outputOf, race, type Contender } from "./race.ts";
import {
  addEmptyRoot,
  largeIndex,
  largeIndexArch,
  largeWorld,
  whyNoReference,
  withReference,
} from "./reference.ts";
import type { Benchmark } from "./report.ts";

const program = "plan-packages";

export const benchmark: Benchmark = {
  name: "plan",
  summary:
    "whole process: load and verify an index of 5,004 packages, plan 24 names, print 394 lines",
  run() {
    const reason = whyNoReference();
    if (reason !== undefined) return { skipped: reason };
    const names = readFileSync(largeWorld, "utf8").trim().split(/\s+/);
    return withReference(async (reference, folder) => {
      const compiled = await compileProgram(program, folder);
      const flags = addEmptyRoot(reference);
      const apk: Contender = {
        name: "apk add --simulate",
        command: reference.apk(...flags, "--simulate", "add", ...names),
      };
      const bivy: Contender = {
        name: "bivy",
        command: [process.execPath, compiled, largeIndex, largeIndexUrl, largeIndexArch, ...names],
        inside: (stderr) => JSON.parse(stderr) as Record<string, number>,
      };
      if (planLines(outputOf(apk)) !== planLines(outputOf(bivy)))
        throw new Error("apk and bivy plan differently");
      const measured = race(
        [
          {
            name: "apk add --simulate, no names",
            command: reference.apk(...flags, "--simulate", "add"),
          },
          apk,
          bivy,
        ],
        21,
      );
      return {
        measured,
        comparisons: [
          { name: "bivy", peer: "apk add --simulate", goal: 3 },
          { name: "bivy: solve", peer: "apk add --simulate", goal: 1 },
        ],
        notes: [
          "bivy: solve is the first and only solve of its process, so nothing is warm. Names and providers",
          "are what apk links while it loads an index: the solver's input on both sides.",
          "Without names apk loads and verifies the same index: the difference is what its solver takes.",
        ],
      };
    });
  },
};

function planLines(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.startsWith("("))
    .join("\n");
}
