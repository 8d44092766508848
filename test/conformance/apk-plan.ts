/**
 * Suite apk-plan: the order in which apk installs the packages of a plan. A folder holds `W.txt` (the
 * names to add) and outputs `v*.out` of apk; the index is `APKINDEX` or `APKINDEX.tar.gz` in the same
 * folder, or the one of the Alpine 3.17 fixtures (aarch64), which `APK_PLAN_INDEX` overrides.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { tarEntries } from "../../src/archive/index.ts";
import { BivyError, defaultLimits } from "../../src/base/index.ts";
import { parseIndex } from "../../src/apk/index-text.ts";
import type { Package } from "../../src/apk/package.ts";
import { simulate } from "../../src/apk/simulate/simulate.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "apk-plan", defaultPath: "apk-plan", run };

const fixtureIndex = "../../fixtures/apk/alpine-317/APKINDEX.tar.gz";

function* run(path: string): Iterable<CaseResult> {
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  const outputs = readdirSync(folder)
    .filter((name) => /^v\d.*\.out$/.test(name))
    .sort();
  if (outputs.length === 0) return;
  const packages = readIndex(findIndex(folder));
  const names = readFileSync(join(folder, "W.txt"), "utf8")
    .split(/\s+/)
    .filter((word) => word !== "");
  const { output } = simulate({
    words: ["--root", "root", "--no-network", "--simulate", "add", ...names],
    world: [],
    installed: [],
    repositories: [{ packages, remote: false }],
    architectures: [...new Set(packages.map(({ arch }) => arch))].filter(
      (arch) => arch !== "noarch",
    ),
  });
  const found = planLines(output);
  for (const name of outputs) {
    const expected = planLines(readFileSync(join(folder, name), "utf8"));
    yield { name, passed: expected === found, expected, found };
  }
}

/** The packages of a plan in their order, without counters and messages. */
function planLines(output: string): string {
  return output
    .split("\n")
    .flatMap((line) => /^\(\s*\d+\/\d+\) (.*)$/.exec(line)?.[1] ?? [])
    .join("\n");
}

function findIndex(folder: string): string {
  const candidates = [
    process.env["APK_PLAN_INDEX"],
    join(folder, "APKINDEX"),
    join(folder, "APKINDEX.tar.gz"),
    join(folder, fixtureIndex),
  ];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found !== undefined) return found;
  throw new BivyError("file-not-found", `${folder}: expected an APKINDEX.tar.gz beside W.txt`, {
    hint: "Set APK_PLAN_INDEX to the index.",
  });
}

function readIndex(path: string): Package[] {
  const bytes = readFileSync(path);
  if (!path.endsWith(".gz")) return parseIndex(bytes, { subject: path });
  const options = { subject: path, limits: defaultLimits };
  for (const { header, content } of tarEntries(gunzipSync(bytes), options))
    if (header.path === "APKINDEX") return parseIndex(content, options);
  throw new BivyError("index-invalid", `${path}: expected a member APKINDEX`);
}
