/** Bench inventory: what is in an image of 200 MB, without unpacking it, beside unpacking it with umoci. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTool } from "../test/requirements.ts";
import { compileProgram } from "./compile.ts";
import { race } from "./race.ts";
import { whyNoReference } from "./reference.ts";
import type { Benchmark } from "./report.ts";
import { writeSampleImage } from "./sample-image.ts";

const program = "read-inventory";
const MB = 1_000_000;

export const benchmark: Benchmark = {
  name: "inventory",
  summary: "whole process: every file of an image of 200 MB with its SHA-1, owner and layer",
  async run() {
    if (findTool("umoci") === undefined) return { skipped: "umoci is not installed" };
    const reason = whyNoReference();
    if (reason !== undefined) return { skipped: reason };
    const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
    try {
      const source = join(folder, "source");
      const bytes = await writeSampleImage(source, {
        layers: 4,
        size: 50,
        fileSize: 10_000,
        random: 24,
      });
      const compiled = await compileProgram(program, folder);
      const target = join(folder, "target");
      const command = [process.execPath, compiled, source];
      const measured = race(
        [
          {
            name: "umoci unpack",
            command: ["umoci", "unpack", "--image", `${source}:sample`, target],
            prepare: () => rmSync(target, { recursive: true, force: true }),
          },
          { name: "bivy", command },
        ],
        7,
      );
      const { stdout } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
      return {
        measured,
        comparisons: [{ name: "bivy", peer: "umoci unpack" }],
        notes: [
          `${(bytes / MB).toFixed(0)} MB compressed, 200 MB in 20,000 files and Alpine's root; bivy: ${stdout.trim()}.`,
        ],
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
