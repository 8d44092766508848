/** Arguments: what follows the keyword and the flags of an instruction, read as that instruction wants it. */
import { tryParseJsonForm } from "./json-form.ts";
import { isSpaceAt, locate, skipSpaces, type EscapeCharacter, type LogicalLine } from "./lexer.ts";
import { type Report } from "./problem.ts";
import { quoted } from "./source.ts";
import {
  type Arguments,
  type Assignment,
  type CommandArguments,
  type Declaration,
  type Word,
} from "./syntax.ts";
import { splitAtBlanks, splitOutsideQuotes, type Range, type RangedWord } from "./words.ts";

/** The text of an instruction, and how problems in it are told. */
export interface ArgumentText {
  readonly logical: LogicalLine;
  readonly escape: EscapeCharacter;
  readonly report: Report;
  /** Counts words, and throws where a file has too many. */
  readonly takeWords: (count: number) => void;
}

type Reader = (text: ArgumentText, range: Range, name: string) => Arguments;

const none = { form: "none" } as const;

const readers: Readonly<Record<string, Reader>> = {
  ADD: readJsonOrWords,
  ARG: readDeclarations,
  CMD: readCommand,
  COPY: readJsonOrWords,
  ENTRYPOINT: readCommand,
  ENV: readAssignments,
  EXPOSE: readWords,
  FROM: readWords,
  HEALTHCHECK: readCheck,
  LABEL: readAssignments,
  RUN: readCommand,
  SHELL: readCommand,
  VOLUME: readJsonOrWords,
};

/** Reads a range of an instruction's text, which neither begins nor ends with spaces. */
export function readArguments(text: ArgumentText, range: Range, name: string): Arguments {
  if (range.start >= range.end) return none;
  return Object.hasOwn(readers, name)
    ? readers[name]!(text, range, name)
    : { form: "text", text: wordOf(text.logical, range) };
}

/** The word in a range of an instruction's text; `text` where it says something else. */
export function wordOf(logical: LogicalLine, range: Range, text?: string): Word {
  const { start, end } = range;
  return { text: text ?? logical.text.slice(start, end), ...locate(logical, start, end) };
}

function wordsOf(
  { logical, takeWords }: ArgumentText,
  ranges: readonly (Range | RangedWord)[],
): Word[] {
  takeWords(ranges.length);
  return ranges.map((range) => wordOf(logical, range, "text" in range ? range.text : undefined));
}

function readWords(text: ArgumentText, range: Range): Arguments {
  return { form: "words", words: wordsOf(text, splitAtBlanks(text.logical.text, range)) };
}

function readJsonOrWords(text: ArgumentText, range: Range, name: string): Arguments {
  return readJson(text, range, name) ?? readWords(text, range);
}

function readCommand(text: ArgumentText, range: Range, name: string): CommandArguments {
  if (range.start >= range.end) return none;
  return readJson(text, range, name) ?? { form: "text", text: wordOf(text.logical, range) };
}

function readJson(text: ArgumentText, range: Range, name: string): CommandArguments | undefined {
  const { logical, report } = text;
  const json = tryParseJsonForm(logical.text, range);
  if (json === undefined) return undefined;
  const location = locate(logical, range.start, range.end);
  if (!json.hasOnlyStrings) {
    const message = `${name} in JSON form takes strings only`;
    report("json-not-strings", location, message, "Put quotes around each element.");
  }
  return { form: "json", words: wordsOf(text, json.words), location };
}

function readCheck(text: ArgumentText, { start, end }: Range, name: string): Arguments {
  const { logical } = text;
  let typeEnd = start;
  while (typeEnd < end && !isSpaceAt(logical.text, typeEnd)) typeEnd++;
  const type = wordOf(logical, { start, end: typeEnd });
  const commandStart = skipSpaces(logical.text, typeEnd, end);
  return { form: "check", type, command: readCommand(text, { start: commandStart, end }, name) };
}

/**
 * `NAME=VALUE …`, or `NAME VALUE` where the first word has no `=`: then all after the name is the
 * value.
 */
function readAssignments(text: ArgumentText, range: Range, name: string): Arguments {
  const { logical, escape, report, takeWords } = text;
  const words = splitOutsideQuotes(logical.text, range, escape);
  takeWords(words.length);
  const [first] = words;
  if (first === undefined) return none;
  if (!first.text.includes("=")) return readOldAssignment(text, range, name);
  const assignments: Assignment[] = [];
  for (const word of words) {
    const at = word.text.indexOf("=");
    const location = locate(logical, word.start, word.end);
    if (at !== -1) assignments.push({ ...partsOf(logical, word, at), separator: "=", ...location });
    else
      report(
        "assignment-invalid",
        location,
        `${name} expects NAME=VALUE, found ${quoted(word.text)}`,
        "A value with blanks needs quotes around it.",
      );
  }
  return { form: "assignments", assignments };
}

/** Name and value of a word with `=` in it. */
function partsOf(logical: LogicalLine, word: RangedWord, at: number): { name: Word; value: Word } {
  const equals = word.start + at;
  return {
    name: wordOf(logical, { start: word.start, end: equals }),
    value: wordOf(logical, { start: equals + 1, end: word.end }, word.text.slice(at + 1)),
  };
}

function readDeclarations(text: ArgumentText, range: Range): Arguments {
  const { logical, escape, takeWords } = text;
  const words = splitOutsideQuotes(logical.text, range, escape);
  takeWords(words.length);
  const declarations = words.map((word): Declaration => {
    const at = word.text.indexOf("=");
    const { name, value } =
      at === -1
        ? { name: wordOf(logical, word, word.text), value: undefined }
        : partsOf(logical, word, at);
    return { name, defaultValue: value, ...locate(logical, word.start, word.end) };
  });
  return declarations.length === 0 ? none : { form: "declarations", declarations };
}

const blank = /[\t\v\f\r ]+/g;

function readOldAssignment(text: ArgumentText, range: Range, name: string): Arguments {
  const { logical, report } = text;
  const { start, end } = range;
  blank.lastIndex = start;
  const match = blank.exec(logical.text);
  const location = locate(logical, start, end);
  if (match === null || match.index >= end) {
    const found = quoted(logical.text.slice(start, end));
    report("assignment-invalid", location, `${name} expects NAME=VALUE, found only ${found}`);
    return { form: "assignments", assignments: [] };
  }
  const assignment: Assignment = {
    name: wordOf(logical, { start, end: match.index }),
    value: wordOf(logical, { start: match.index + match[0].length, end }),
    separator: " ",
    ...location,
  };
  return { form: "assignments", assignments: [assignment] };
}
