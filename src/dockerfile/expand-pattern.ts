/**
 * Patterns in expansions: what `${x#p}`, `${x%p}` and `${x/p/r}` cut off and replace, as in BuildKit.
 *
 * `*` is any text, `?` any character, neither a line feed; there are no sets. A backslash (whatever the
 * file's own escape character is) takes the meaning of `*`, `?` and `\`, which quotes do not, and vanishes
 * before `/` and `}`.
 * Matches are found as Go's regular expressions find them: the first that begins, and of these the
 * longest (or, for a single `#` or `%`, the shortest). All ways to match are followed at once, so that
 * no pattern takes more than pattern × value steps.
 */

/** A character by its code point, or a wildcard. */
type Token = number | "any-character" | "any-text";

export type ExpansionPattern = readonly Token[];

/** Reads a pattern; the answer is what is wrong when it is malformed. */
export function parseExpansionPattern(text: string): ExpansionPattern | string {
  const tokens: Token[] = [];
  const characters = [...text];
  for (let at = 0; at < characters.length; at++) {
    let character = characters[at]!;
    if (character === "*") tokens.push("any-text");
    else if (character === "?") tokens.push("any-character");
    else {
      if (character === "\\") {
        const next = characters[++at];
        if (next === undefined) return "nothing follows the last backslash";
        if (!"*?\\/}".includes(next)) return `a backslash stands before ${JSON.stringify(next)}`;
        character = next;
      }
      tokens.push(character.codePointAt(0)!);
    }
  }
  return tokens;
}

/** Whether matching would take longer than anyone should wait for. */
export function takesTooLong(pattern: ExpansionPattern, value: string): boolean {
  return pattern.length * value.length > 1e8;
}

/** `value` without the shortest or longest beginning that matches. */
export function withoutPrefix(pattern: ExpansionPattern, value: string, longest: boolean): string {
  const codes = codesOf(value);
  const found = findMatch(pattern, codes, 0, { anchored: true, longest });
  return found === undefined ? value : textOf(codes.slice(found.end));
}

/** `value` without the shortest or longest end that matches. */
export function withoutSuffix(pattern: ExpansionPattern, value: string, longest: boolean): string {
  const codes = codesOf(value).reverse();
  const found = findMatch(pattern.toReversed(), codes, 0, { anchored: true, longest });
  return found === undefined ? value : textOf(codes.slice(found.end).reverse());
}

/** `value` with the first match replaced. */
export function replaceFirst(
  pattern: ExpansionPattern,
  value: string,
  replacement: string,
): string {
  const codes = codesOf(value);
  const found = findMatch(pattern, codes, 0, { anchored: false, longest: true });
  if (found === undefined) return value;
  return textOf(codes.slice(0, found.start)) + replacement + textOf(codes.slice(found.end));
}

/**
 * The pieces of `value` with all matches replaced; an empty match right behind another one does not
 * count.
 *
 * Here, unlike for a single match, BuildKit reads the replacement as Go's template: `$0` and `${0}` are
 * the match, any other `$name` is nothing, `$$` is a dollar sign.
 */
export function* replaceAll(
  pattern: ExpansionPattern,
  value: string,
  replacement: string,
): Iterable<string> {
  const codes = codesOf(value);
  const template = parseTemplate(replacement);
  let copied = 0;
  for (let from = 0; from <= codes.length;) {
    const found = findMatch(pattern, codes, from, { anchored: false, longest: true });
    if (found === undefined) break;
    yield textOf(codes.slice(copied, found.start));
    if (found.end > copied || found.start === 0)
      for (const piece of template)
        yield piece === theMatch ? textOf(codes.slice(found.start, found.end)) : piece;
    copied = found.end;
    from = Math.max(found.end, from + 1);
  }
  yield textOf(codes.slice(copied));
}

/** Stands in a template for what was matched. */
const theMatch = Symbol("match");

const templateReference = /\$(?:(\$)|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu;

function parseTemplate(text: string): (string | typeof theMatch)[] {
  const pieces: (string | typeof theMatch)[] = [];
  let copied = 0;
  for (const match of text.matchAll(templateReference)) {
    const [whole, dollar, name, braced] = match;
    pieces.push(text.slice(copied, match.index));
    if (dollar !== undefined) pieces.push("$");
    else if ((name ?? braced) === "0") pieces.push(theMatch);
    copied = match.index + whole.length;
  }
  pieces.push(text.slice(copied));
  return pieces;
}

interface Match {
  readonly start: number;
  readonly end: number;
}

interface Search {
  /** Whether a match has to begin at `from`. */
  readonly anchored: boolean;
  readonly longest: boolean;
}

/**
 * The first match at or behind `from`. `begun[i]` is where the earliest match that has come as far as
 * token i began, or -1; what began later would end alike and is dropped.
 */
function findMatch(
  pattern: ExpansionPattern,
  codes: readonly number[],
  from: number,
  search: Search,
): Match | undefined {
  let best: Match | undefined;
  let begun = new Map<number, number>();
  for (let at = from; at <= codes.length; at++) {
    const reached = new Map<number, number>();
    for (const [token, start] of begun) {
      if (best !== undefined && start > best.start) continue;
      reach(pattern, reached, token, start);
    }
    if (best === undefined && (at === from || !search.anchored)) reach(pattern, reached, 0, at);
    const start = reached.get(pattern.length);
    if (start !== undefined && (best === undefined || start <= best.start)) {
      best = { start, end: at };
      if (!search.longest) return best;
    }
    if (reached.size === 0 && (best !== undefined || search.anchored)) break;
    begun = advance(pattern, reached, codes[at]);
  }
  return best;
}

/** Notes that a match has come as far as `token`, and behind it where it may be nothing. */
function reach(
  pattern: ExpansionPattern,
  reached: Map<number, number>,
  token: number,
  start: number,
): void {
  for (let next = token; ; next++) {
    const earlier = reached.get(next);
    if (earlier !== undefined && earlier <= start) return;
    reached.set(next, start);
    if (pattern[next] !== "any-text") return;
  }
}

/** How far the matches come with the character `code`. */
function advance(
  pattern: ExpansionPattern,
  reached: ReadonlyMap<number, number>,
  code: number | undefined,
): Map<number, number> {
  const advanced = new Map<number, number>();
  if (code === undefined) return advanced;
  const lineFeed = code === 0x0a;
  for (const [index, start] of reached) {
    const token = pattern[index];
    if (token === undefined || (lineFeed && typeof token === "string")) continue;
    if (token === "any-text") keepEarlier(advanced, index, start);
    else if (token === "any-character" || token === code) keepEarlier(advanced, index + 1, start);
  }
  return advanced;
}

function keepEarlier(begun: Map<number, number>, token: number, start: number): void {
  const earlier = begun.get(token);
  if (earlier === undefined || start < earlier) begun.set(token, start);
}

function codesOf(text: string): number[] {
  return [...text].map((character) => character.codePointAt(0)!);
}

function textOf(codes: readonly number[]): string {
  return codes.map((code) => String.fromCodePoint(code)).join("");
}
