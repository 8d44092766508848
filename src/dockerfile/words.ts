/** Words: the three ways in which the text of an instruction is cut up. */
import { isSpaceAt, type EscapeCharacter } from "./lexer.ts";

/** A stretch of an instruction's text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A word and what it says, where that is not simply the stretch. */
export interface RangedWord extends Range {
  readonly text: string;
}

const notBlank = /[^\t\v\f\r ]+/g;

/** Words between blanks; quotes mean nothing. */
export function splitAtBlanks(text: string, { start, end }: Range): Range[] {
  const ranges: Range[] = [];
  notBlank.lastIndex = start;
  for (let match = notBlank.exec(text); match !== null; match = notBlank.exec(text)) {
    if (match.index >= end) break;
    ranges.push({ start: match.index, end: Math.min(end, match.index + match[0].length) });
  }
  return ranges;
}

/**
 * Words between spaces that are neither quoted nor escaped. Quotes and escape characters remain, but
 * for an escape character at the very end, which escapes nothing.
 */
export function splitOutsideQuotes(
  text: string,
  { start, end }: Range,
  escape: EscapeCharacter,
): RangedWord[] {
  const words: RangedWord[] = [];
  let at = start;
  for (;;) {
    while (at < end && isSpaceAt(text, at)) at++;
    if (at >= end) return words;
    const from = at;
    let quote = "";
    let dangles = false;
    for (; at < end && (quote !== "" || !isSpaceAt(text, at)); at++) {
      const character = text[at]!;
      if (character === escape && quote !== "'") dangles = ++at >= end;
      else if (quote === "" && (character === "'" || character === '"')) quote = character;
      else if (character === quote) quote = "";
    }
    at = Math.min(at, end);
    const word = text.slice(from, dangles ? at - 1 : at);
    if (word !== "") words.push({ start: from, end: at, text: word });
  }
}

/** A word that begins with `--`, taken without quotes and escape characters. */
export interface FlagWord extends RangedWord {
  /** For each character of `text`, where it stands. */
  readonly places: readonly number[];
}

/** BuildKit looks at the bytes of flags, so that spaces beyond ASCII mean nothing there. */
function isBlankAt(text: string, index: number): boolean {
  return text.charCodeAt(index) < 0x80 && isSpaceAt(text, index);
}

/**
 * The flags at the beginning of an instruction's arguments, and where the rest begins. `--` alone ends
 * the flags.
 */
export function readFlagWords(
  text: string,
  { start, end }: Range,
  escape: EscapeCharacter,
): { readonly flags: readonly FlagWord[]; readonly rest: number } {
  const flags: FlagWord[] = [];
  let at = start;
  for (;;) {
    while (at < end && isBlankAt(text, at)) at++;
    if (!text.startsWith("--", at) || at >= end) return { flags, rest: at };
    const flag = readFlagWord(text, at, end, escape);
    at = flag.end;
    if (flag.text === "--") return { flags, rest: at };
    flags.push(flag);
  }
}

function readFlagWord(text: string, start: number, end: number, escape: EscapeCharacter): FlagWord {
  const places: number[] = [];
  const characters: string[] = [];
  let quote = "";
  let at = start;
  for (; at < end && (quote !== "" || !isBlankAt(text, at)); at++) {
    const character = text[at]!;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else {
      if (character === escape && ++at >= end) break;
      characters.push(text[at]!);
      places.push(at);
    }
  }
  return { start, end: Math.min(at, end), text: characters.join(""), places };
}
