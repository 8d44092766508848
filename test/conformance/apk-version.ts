/**
 * Suite apk-version: lines `a OP b`, `a !OP b`, `V` (valid) and `!V` (invalid); `#` begins a comment.
 * Each line of a file is one case, so that the total is the number of lines and a lost line shows; a
 * line without a statement only has to be that.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isValidVersion, matchesVersion, type Operator } from "../../src/apk/version.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "apk-version", defaultPath: "apk-version.data", run };

function* run(path: string): Iterable<CaseResult> {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".data"))
        .sort()
        .map((name) => join(path, name))
    : [path];
  for (const file of files) {
    const lines = readFileSync(file, "utf8").replace(/\n$/, "").split("\n");
    const statements = lines.map((line) => line.replace(/#.*/, "").trim());
    if (statements.some((text) => text !== ""))
      for (const text of statements) yield checkLine(text);
  }
}

function checkLine(text: string): CaseResult {
  if (text === "") return { name: "a line without a statement", passed: true };
  const words = text.split(/\s+/);
  const holds = words.length === 1 ? checkValidity(text) : checkComparison(words);
  if (holds === undefined)
    return { name: text, passed: false, expected: "a OP b, or one version", found: text };
  return { name: text, passed: holds, expected: "holds", found: holds ? "holds" : "does not hold" };
}

function checkValidity(text: string): boolean {
  return text.startsWith("!") ? !isValidVersion(text.slice(1)) : isValidVersion(text);
}

const operators: Readonly<Record<string, Operator>> = {
  "=": "=",
  "==": "=",
  "<": "<",
  "<=": "<=",
  "=<": "<=",
  ">": ">",
  ">=": ">=",
  "=>": ">=",
  "~": "~",
  "~=": "~",
  "=~": "~",
  "<~": "<~",
  "~<": "<~",
  ">~": ">~",
  "~>": ">~",
};

function checkComparison(words: readonly string[]): boolean | undefined {
  const [version, written, wanted] = words;
  const negated = written!.startsWith("!");
  const operator = operators[negated ? written!.slice(1) : written!];
  if (wanted === undefined || words.length > 3 || operator === undefined) return undefined;
  return matchesVersion(version!, operator, wanted) !== negated;
}
