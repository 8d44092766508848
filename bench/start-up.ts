/** Bench start-up: `bivy --version` beside a Node that does nothing. */
import { fileURLToPath } from "node:url";
import { race } from "./race.ts";
import type { Benchmark } from "./report.ts";

/** The compiled command line. */
export const bivy = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

export const benchmark: Benchmark = {
  name: "start-up",
  summary: "the least that a command costs",
  run() {
    const measured = race(
      [
        { name: "node -e 0", command: [process.execPath, "-e", "0"] },
        { name: "bivy --version", command: [process.execPath, bivy, "--version"] },
        { name: "bivy build --help", command: [process.execPath, bivy, "build", "--help"] },
      ],
      41,
    );
    return {
      measured,
      comparisons: [
        { name: "bivy --version", peer: "node -e 0", goal: 1.5 },
        { name: "bivy build --help", peer: "node -e 0" },
      ],
    };
  },
};
