/**
 * Suite dockerfile-expand: tables of texts and what they expand to, in the two forms of BuildKit's own.
 *
 *     P|TEXT|RESULT    as one word; P is A (everywhere), U (not on Windows) or W (on Windows, where the
 *                      case of names does not matter); `error` stands for any error
 *     TEXT|A,B         as words, with the variables that `ENV NAME=VALUE` lines before it set
 *
 * `#` begins a comment line. In the first form some variables are always set.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isBivyError } from "../../src/base/index.ts";
import { expandWord, expandWords, type Variables } from "../../src/dockerfile/index.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "dockerfile-expand", defaultPath: "buildkit-shell", run };

function* run(path: string): Iterable<CaseResult> {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .map((name) => join(path, name))
        .filter((file) => statSync(file).isFile())
    : [path];
  for (const file of files) {
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.replace(/\r$/, ""))
      .filter((line) => !line.startsWith("#") && line.trim() !== "");
    yield* /^\s*[AUW]\s*\|.*\|/.test(lines[0] ?? "") ? lines.map(checkWord) : checkWords(lines);
  }
}

const variables: Readonly<Record<string, string>> = {
  PWD: "/home",
  SHELL: "bash",
  KOREAN: "한국어",
  NULL: "",
};

function checkWord(line: string): CaseResult {
  const [platform, text, expected, ...more] = line.split("|").map((part) => part.trim());
  if (text === undefined || expected === undefined || more.length > 0)
    return { name: line, passed: false, expected: "P|TEXT|RESULT", found: line };
  const lookUp: Variables =
    platform === "W"
      ? (name) => valueOf(variables, name.toUpperCase())
      : (name) => valueOf(variables, name);
  const found = outcome(() => expandWord(text, lookUp).text);
  return { name: line, passed: found === expected, expected, found };
}

function* checkWords(lines: readonly string[]): Iterable<CaseResult> {
  const set: Record<string, string> = {};
  for (const line of lines) {
    const assignment = /^ENV +([^=]+)=(.*)$/.exec(line);
    if (assignment !== null) {
      set[assignment[1]!] = assignment[2]!;
      continue;
    }
    const [text, list, ...more] = line.split("|");
    if (text === undefined || list === undefined || more.length > 0) {
      yield { name: line, passed: false, expected: "TEXT|WORD,WORD", found: line };
      continue;
    }
    const expected = list.replace(/^ +/, "").split(",").join("\n");
    const lookUp: Variables = (name) => valueOf(set, name);
    const found = outcome(() => expandWords(text.trim(), lookUp).words.join("\n"));
    yield { name: line, passed: found === expected, expected, found };
  }
}

function valueOf(values: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** What comes out, or `error`: only an error that is meant for users counts. */
function outcome(expand: () => string): string {
  try {
    return expand();
  } catch (error) {
    if (isBivyError(error, "dockerfile-invalid")) return "error";
    throw error;
  }
}
