/** Bench copy: an image of 100 MB from a registry into a layout and back, beside skopeo. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDockerRegistry } from "../test/docker-registry.ts";
import { findTool } from "../test/requirements.ts";
import { race, type Contender, type Measurements } from "./race.ts";
import { whyNoReference } from "./reference.ts";
import type { Benchmark } from "./report.ts";
import { writeSampleImage } from "./sample-image.ts";
import { bivy } from "./start-up.ts";

const MB = 1_000_000;

export const benchmark: Benchmark = {
  name: "copy",
  summary: "whole process: copy an image of about 100 MB registry -> layout and layout -> registry",
  async run() {
    const missing = ["skopeo", "docker-registry"].find((tool) => findTool(tool) === undefined);
    if (missing !== undefined) return { skipped: `${missing} is not installed` };
    const reason = whyNoReference();
    if (reason !== undefined) return { skipped: reason };
    const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
    const endings: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
    try {
      const start = () =>
        startDockerRegistry(
          { after: (ending) => void endings.unshift(ending as () => unknown) },
          { logs: false },
        );
      const full = await start();
      // One of its own to push to: skopeo remembers what a registry has, and would mount it.
      const empty = await start();
      const source = join(folder, "source");
      const layers = { layers: 4, size: 25, fileSize: 100_000, random: 64 };
      const bytes = await writeSampleImage(source, layers);
      const target = join(folder, "target");
      const pushed = join(empty.folder, "docker");
      race([skopeo("", `oci:${source}:sample`, `docker://${full.host}/bench:1`)], 0);
      const pull = [`docker://${full.host}/bench:1`, `oci:${target}:sample`] as const;
      const push = [`oci:${source}:sample`, `docker://${empty.host}/pushed:1`] as const;
      const measured = race(
        [
          { ...skopeo("skopeo copy: registry -> layout", ...pull), prepare: cleaning(target) },
          {
            ...own("bivy image copy: registry -> layout", ...pull, folder),
            prepare: cleaning(target),
          },
          { ...skopeo("skopeo copy: layout -> registry", ...push), prepare: cleaning(pushed) },
          {
            ...own("bivy image copy: layout -> registry", ...push, folder),
            prepare: cleaning(pushed),
          },
        ],
        9,
      );
      return {
        measured,
        comparisons: ["registry -> layout", "layout -> registry"].map((way) => ({
          name: `bivy image copy: ${way}`,
          peer: `skopeo copy: ${way}`,
        })),
        notes: [
          `${(bytes / MB).toFixed(0)} MB compressed in ${layers.layers + 1} layers.`,
          thereAndBack(measured),
        ],
      };
    } finally {
      for (const end of endings) end();
    }
  },
};

/** The goal is that of both ways together: not slower. */
function thereAndBack(measured: Measurements): string {
  const total = (tool: string) =>
    [...measured].reduce(
      (sum, [name, { median }]) => sum + (name.startsWith(tool) ? median : 0),
      0,
    );
  const [bivyTotal, skopeoTotal] = [total("bivy"), total("skopeo")];
  const ratio = bivyTotal / skopeoTotal;
  return `There and back: ${bivyTotal.toFixed(0)} ms, ${ratio.toFixed(2)}x skopeo copy (goal: below 1x, ${ratio < 1 ? "met" : "missed"}).`;
}

function skopeo(name: string, from: string, to: string): Contender {
  const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
  return { name, command: ["skopeo", "copy", "--quiet", ...plain, from, to] };
}

function own(name: string, from: string, to: string, folder: string): Contender {
  return {
    name,
    command: [process.execPath, bivy, "image", "copy", "--quiet", from, to],
    environment: {
      XDG_CACHE_HOME: join(folder, "cache"),
      XDG_DATA_HOME: join(folder, "data"),
      XDG_CONFIG_HOME: join(folder, "config"),
    },
  };
}

function cleaning(path: string): () => void {
  return () => rmSync(path, { recursive: true, force: true });
}
