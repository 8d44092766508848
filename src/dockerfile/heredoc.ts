/**
 * Heredocs: which words of an instruction announce one, and the lines that belong to it
 * (https://docs.docker.com/reference/dockerfile/#here-documents).
 *
 * BuildKit takes the instruction's text apart as a shell would, with `\` as escape character whatever
 * the directive says, and looks at each word: `<<`, with an optional number before it and an optional
 * `-` after it, and then a delimiter announce a heredoc. Where the text cannot be taken apart, because
 * a quote has no end or a `${…}` is none that BuildKit knows, there is none, whatever a shell would
 * make of it.
 */
import { isSpaceAt, nextLine, checkLength } from "./lexer.ts";
import { type Report } from "./problem.ts";
import { locateIn, quoted, shownShort, type Line, type Location, type Source } from "./source.ts";
import { type Heredoc, type Word } from "./syntax.ts";
import { type Range } from "./words.ts";

/** A word that announces a heredoc, taken apart. */
export interface HeredocWord {
  readonly descriptor: number;
  readonly stripsTabs: boolean;
  readonly delimiter: string;
  readonly expands: boolean;
}

const heredocForm = /^(\d*)<<(-?)/;

/** Takes a word apart; undefined where it announces no heredoc. */
export function tryParseHeredocWord(word: string): HeredocWord | undefined {
  const match = heredocForm.exec(word);
  if (match === null) return undefined;
  const rest = word.slice(match[0].length).replace(/^[\t\n\f\r ]+/, "");
  const delimiter = rest.includes("<") ? undefined : unquote(rest);
  if (delimiter === undefined || delimiter.text === "") return undefined;
  return {
    descriptor: Number(match[1]),
    stripsTabs: match[2] === "-",
    delimiter: delimiter.text,
    expands: !delimiter.quoted,
  };
}

