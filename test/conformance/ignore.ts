/**
 * Suite ignore: JSON files with cases of ignore patterns (`matches`: one pattern, `multi`: several), and
 * of globs (`filepathMatch`). Each has a `path`, whether it must `match`, and for globs `err`, the error
 * that must come out, or `nil`.
 *
 * The cases of globs are patternmatcher's: it took them from Go, but asks whether a pattern matches the
 * path or a folder above it (`a*` matches `ab/c`). Here both the ignore pattern and the glob must say so.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isBivyError } from "../../src/base/index.ts";
import { createIgnore, matchGlob } from "../../src/dockerfile/index.ts";
import type { CaseResult, Suite } from "./run.ts";

export const suite: Suite = { name: "ignore", defaultPath: "patternmatcher", run };

interface Case {
  readonly pattern?: string;
  readonly patterns?: readonly string[];
  readonly path: string;
  readonly match: boolean;
  readonly err?: string;
}

interface Cases {
  readonly matches?: readonly Case[];
  readonly multi?: readonly Case[];
  readonly filepathMatch?: readonly Case[];
}

function* run(path: string): Iterable<CaseResult> {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(path, name))
    : [path];
  for (const file of files) {
    const {
      matches = [],
      multi = [],
      filepathMatch = [],
    } = JSON.parse(readFileSync(file, "utf8")) as Cases;
    for (const item of [...matches, ...multi]) yield check("ignore", item, ignores(item));
    for (const item of filepathMatch) {
      const [ignored, matched] = [ignores(item), globMatches(item)];
      const same = ignored === matched;
      yield check("glob", item, same ? ignored : `ignored: ${ignored}; matched: ${matched}`);
    }
  }
}

function check(kind: string, item: Case, found: string): CaseResult {
  const fails = item.err !== undefined && item.err !== "" && item.err !== "nil";
  const expected = fails ? malformed : String(item.match);
  const name = `${kind} ${JSON.stringify(patternsOf(item))} ${item.path}`;
  return { name, passed: found === expected, expected, found };
}

function patternsOf({ pattern, patterns }: Case): readonly string[] {
  return patterns ?? (pattern === undefined ? [] : [pattern]);
}

function ignores(item: Case): string {
  return outcome(() => createIgnore(patternsOf(item)).matches(item.path));
}

/** Whether the glob matches the path or a folder above it. */
function globMatches(item: Case): string {
  const [glob = ""] = patternsOf(item);
  const parts = item.path.split("/");
  return outcome(() =>
    parts.some((_, index) => matchGlob(glob, parts.slice(0, index + 1).join("/"))),
  );
}

const malformed = "syntax error in pattern";

function outcome(match: () => boolean): string {
  try {
    return String(match());
  } catch (error) {
    if (isBivyError(error, "pattern-invalid") && error.message.includes(malformed))
      return malformed;
    throw error;
  }
}
