/** Source: the text of a Dockerfile, where its lines are, and excerpts of it for messages. */
import {
  BivyError,
  decodeName,
  encodeName,
  defaultLimits,
  limitExceeded,
  type Limits,
} from "../base/index.ts";

export interface Source {
  /** What messages call the file. */
  readonly subject: string;
  /**
   * The whole file. A byte that is no UTF-8 stands as a lone surrogate (see `decodeName`), so that no
   * byte is lost.
   */
  readonly text: string;
  /** Where each line begins in `text`, the first at 0. */
  readonly lineOffsets: readonly number[];
}

export interface SourceOptions {
  readonly subject: string;
  readonly limits?: Limits;
}

/** A stretch of the file: indexes into its text, in UTF-16 code units, as editors count. */
export interface Location {
  readonly offset: number;
  /** The index after the last character. */
  readonly end: number;
  /** The line and column where it begins, both from 1. */
  readonly line: number;
  readonly column: number;
}

/** A file of more lines is no Dockerfile that anyone wrote, and would cost memory for each. */
const mostLines = 100_000;
/** So is one that has more bytes which are no UTF-8. */
const mostStrayBytes = 10_000;

export const byteOrderMark = "\ufeff";

/**
 * Takes the text of a Dockerfile in. Throws `limit-exceeded` where it is too large to be one, and
 * `dockerfile-invalid` where it is no text.
 */
export function readSource(input: string | Uint8Array, options: SourceOptions): Source {
  const { subject, limits = defaultLimits } = options;
  const size = typeof input === "string" ? Buffer.byteLength(input) : input.byteLength;
  if (size > limits["document-size"]) throw limitExceeded("document-size", limits, subject);
  const text = typeof input === "string" ? input : decodeSource(input, subject);
  return { subject, text, lineOffsets: findLines(text, subject) };
}

function decodeSource(bytes: Uint8Array, subject: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new BivyError("dockerfile-invalid", `${subject}: expected UTF-8 text, found UTF-16`, {
      hint: "Save the file as UTF-8. Windows PowerShell writes UTF-16 when output is redirected.",
    });
  const replaced = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  if (countOf("\ufffd", replaced, mostStrayBytes) > mostStrayBytes)
    throw new BivyError(
      "dockerfile-invalid",
      `${subject}: expected UTF-8 text, found binary data`,
      {
        hint: "Check that the path names a Dockerfile.",
      },
    );
  return decodeName(bytes);
}

/** How often `part` occurs; counting ends beyond `enough`. */
function countOf(part: string, text: string, enough: number): number {
  let count = 0;
  for (let at = text.indexOf(part); at !== -1 && count <= enough; at = text.indexOf(part, at + 1))
    count++;
  return count;
}

function findLines(text: string, subject: string): number[] {
  const offsets = text === "" ? [] : [0];
  for (let at = text.indexOf("\n") + 1; at > 0 && at < text.length; at = text.indexOf("\n", at) + 1)
    if (offsets.push(at) > mostLines)
      throw new BivyError("limit-exceeded", `${subject}: has more than ${mostLines} lines`, {
        hint: "Check that the path names a Dockerfile.",
      });
  return offsets;
}

/** The bytes of a text that `readSource` took in. */
export function encodeSource(text: string): Uint8Array {
  return encodeName(text);
}

/** One line of the file. */
export interface Line {
  readonly number: number;
  /** Where it begins; behind a byte order mark. */
  readonly offset: number;
  /** Where its text ends and the line ending (any carriage returns, and a line feed) begins. */
  readonly contentEnd: number;
  readonly end: number;
}

/** The line of a number from 1 to the number of lines. */
export function lineAt(source: Source, number: number): Line {
  const { text, lineOffsets } = source;
  const start = lineOffsets[number - 1]!;
  const end = lineOffsets[number] ?? text.length;
  const offset = start === 0 && text.startsWith(byteOrderMark) ? byteOrderMark.length : start;
  let contentEnd = end;
  while (contentEnd > offset && "\r\n".includes(text[contentEnd - 1]!)) contentEnd--;
  return { number, offset, contentEnd, end };
}

/** A location within one line. */
export function locateIn(line: Line, offset: number, end: number): Location {
  return { offset, end, line: line.number, column: offset - line.offset + 1 };
}

const widestExcerpt = 100;

/**
 * The line of a location, and a line of carets under the part of it that is meant:
 *
 * ```
 *   3 | RNU apk add curl
 *     | ^^^
 * ```
 */
export function excerptOf(source: Source, location: Location): string {
  const line = lineAt(source, Math.min(location.line, source.lineOffsets.length));
  const content = source.text.slice(line.offset, line.contentEnd);
  const column = Math.min(location.column - 1, content.length);
  const length = Math.min(location.end, line.contentEnd) - location.offset;
  const from = column + length <= widestExcerpt ? 0 : Math.max(0, column - widestExcerpt / 4);
  const until = Math.min(content.length, from + widestExcerpt);
  const before = `${from > 0 ? "…" : ""}${content.slice(from, column)}`;
  const meant = content.slice(column, Math.min(until, column + length));
  const after = `${content.slice(column + meant.length, until)}${until < content.length ? "…" : ""}`;
  const number = String(line.number);
  const carets = "^".repeat(Math.max(1, widthOf(meant)));
  return (
    `  ${number} | ${shown(before + meant + after)}\n` +
    `  ${" ".repeat(number.length)} | ${before.replace(/[^\t]/gu, (sign) => " ".repeat(widthOf(sign)))}${carets}`
  );
}

const wideSign =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const narrowSign = /\p{Mark}|[\u200b-\u200d\u2060]/u;

/** Columns that a terminal needs for a text; a tab counts as one. */
function widthOf(text: string): number {
  let width = 0;
  for (const sign of text) width += narrowSign.test(sign) ? 0 : wideSign.test(sign) ? 2 : 1;
  return width;
}

/** What a terminal would obey, what turns text around, and bytes that are no text; tabs remain. */
// oxlint-disable-next-line no-control-regex
const disturbing = /[\0-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

function shown(text: string): string {
  return text.replace(disturbing, "\ufffd");
}

const longestShown = 60;

/** A word of the file as a message can have it: on one line, shortened, and harmless. */
export function shownShort(text: string): string {
  return shown(text.length > longestShown ? `${text.slice(0, longestShown)}…` : text);
}

/** The same in quotes. */
export function quoted(text: string): string {
  const short = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return shown(JSON.stringify(short));
}
