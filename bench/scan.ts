/**
 * Bench scan: the known vulnerabilities of an image with a warm database, whole process and its parts;
 * a hundred images; the memory for an image of 500 MB. Syft, which lists packages and judges nothing,
 * runs beside it where it is installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { fixtures, findTool } from "../test/requirements.ts";
import { compileProgram } from "./compile.ts";
import { race, type Contender } from "./race.ts";
import type { Benchmark, Result } from "./report.ts";
import { writeSampleImage } from "./sample-image.ts";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const image = join(fixtures, "images", "alpine-310.tar.gz");
const snapshot = join(fixtures, "secdb", "2025-01-04");

export const benchmark: Benchmark = {
  name: "scan",
  summary: "whole process: an image of Alpine 3.10 against a warm database (goal: below 200 ms)",
  async run() {
    if (!existsSync(fixtures)) return { skipped: "../shared/fixtures is not there" };
    const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
    try {
      return await measure(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function bivy(...words: readonly string[]): readonly string[] {
  return [process.execPath, main, ...words];
}

async function measure(folder: string): Promise<Result> {
  const environment = {
    XDG_DATA_HOME: join(folder, "data"),
    XDG_CACHE_HOME: join(folder, "cache"),
  };
  run(bivy("db", "import", snapshot), environment);
  const layout = join(folder, "advisories");
  run(bivy("db", "export", `oci:${layout}`), environment);
  const program = await compileProgram("scan-image", folder);
  const syft = findTool("syft");
  const scan = ["scan", "--offline", "--format", "json"];
  const contenders: Contender[] = [
    { name: "node", command: [process.execPath, "-e", "0"] },
    { name: "bivy scan", command: bivy(...scan, image), environment },
    { name: "its parts", command: [process.execPath, program, layout, image], inside: partsOf },
    {
      name: "bivy scan of 100 images",
      command: bivy(...scan, ...Array.from({ length: 100 }, () => image)),
      environment,
    },
    ...(syft === undefined
      ? []
      : [
          {
            name: "syft",
            // It does not read an archive that is compressed.
            command: [syft, "scan", "-q", "-o", "json", `docker-archive:${unpacked(folder)}`],
            environment: { SYFT_CHECK_FOR_APP_UPDATE: "false" },
          },
        ]),
  ];
  const measured = race(contenders, 11);
  return {
    measured,
    comparisons: syft === undefined ? [] : [{ name: "bivy scan", peer: "syft" }],
    notes: [
      await memoryNote(folder, environment),
      matchNote(await compileProgram("match-packages", folder)),
    ],
  };
}

function unpacked(folder: string): string {
  const path = join(folder, "image.tar");
  writeFileSync(path, gunzipSync(readFileSync(image)));
  return path;
}

/** Milliseconds of each part, as the program wrote them. */
function partsOf(stderr: string): Readonly<Record<string, number>> {
  return JSON.parse(stderr) as Readonly<Record<string, number>>;
}

async function memoryNote(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const large = join(folder, "large");
  await writeSampleImage(large, { layers: 5, size: 100, fileSize: 50_000, random: 24 });
  const words = ["scan", "--offline", "--format", "json", `oci:${large}:sample`];
  const { stderr } = spawnSync("/usr/bin/time", ["-f", "%M", process.execPath, main, ...words], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  const kilobytes = Number(/(\d+)\s*$/.exec(stderr)?.[1]);
  return `An image of 500 MB: at most ${(kilobytes / 1000).toFixed(0)} MB of memory (goal: below 150).`;
}

function matchNote(program: string): string {
  const { stdout } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  return `Matching alone (goal: below 10 ms):\n${stdout.trimEnd()}`;
}

function run(command: readonly string[], environment: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync(command[0]!, command.slice(1), {
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}
