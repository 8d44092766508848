/**
 * Shell patterns, as `case`, `${x#p}` and `[[ x == p ]]` have them (POSIX.1-2024, XCU 2.14). A pattern
 * comes as pieces, since what was quoted stands for itself.
 */
import { readBracket, type CharacterTest } from "./bracket.ts";
import { type Budget } from "./budget.ts";

/** A stretch of a pattern; in a quoted one nothing is special. */
export interface PatternPiece {
  readonly text: string;
  readonly quoted: boolean;
}

type Token =
  | { readonly kind: "character"; readonly text: string }
  | { readonly kind: "any-character" }
  | { readonly kind: "any-text" }
  | { readonly kind: "set"; readonly test: CharacterTest };

export type Pattern = readonly Token[];

export function readPattern(pieces: readonly PatternPiece[]): Pattern {
  const tokens: Token[] = [];
  for (const { text, quoted } of pieces) {
    const characters = [...text];
    for (let at = 0; at < characters.length; at++) {
      const character = characters[at]!;
      if (quoted) tokens.push({ kind: "character", text: character });
      else if (character === "*") tokens.push({ kind: "any-text" });
      else if (character === "?") tokens.push({ kind: "any-character" });
      else if (character === "[") {
        const bracket = readBracket(characters, at, "!^");
        if (bracket === undefined) tokens.push({ kind: "character", text: character });
        else {
          tokens.push({ kind: "set", test: bracket.test });
          at = bracket.end - 1;
        }
      } else if (character === "\\" && at + 1 < characters.length)
        tokens.push({ kind: "character", text: characters[++at]! });
      else tokens.push({ kind: "character", text: character });
    }
  }
  return tokens;
}

/**
 * Where matches of the pattern that begin at `start` end, ascending. Where the budget is spent in
 * between, the answer means nothing; so with all functions here.
 */
function endsOf(
  pattern: Pattern,
  characters: readonly string[],
  start: number,
  budget: Budget,
): number[] {
  // All ways are followed at once, so that no pattern takes more than pattern × text steps.
  let reached = new Set([start]);
  for (const token of pattern) {
    const next = new Set<number>();
    const steps = token.kind === "any-text" ? characters.length + 1 : reached.size;
    if (!budget.spend(steps)) return [];
    if (token.kind === "any-text") {
      const first = Math.min(...reached);
      for (let at = first; at <= characters.length; at++) next.add(at);
    } else
      for (const at of reached)
        if (at < characters.length && accepts(token, characters[at]!)) next.add(at + 1);
    if (next.size === 0) return [];
    reached = next;
  }
  return Array.from(reached).sort((a, b) => a - b);
}

function accepts(token: Exclude<Token, { kind: "any-text" }>, character: string): boolean {
  switch (token.kind) {
    case "character":
      return token.text === character;
    case "any-character":
      return true;
    case "set":
      return token.test(character);
  }
}

/** Whether the pattern matches all of the text. */
export function matchesPattern(pattern: Pattern, text: string, budget: Budget): boolean {
  const characters = [...text];
  return endsOf(pattern, characters, 0, budget).at(-1) === characters.length;
}

/** `text` without the shortest or longest beginning that matches. */
export function withoutPrefix(
  pattern: Pattern,
  text: string,
  longest: boolean,
  budget: Budget,
): string {
  const characters = [...text];
  const end = endsOf(pattern, characters, 0, budget).at(longest ? -1 : 0);
  return end === undefined ? text : characters.slice(end).join("");
}

/** `text` without the shortest or longest end that matches. */
export function withoutSuffix(
  pattern: Pattern,
  text: string,
  longest: boolean,
  budget: Budget,
): string {
  const reversed = [...text].reverse();
  const end = endsOf(pattern.toReversed(), reversed, 0, budget).at(longest ? -1 : 0);
  return end === undefined ? text : reversed.slice(end).reverse().join("");
}

/** `text` with the longest matches replaced: the first, all of them, or one at the beginning or end. */
export function replaceMatches(
  pattern: Pattern,
  text: string,
  replacement: string,
  which: "first" | "all" | "prefix" | "suffix",
  budget: Budget,
): string {
  const characters = [...text];
  if (which === "prefix") {
    const end = endsOf(pattern, characters, 0, budget).at(-1);
    return end === undefined ? text : replacement + characters.slice(end).join("");
  }
  if (which === "suffix") {
    const length = endsOf(pattern.toReversed(), characters.toReversed(), 0, budget).at(-1);
    if (length === undefined) return text;
    return characters.slice(0, characters.length - length).join("") + replacement;
  }
  let result = "";
  for (let at = 0; at < characters.length;) {
    const end = endsOf(pattern, characters, at, budget).at(-1);
    if (end === undefined || end === at) result += characters[at++]!;
    else {
      result += replacement;
      if (which === "first") return result + characters.slice(end).join("");
      at = end;
    }
  }
  return result;
}