/** One word without quotes and escape characters; undefined where it is several, or has no end. */
function unquote(word: string): { readonly text: string; readonly quoted: boolean } | undefined {
  const scanner = new WordScanner(word);
  const ranges = scanner.words();
  if (ranges?.length !== 1) return undefined;
  let text = "";
  let isQuoted = false;
  let at = ranges[0]!.start;
  const end = word.length;
  while (at < end) {
    const character = word[at]!;
    if (character === "$") {
      const after = scanner.skipDollar(at)!;
      text += word.slice(at, after);
      at = after;
    } else if (character === "'") {
      const close = word.indexOf("'", at + 1);
      text += word.slice(at + 1, close);
      isQuoted = true;
      at = close + 1;
    } else if (character === '"') {
      const after = scanner.skipDoubleQuotes(at)!;
      text += word.slice(at + 1, after - 1).replace(/\\(["$\\])/g, "$1");
      isQuoted = true;
      at = after;
    } else {
      if (character === "\\") at++;
      else if (isSpaceAt(word, at)) break;
      text += word[at] ?? "";
      at++;
    }
  }
  return { text, quoted: isQuoted };
}

/** The words of an instruction's text that announce heredocs. */
export function findHeredocWords(text: string): readonly (Range & HeredocWord)[] {
  if (!text.includes("<<")) return [];
  const found: (Range & HeredocWord)[] = [];
  for (const range of new WordScanner(text).words() ?? []) {
    const word = tryParseHeredocWord(text.slice(range.start, range.end));
    if (word !== undefined) found.push({ ...range, ...word });
  }
  return found;
}

const variableName = /[0-9]+|[@*#?$!-]|[\p{L}_][\p{L}\p{Nd}_]*/uy;

/** `${…}` may stand in `${…}`; nobody nests them so deep. */
const deepestNesting = 64;

/**
 * Walks over a text as BuildKit's lexer for shell words does. Each `skip` method takes the index of
 * what it skips and gives the index after it; undefined is a syntax error.
 */
class WordScanner {
  readonly #text: string;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  words(): Range[] | undefined {
    const text = this.#text;
    const words: Range[] = [];
    let start = -1;
    let at = 0;
    while (at < text.length) {
      if (isSpaceAt(text, at)) {
        if (start !== -1) words.push({ start, end: at });
        start = -1;
        at++;
        continue;
      }
      if (start === -1) start = at;
      if (text[at] === "$") {
        const after = this.skipDollar(at);
        if (after === undefined) return undefined;
        // Spaces within `${…}` end words as others do.
        for (; at < after; at++) {
          if (!isSpaceAt(text, at)) start = start === -1 ? at : start;
          else {
            if (start !== -1) words.push({ start, end: at });
            start = -1;
          }
        }
        continue;
      }
      const after = this.#skipCharacter(at);
      if (after === undefined) return undefined;
      at = after;
    }
    if (start !== -1) words.push({ start, end: text.length });
    return words;
  }

  /** One character, escaped pair, quoted stretch or `<<` with the spaces after it. */
  #skipCharacter(at: number): number | undefined {
    const text = this.#text;
    switch (text[at]) {
      case "\\":
        return Math.min(at + 2, text.length);
      case "'": {
        const close = text.indexOf("'", at + 1);
        return close === -1 ? undefined : close + 1;
      }
      case '"':
        return this.skipDoubleQuotes(at);
      case "$":
        return this.skipDollar(at);
      case "<": {
        if (text[at + 1] !== "<") return at + 1;
        let after = at + 2;
        while (after < text.length && " \t\r".includes(text[after]!)) after++;
        return after;
      }
      default:
        return at + 1;
    }
  }

  skipDoubleQuotes(at: number): number | undefined {
    const text = this.#text;
    let after: number | undefined = at + 1;
    while (after !== undefined && after < text.length) {
      const character = text[after];
      if (character === '"') return after + 1;
      if (character === "$") after = this.skipDollar(after);
      else if (character === "\\" && '"$\\'.includes(text[after + 1] ?? " ")) after += 2;
      else after++;
    }
    return undefined;
  }

  skipDollar(at: number): number | undefined {
    const text = this.#text;
    if (text[at + 1] !== "{") return this.#skipName(at + 1);
    if ("{}:".includes(text[at + 2] ?? "")) return undefined;
    const operator = this.#skipName(at + 2);
    const first = text[operator];
    if (first === "}") return operator + 1;
    if (first === "/") {
      const pattern = this.#skipTo("/", text[operator + 1] === "/" ? operator + 2 : operator + 1);
      return pattern === undefined ? undefined : this.#skipTo("}", pattern);
    }
    if (first === ":")
      return "#%".includes(text[operator + 1] ?? "") ? undefined : this.#skipTo("}", operator + 2);
    return first !== undefined && "+-?#%".includes(first)
      ? this.#skipTo("}", operator + 1)
      : undefined;
  }

  #skipName(at: number): number {
    variableName.lastIndex = at;
    return variableName.test(this.#text) ? variableName.lastIndex : at;
  }

  /** To behind the next `stop` that is neither quoted nor escaped nor part of another `${…}`. */
  #skipTo(stop: string, at: number): number | undefined {
    if (this.#depth >= deepestNesting) return undefined;
    this.#depth++;
    let after: number | undefined = at;
    while (after !== undefined && after < this.#text.length && this.#text[after] !== stop)
      after = this.#skipCharacter(after);
    this.#depth--;
    return after === undefined || after >= this.#text.length ? undefined : after + 1;
  }
}

/** Reads the lines of one heredoc, and gives the last of them that it took. */
export function readHeredoc(
  source: Source,
  announcement: HeredocWord,
  word: Word,
  before: Line,
  report: Report,
): { readonly heredoc: Heredoc; readonly last: Line } {
  let last = before;
  let terminator: Location | undefined;
  let almost: Line | undefined;
  let contentEnd = before.end;
  for (let line = nextLine(source, before); line !== undefined; line = nextLine(source, line)) {
    checkLength(source, line, report);
    last = line;
    const written = source.text.slice(line.offset, line.contentEnd);
    const compared = announcement.stripsTabs ? written.replace(/^\t+/, "") : written;
    if (compared === announcement.delimiter) {
      terminator = locateIn(line, line.offset, line.end);
      break;
    }
    if (compared.trim() === announcement.delimiter) almost ??= line;
    contentEnd = line.end;
  }
  if (terminator === undefined) reportUnterminated(announcement, word, almost, report);
  const first = nextLine(source, before) ?? before;
  const offset = before.end;
  const content = {
    text: source.text.slice(offset, contentEnd),
    offset,
    end: contentEnd,
    line: first.number,
    column: 1,
  };
  const { delimiter, descriptor, expands, stripsTabs } = announcement;
  const heredoc = { word, delimiter, descriptor, expands, stripsTabs, content, terminator };
  return { heredoc, last };
}

function reportUnterminated(
  { delimiter, stripsTabs }: HeredocWord,
  word: Word,
  almost: Line | undefined,
  report: Report,
): void {
  const hint =
    almost === undefined
      ? `End it with a line that holds nothing but ${shownShort(delimiter)}.`
      : `Line ${almost.number} has spaces around ${shownShort(delimiter)}; it must stand alone in its line` +
        (stripsTabs ? ", with nothing but tabs before it." : ". <<- allows tabs before it.");
  report(
    "heredoc-unterminated",
    word,
    `the heredoc has no end: expected a line ${quoted(delimiter)}`,
    hint,
  );
}

/** What a heredoc says: its lines, without the tabs that `<<-` leaves out. */
export function textOfHeredoc({ content, stripsTabs }: Heredoc): string {
  return stripsTabs ? content.text.replace(/(^|\n)\t+/g, "$1") : content.text;
}
