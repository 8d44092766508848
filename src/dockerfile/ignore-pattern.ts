/**
 * Ignore patterns: what one line of a `.dockerignore` matches, as BuildKit's patternmatcher
 * (https://github.com/moby/patternmatcher) decides it.
 *
 * A pattern without special characters is compared as it is; `x**` matches what begins with x, `**x`
 * what ends with it (and, where x begins with a slash, x itself without it). Every other pattern is
 * translated into a regular expression, and means what that means:
 *
 *     *     [^/]*
 *     ?     [^/]
 *     **    (.*\/)?, with the slash behind it; at the end .*
 *     \c    \c
 *
 * `. + ( ) $` are escaped. All else stays, so that `[…]` is a set of the regular expression, and in such
 * a pattern `^`, `|` and `{2}` are what they are there.
 */
import { posix } from "node:path";
import { BivyError } from "../base/index.ts";
import { assertOnce, literally, parseExpression, type Expression } from "./expression.ts";
import { matchGlob } from "./go-match.ts";
import { shorten } from "./shorten.ts";

export interface IgnorePattern {
  /** Cleaned, and without the `!`. */
  readonly text: string;
  /** Whether it begins with `!`: what it matches is taken back into the context. */
  readonly exclusion: boolean;
  readonly expression: Expression;
}

/** Reads a pattern that is not empty. `place` names it in an error, such as `.dockerignore: line 3`. */
export function parseIgnorePattern(pattern: string, place: string): IgnorePattern {
  const fail = (reason: string) =>
    new BivyError(
      "pattern-invalid",
      `${place}: ${shorten(pattern)}: syntax error in pattern: ${reason}`,
      { hint: hintFor(pattern) },
    );
  const cleaned = cleanPath(pattern);
  const exclusion = cleaned.startsWith("!");
  const text = exclusion ? cleaned.slice(1) : cleaned;
  if (text === "") throw fail('nothing follows the "!"');
  // BuildKit refuses a pattern when Go's own matching does; how much of it that sees depends on the name.
  matchGlob(text, ".", fail);
  return { text, exclusion, expression: translate(text, fail) };
}

function hintFor(pattern: string): string {
  if (/\\[0-9A-Za-z]/.test(pattern)) return 'Separate folders with "/".';
  return 'Put a backslash before "*", "?", "[", "]", "{" or "\\" where it stands for itself.';
}

/** As Go's `filepath.Clean`: no empty, `.` or needless `..` parts, no slash at the end. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

const special = /[*?[\]\\]/;

function translate(text: string, fail: (reason: string) => BivyError): Expression {
  const [start, end] = [assertOnce("start"), assertOnce("end")];
  if (!special.test(text)) return { alternatives: [[start, ...literally(text), end]] };
  const front = text.slice(0, -2);
  if (text.length > 2 && text.endsWith("**") && !special.test(front))
    return { alternatives: [[start, ...literally(front)]] };
  const rest = text.slice(2);
  if (text.startsWith("**") && !special.test(rest)) {
    const alternatives = [[...literally(rest), end]];
    if (rest.startsWith("/")) alternatives.push([start, ...literally(rest.slice(1)), end]);
    return { alternatives };
  }
  return parseExpression(`^${expressionText(text)}$`, fail);
}

/** The regular expression for a pattern with special characters. */
function expressionText(pattern: string): string {
  return pattern.replace(/\*\*\/?|\*|\?|\\[^]|[.+()$]/gu, (found, at: number) => {
    if (found.startsWith("**")) return at + found.length === pattern.length ? ".*" : "(.*/)?";
    if (found === "*") return "[^/]*";
    if (found === "?") return "[^/]";
    return found.startsWith("\\") ? found : `\\${found}`;
  });
}
