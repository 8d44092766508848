/**
 * Runs benchmarks: `npm run bench [NAME…]`, all of them without a name. It compiles bivy first and
 * measures what is published. Figures are for a reader: nothing fails because something was slow.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { formatReport, type Benchmark } from "./report.ts";

const benchmarks: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  "start-up": () => import("./start-up.ts"),
  index: () => import("./index.ts"),
  plan: () => import("./plan.ts"),
  build: () => import("./build.ts"),
  copy: () => import("./copy.ts"),
  inventory: () => import("./inventory.ts"),
  dockerfile: () => import("./dockerfile.ts"),
  scan: () => import("./scan.ts"),
};
/** Programs of their own, which print what they find; they measure inside one process. */
const programs = ["archive", "solver"];

const known = [...Object.keys(benchmarks), ...programs];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : known;
const unknown = wanted.find((name) => !known.includes(name));
if (unknown === undefined) await run(wanted);
else {
  console.error(`There is no benchmark ${unknown}. There are ${known.join(", ")}.`);
  process.exitCode = 2;
}

async function run(names: readonly string[]): Promise<void> {
  if (names.some((name) => !programs.includes(name))) runProgram("../build.ts");
  for (const name of names) {
    const load = benchmarks[name];
    if (load === undefined) {
      console.log(`${name}:`);
      runProgram(`./${name}.ts`);
      continue;
    }
    const { benchmark } = await load();
    console.log(formatReport(benchmark, await benchmark.run()));
  }
}

function runProgram(file: string): void {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status } = spawnSync(process.execPath, [path], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${file} ended with exit code ${status}`);
}
