/**
 * The conformance runner: `node test/conformance/run.ts [SUITE [FILE|DIR]]` runs one suite, or all of
 * them, on the shared cases or on any file or folder of the same shape.
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { sharedCases } from "./shared-folders.ts";

export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  /** What should have come out, and what did: shown when the case failed. */
  readonly expected?: string;
  readonly found?: string;
  /** What is worth telling although it does not fail the case. */
  readonly notes?: readonly string[];
}

export interface Suite {
  readonly name: string;
  /** The cases that are run when no path is given, below ../shared/conformance. */
  readonly defaultPath: string;
  /** Words `--NAME VALUE` that it takes. */
  readonly flags?: readonly string[];
  run(
    path: string,
    flags?: Readonly<Record<string, string>>,
  ): AsyncIterable<CaseResult> | Iterable<CaseResult>;
}

/** Suites by name; each is loaded when it is run. */
const suites: Readonly<Record<string, () => Promise<{ readonly suite: Suite }>>> = {
  "apk-version": () => import("./apk-version.ts"),
  "apk-solver": () => import("./apk-solver.ts"),
  "apk-plan": () => import("./apk-plan.ts"),
  "dockerfile-parse": () => import("./dockerfile-parse.ts"),
  "dockerfile-lossless": () => import("./dockerfile-lossless.ts"),
  "dockerfile-expand": () => import("./dockerfile-expand.ts"),
  ignore: () => import("./ignore.ts"),
  "dockerfile-build": () => import("./dockerfile-build.ts"),
  scan: () => import("./scan.ts"),
};

async function main(typed: readonly string[]): Promise<number> {
  const { words, flags } = splitFlags(typed);
  const [chosen, path] = words;
  if (words.length > 2)
    return misuse(`expected at most a suite and a path, found ${words.length} words`);
  if (chosen !== undefined && !Object.hasOwn(suites, chosen))
    return misuse(`there is no suite named ${chosen}`);
  let passed = 0;
  let failed = 0;
  for (const name of chosen === undefined ? Object.keys(suites) : [chosen]) {
    const { suite } = await suites[name]!();
    const unknown = Object.keys(flags).find((flag) => suite.flags?.includes(flag) !== true);
    if (unknown !== undefined) return misuse(`${name}: there is no flag --${unknown}`);
    const cases = path === undefined ? join(sharedCases, suite.defaultPath) : resolve(path);
    if (!existsSync(cases)) return misuse(`${path ?? cases}: no such file or folder`);
    const count = await runSuite(suite, cases, flags, chosen === undefined);
    if (count.passed + count.failed === 0)
      console.log(`${name}: no cases found in ${relative(process.cwd(), cases) || "."}`);
    passed += count.passed;
    failed += count.failed;
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

/** `--NAME VALUE` anywhere among the words. */
function splitFlags(typed: readonly string[]): { words: string[]; flags: Record<string, string> } {
  const words: string[] = [];
  const flags: Record<string, string> = {};
  for (let at = 0; at < typed.length; at++) {
    const word = typed[at]!;
    const [, name, value] = /^--([a-z]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name === undefined) words.push(word);
    else flags[name] = value ?? typed[++at] ?? "";
  }
  return { words, flags };
}

async function runSuite(
  suite: Suite,
  path: string,
  flags: Readonly<Record<string, string>>,
  announces: boolean,
) {
  const count = { passed: 0, failed: 0 };
  for await (const result of suite.run(path, flags)) {
    count[result.passed ? "passed" : "failed"]++;
    if (!result.passed) console.log(describeFailure(result));
    for (const note of result.notes ?? []) console.log(`note: ${result.name}: ${note}`);
  }
  if (announces) console.log(`${suite.name}: ${count.passed} passed, ${count.failed} failed`);
  return count;
}

function misuse(message: string): number {
  console.error(`conformance: ${message}`);
  console.error(
    `Usage: npm run conformance -- [SUITE [FILE|DIR] [--FLAG VALUE]]\nSuites: ${Object.keys(suites).join(", ")}`,
  );
  return 2;
}

function describeFailure({ name, expected, found }: CaseResult): string {
  const lines = [`FAILED ${name}`];
  if (expected !== undefined && found !== undefined) lines.push(...diffLines(expected, found));
  return lines.join("\n");
}

/** The lines in which two texts differ, with one line of context; equal beginnings and ends are left out. */
export function diffLines(expected: string, found: string): string[] {
  const wanted = expected.split("\n");
  const given = found.split("\n");
  let start = 0;
  while (start < wanted.length && start < given.length && wanted[start] === given[start]) start++;
  let end = 0;
  while (
    end < wanted.length - start &&
    end < given.length - start &&
    wanted.at(-1 - end) === given.at(-1 - end)
  )
    end++;
  const context = start > 0 ? [`    ${wanted[start - 1]}`] : [];
  return [
    ...context,
    ...shorten(wanted.slice(start, wanted.length - end), "  - "),
    ...shorten(given.slice(start, given.length - end), "  + "),
  ];
}

const longestDiff = 20;

function shorten(lines: readonly string[], mark: string): string[] {
  const shown = lines.slice(0, longestDiff).map((line) => `${mark}${line}`);
  if (lines.length > longestDiff) shown.push(`${mark}… ${lines.length - longestDiff} more lines`);
  return shown;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  process.exitCode = await main(process.argv.slice(2));
