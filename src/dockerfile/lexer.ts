/**
 * The lexer: lines of the file, joined into the text of one instruction.
 *
 * An instruction goes on in the next line when its line ends with the escape character, blanks and
 * tabs after it allowed, unless another escape character stands before it. The lines are joined
 * without escape character and line ending; later lines keep their indentation. Comment lines and
 * blank lines in between are left out. So the text of an instruction is not a stretch of the file, and
 * a `LogicalLine` remembers where each piece of it stands.
 */
import { type Report } from "./problem.ts";
import { lineAt, locateIn, type Line, type Location, type Source } from "./source.ts";

/** The character that continues a line and takes the meaning from the next one. */
export type EscapeCharacter = "\\" | "`";

/** A piece of an instruction's text that stands in one line. */
interface Stretch {
  /** Where it begins in the text. */
  readonly at: number;
  readonly offset: number;
  readonly line: Line;
}

/** What stands between the pieces: an escape character with the rest of its line, or a whole line. */
export interface Interruption {
  readonly kind: "continuation" | "comment" | "blank";
  readonly offset: number;
  readonly end: number;
}

export interface LogicalLine {
  /** The lines joined; not trimmed at the end. */
  readonly text: string;
  readonly stretches: readonly Stretch[];
  readonly interruptions: readonly Interruption[];
  readonly first: Line;
  readonly last: Line;
}

/** The spaces beyond ASCII that Go's unicode.IsSpace knows. */
const rareSpaces: ReadonlySet<number> = new Set(
  [..."\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"]
    .map((character) => character.charCodeAt(0))
    .concat(Array.from({ length: 11 }, (_, index) => 0x2000 + index)),
);

/** Whether a space stands at an index of a text: what BuildKit trims and splits by. */
export function isSpaceAt(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code < 0x80 ? code === 0x20 || (code >= 9 && code <= 13) : rareSpaces.has(code);
}

/** The index of the first character from `start` on that is no space; `end` where there is none. */
export function skipSpaces(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && isSpaceAt(text, at)) at++;
  return at;
}

/** The index after the last character before `end` that is no space; `start` where there is none. */
export function skipSpacesBack(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isSpaceAt(text, at - 1)) at--;
  return at;
}

/** A text without the spaces around it. */
export function trimSpaces(text: string): string {
  const start = skipSpaces(text, 0, text.length);
  return text.slice(start, skipSpacesBack(text, start, text.length));
}

/** What a line is by itself, outside heredocs. */
export function kindOfLine(source: Source, line: Line): "blank" | "comment" | "instruction" {
  const at = skipSpaces(source.text, line.offset, line.contentEnd);
  if (at === line.contentEnd) return "blank";
  return source.text[at] === "#" ? "comment" : "instruction";
}

/** BuildKit's scanner takes no longer line, its line ending included. */
const longestLine = 65_536;

export function checkLength(source: Source, line: Line, report: Report): void {
  const length = line.end - line.offset;
  if (length * 3 <= longestLine) return;
  if (Buffer.byteLength(source.text.slice(line.offset, line.end)) <= longestLine) return;
  report(
    "line-too-long",
    locateIn(line, line.offset, line.offset + 1),
    `the line is longer than ${longestLine - 1} bytes`,
    "Break it up, or keep the data in a file of the build context.",
  );
}

/** Reads the instruction that begins in `first`, which is neither blank nor a comment. */
export function readLogicalLine(
  source: Source,
  first: Line,
  escape: EscapeCharacter,
  report: Report,
): LogicalLine {
  const stretches: Stretch[] = [];
  const interruptions: Interruption[] = [];
  const parts: string[] = [];
  let length = 0;
  let last = first;
  let blank: Line | undefined;
  let start = skipSpaces(source.text, first.offset, first.contentEnd);
  for (;;) {
    checkLength(source, last, report);
    const continues = continuationOf(source.text, start, last.contentEnd, escape);
    const end = continues ?? last.contentEnd;
    if (end > start) {
      stretches.push({ at: length, offset: start, line: last });
      parts.push(source.text.slice(start, end));
      length += end - start;
    }
    if (continues === undefined) break;
    interruptions.push({ kind: "continuation", offset: end, end: last.end });
    let next = nextLine(source, last);
    while (next !== undefined) {
      const kind = kindOfLine(source, next);
      if (kind === "instruction") break;
      checkLength(source, next, report);
      if (kind === "blank") blank ??= next;
      interruptions.push({ kind, offset: next.offset, end: next.end });
      last = next;
      next = nextLine(source, next);
    }
    if (next === undefined) break;
    last = next;
    start = next.offset;
  }
  if (blank !== undefined)
    report(
      "empty-continuation",
      locateIn(blank, blank.offset, blank.contentEnd),
      "a blank line stands inside an instruction",
      "Remove it, or make it a comment: builders will stop accepting it.",
    );
  return { text: parts.join(""), stretches, interruptions, first, last };
}

export function nextLine(source: Source, line: Line): Line | undefined {
  return line.number < source.lineOffsets.length ? lineAt(source, line.number + 1) : undefined;
}

/** Where the escape character is that continues a line; undefined where the line ends. */
function continuationOf(
  text: string,
  start: number,
  end: number,
  escape: EscapeCharacter,
): number | undefined {
  let at = end - 1;
  while (at >= start && (text[at] === " " || text[at] === "\t")) at--;
  if (at < start || text[at] !== escape) return undefined;
  return at > start && text[at - 1] === escape ? undefined : at;
}

/** Where a stretch of an instruction's text stands in the file; it may reach over several lines. */
export function locate(logical: LogicalLine, start: number, end: number): Location {
  const first = stretchAt(logical, start);
  if (first === undefined)
    return locateIn(logical.first, logical.first.offset, logical.first.offset);
  const offset = first.offset + start - first.at;
  const last = end > start ? stretchAt(logical, end - 1)! : first;
  return {
    offset,
    end: last.offset + end - last.at,
    line: first.line.number,
    column: offset - first.line.offset + 1,
  };
}

function stretchAt({ stretches }: LogicalLine, index: number): Stretch | undefined {
  let low = 0;
  let high = stretches.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (stretches[middle]!.at <= index) low = middle;
    else high = middle - 1;
  }
  return stretches[low];
}
