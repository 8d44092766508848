/** Bench index: loading and verifying a large index, and finding packages in it by a word. */
import { compileProgram } from "./compile.ts";
import { outputOf, race, type Contender } from "./race.ts";
import {
  addEmptyRoot,
  largeIndex,
  largeIndexArch,
  whyNoReference,
  withReference,
} from "./reference.ts";
import type { Benchmark } from "./report.ts";

const program = "find-packages";
/** Where the index comes from: its signature counts only there. */
export const largeIndexUrl = "https://dl-cdn.alpinelinux.org/alpine/v3.17/main";
const word = "nginx";

export const benchmark: Benchmark = {
  name: "index",
  summary: `whole process: load and verify an index of 5,004 packages, find those with "${word}"`,
  run() {
    const reason = whyNoReference();
    if (reason !== undefined) return { skipped: reason };
    return withReference(async (reference, folder) => {
      const compiled = await compileProgram(program, folder);
      const flags = addEmptyRoot(reference);
      const apk: Contender = {
        name: "apk search",
        command: reference.apk(...flags, "search", word),
      };
      const bivy: Contender = {
        name: "bivy",
        command: [process.execPath, compiled, largeIndex, largeIndexUrl, largeIndexArch, word],
      };
      if (sortedLines(outputOf(apk)) !== sortedLines(outputOf(bivy)))
        throw new Error("apk and bivy find different packages");
      const measured = race(
        [{ name: "node -e 0", command: [process.execPath, "-e", "0"] }, apk, bivy],
        21,
      );
      return { measured, comparisons: [{ name: "bivy", peer: "apk search" }] };
    });
  },
};

function sortedLines(text: string): string {
  return text.trim().split("\n").sort().join("\n");
}
