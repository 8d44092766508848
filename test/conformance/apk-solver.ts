/** Suite apk-solver: apk's own solver tests, `.test` files whose expected output is compared byte for byte. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../src/base/index.ts";
import { parseIndex } from "../../src/apk/index-text.ts";
import { parseInstalled } from "../../src/apk/installed.ts";
import { simulate, type SimulatedRepository } from "../../src/apk/simulate/simulate.ts";
import { parseWorld } from "../../src/apk/world.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "apk-solver", defaultPath: "apk-solver", run };

function* run(path: string): Iterable<CaseResult> {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".test"))
        .sort()
        .map((name) => join(path, name))
    : [path];
  for (const file of files) yield runCase(file);
}

function runCase(file: string): CaseResult {
  const name = basename(file, ".test");
  const solverCase = parseCase(readFileSync(file, "utf8"), dirname(file));
  try {
    const found = runApk(solverCase);
    // The shell that ran the cases lost the line ends at the end of the output.
    const passed = found.trimEnd() === solverCase.expected.trimEnd();
    return { name, passed, expected: solverCase.expected, found };
  } catch (error) {
    const found = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return { name, passed: false, expected: solverCase.expected, found };
  }
}

interface SolverCase {
  readonly arguments: readonly string[];
  readonly world: string;
  readonly installed: string;
  readonly cache: string | undefined;
  readonly repositories: readonly SimulatedRepository[];
  readonly expected: string;
}

/** Reads the lines `@ARGS`, `@WORLD`, `@INSTALLED`, `@CACHE`, `@REPO [@tag]` and all after `@EXPECT`. */
function parseCase(text: string, folder: string): SolverCase {
  const lines = text.split("\n");
  const read = (file: string) => readFileSync(join(folder, file), "latin1");
  const repositories: SimulatedRepository[] = [];
  let words: string[] = [];
  let world = "";
  let installed = "";
  let cache: string | undefined;
  const end = lines.findIndex((line) => line.startsWith("@EXPECT"));
  for (const line of lines.slice(0, end === -1 ? lines.length : end)) {
    const [keyword, ...values] = line.split(/\s+/).filter((word) => word !== "");
    if (keyword === "@ARGS") words = values;
    else if (keyword === "@WORLD") world = values.join("\n");
    else if (keyword === "@INSTALLED") installed = read(values[0]!);
    else if (keyword === "@CACHE") cache = read(values[0]!);
    else if (keyword === "@REPO") repositories.push(parseRepository(values, read));
  }
  return {
    arguments: words,
    world,
    installed,
    cache,
    repositories,
    expected: end === -1 ? "" : lines.slice(end + 1).join("\n"),
  };
}

function parseRepository(
  values: readonly string[],
  read: (file: string) => string,
): SimulatedRepository {
  const tag = values[0]!.startsWith("@") ? values[0]!.slice(1) : undefined;
  const file = values[tag === undefined ? 0 : 1]!;
  return {
    url: `test:/${file}`,
    remote: true,
    packages: parseIndex(read(file), { subject: file }),
    ...(tag === undefined ? undefined : { tag }),
  };
}

function runApk(solverCase: SolverCase): string {
  const { cache } = solverCase;
  const base = ["--root", "root", "--allow-untrusted", "--simulate", "--root-tmpfs=no"];
  if (cache === undefined) base.push("--no-cache");
  return simulate({
    words: [...base, ...solverCase.arguments],
    world: parseWorld(solverCase.world, { subject: "world" }),
    installed: parseInstalled(solverCase.installed, { subject: "installed" }),
    repositories: solverCase.repositories,
    ...(cache === undefined ? undefined : { cache: parseIndex(cache, { subject: "cache" }) }),
    architectures: ["x86_64"],
  }).output;
}
