/**
 * How fast the plan of the apk-plan case is made (24 names, 394 packages, an index of 5,004), beside the
 * apk of the Alpine 3.19 fixture: whole processes on the same index, then the parts of ours.
 * Run it with `node bench/solver.ts`.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { parseAtom } from "../src/apk/atom.ts";
import { parseIndex } from "../src/apk/index-text.ts";
import { ProviderIndex } from "../src/apk/solver/providers.ts";
import { simulate } from "../src/apk/simulate/simulate.ts";
import { solve } from "../src/apk/solver/solver.ts";
import { tarEntries } from "../src/archive/index.ts";
import { defaultLimits } from "../src/base/index.ts";

const shared = fileURLToPath(new URL("../../shared/", import.meta.url));
const archive = join(shared, "fixtures/apk/alpine-317/APKINDEX.tar.gz");
const minirootfs = join(shared, "fixtures/minirootfs/alpine-minirootfs-3.19.4-x86_64.tar.gz");
const names = readFileSync(join(shared, "conformance/apk-plan/W.txt"), "utf8").trim().split(/\s+/);
const rounds = 7;

if (process.argv[2] === "once") process.stdout.write(simulateOnce());
else compare();

/** What `apk add --simulate` does, from the file to the text. */
function simulateOnce(): string {
  return simulate({
    words: ["add", ...names],
    world: [],
    installed: [],
    repositories: [{ packages: parseIndex(readIndex(), { subject: archive }), remote: false }],
    architectures: ["aarch64"],
  }).output;
}

function readIndex(): Uint8Array {
  const options = { subject: archive, limits: defaultLimits };
  for (const { header, content } of tarEntries(gunzipSync(readFileSync(archive)), options))
    if (header.path === "APKINDEX") return content;
  throw new Error(`${archive} has no APKINDEX`);
}

function compare(): void {
  const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
  try {
    const ours = bestOf(() => run(process.execPath, [fileURLToPath(import.meta.url), "once"]));
    console.log(`bivy, whole process           ${ours.toFixed(0)} ms`);
    const apk = prepareApk(folder);
    const theirs = bestOf(() => run(apk[0]!, apk.slice(1)));
    console.log(`apk 2.14, whole process       ${theirs.toFixed(0)} ms`);
    console.log(`ratio                         ${(ours / theirs).toFixed(1)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  measureParts();
}

/** The command line of the fixture's apk on an empty root whose only repository is the index. */
function prepareApk(folder: string): string[] {
  const tools = join(folder, "tools");
  const root = join(folder, "root");
  for (const path of [
    tools,
    `${root}/lib/apk/db`,
    `${root}/etc/apk`,
    `${folder}/repository/aarch64`,
  ])
    mkdirSync(path, { recursive: true });
  spawnSync("tar", ["-xzf", minirootfs, "-C", tools, "--no-same-owner"]);
  writeFileSync(join(root, "etc/apk/world"), "");
  writeFileSync(join(root, "lib/apk/db/installed"), "");
  copyFileSync(archive, join(folder, "repository/aarch64/APKINDEX.tar.gz"));
  const loader = `${tools}/lib/ld-musl-x86_64.so.1 --library-path ${tools}/lib ${tools}/sbin/apk`;
  const options = "--arch aarch64 --allow-untrusted --no-network --no-cache --simulate";
  return `${loader} --root ${root} ${options} -X ${folder}/repository add`.split(" ").concat(names);
}

function run(program: string, words: readonly string[]): void {
  const { stdout, status } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0 || !stdout.includes("(394/394)"))
    throw new Error(`${program} failed: ${stdout}`);
}

function measureParts(): void {
  const text = readIndex();
  for (const state of ["cold", "warm", "warm"]) {
    console.log(`in process, ${state}`);
    const packages = timed("index", () => parseIndex(text, { subject: archive }));
    const supply = { installed: [], repositories: [{ packages }], architectures: ["aarch64"] };
    const index = timed("providers", () => new ProviderIndex(supply));
    timed("solve", () => solve({ world: names.map(parseAtom), supply: index }));
  }
}

function timed<T>(label: string, work: () => T): T {
  const start = performance.now();
  const result = work();
  console.log(`  ${label.padEnd(28)}${(performance.now() - start).toFixed(1)} ms`);
  return result;
}

function bestOf(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
