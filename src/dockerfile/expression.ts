/**
 * Expressions: the part of Go's regular expressions (https://pkg.go.dev/regexp/syntax) that an ignore
 * pattern can become.
 *
 * An ignore pattern means what its translation means (./ignore-pattern.ts), and that is not always what
 * its author thought of: BuildKit leaves braces and bars as they are, and a set may get wildcards in it.
 * So that every pattern gives what it gives there, its translation is read as Go would read it. Groups
 * other than `(.*\/)?` and lazy repetitions cannot occur. Unicode classes (`\pL`) and quoted stretches
 * (`\Q…\E`) are refused.
 */
import type { BivyError } from "../base/index.ts";
import {
  complement,
  escapedSet,
  namedSet,
  setOf,
  type CharacterRange,
  type CharacterSet,
} from "./character-set.ts";

export type Assertion = "start" | "end" | "word-boundary" | "no-word-boundary";

type Part =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "group"; readonly items: readonly Item[] };

/** A part, from `min` to `max` times. */
export type Item = Part & { readonly min: number; readonly max: number };

/** It matches a text in which one of the alternatives is found, item after item. */
export interface Expression {
  readonly alternatives: readonly (readonly Item[])[];
}

/** The characters of `text`, one after the other. */
export function literally(text: string): Item[] {
  return [...text].map((character) => once(set(single(character.codePointAt(0)!))));
}

export function assertOnce(assertion: Assertion): Item {
  return once({ kind: "assertion", assertion });
}

function once(part: Part): Item {
  return { ...part, min: 1, max: 1 };
}

function set(characters: CharacterSet): Part {
  return { kind: "set", set: characters };
}

function single(code: number): CharacterSet {
  return [[code, code]];
}

const notNewline = set(complement(single(0x0a)));

/** Any folders. */
const foldersText = "(.*/)?";
const folders: Item = {
  kind: "group",
  items: [{ ...notNewline, min: 0, max: Infinity }, ...literally("/")],
  min: 0,
  max: 1,
};

interface Reader {
  readonly text: string;
  /** Makes the error for a text that is no expression. */
  readonly fail: (reason: string) => BivyError;
  at: number;
}

/** Reads an expression; what is wrong with it goes into the error that `fail` makes. */
export function parseExpression(text: string, fail: (reason: string) => BivyError): Expression {
  const reader: Reader = { text, fail, at: 0 };
  let items: Item[] = [];
  const alternatives = [items];
  while (reader.at < text.length) {
    if (text[reader.at] === "|") {
      reader.at += 1;
      alternatives.push((items = []));
    } else {
      items.push(readItem(reader));
    }
  }
  return { alternatives };
}

function readItem(reader: Reader): Item {
  if (reader.text.startsWith(foldersText, reader.at)) {
    reader.at += foldersText.length;
    if (readRepetition(reader) !== undefined) throw reader.fail("two repetitions in a row");
    return folders;
  }
  if (readRepetition(reader) !== undefined) throw reader.fail("a repetition of nothing");
  const part = readPart(reader);
  const repetition = readRepetition(reader) ?? { min: 1, max: 1 };
  if (repetition.repeats && readRepetition(reader) !== undefined)
    throw reader.fail("two repetitions in a row");
  return { ...part, min: repetition.min, max: repetition.max };
}

interface Repetition {
  readonly min: number;
  readonly max: number;
  readonly repeats?: true;
}

const countPattern = /\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/y;
const mostRepetitions = 1000;

/** A star or a count; braces that hold no count stand for themselves. */
function readRepetition(reader: Reader): Repetition | undefined {
  const { text, at } = reader;
  if (text[at] === "*") {
    reader.at += 1;
    return { min: 0, max: Infinity, repeats: true };
  }
  countPattern.lastIndex = at;
  const match = countPattern.exec(text);
  if (match === null) return undefined;
  const [whole, least, comma, most] = match;
  const min = Number(least);
  const max = comma === undefined ? min : most === undefined ? Infinity : Number(most);
  if (min > mostRepetitions || (max !== Infinity && max > mostRepetitions) || min > max)
    throw reader.fail(`the count ${whole} is not between 0 and ${mostRepetitions}`);
  reader.at += whole.length;
  return { min, max, repeats: true };
}

const assertionsByLetter: ReadonlyMap<string, Assertion> = new Map([
  ["A", "start"],
  ["z", "end"],
  ["b", "word-boundary"],
  ["B", "no-word-boundary"],
]);

function readPart(reader: Reader): Part {
  const { text, at } = reader;
  const character = text[at]!;
  if (character === "[") return set(readSet(reader));
  if (character === "\\") {
    const letter = text[at + 1] ?? "";
    const assertion = assertionsByLetter.get(letter);
    const named = escapedSet(letter);
    if (assertion === undefined && named === undefined) return set(single(readEscape(reader)));
    reader.at += 2;
    return assertion === undefined ? set(named!) : { kind: "assertion", assertion };
  }
  if (character === "^" || character === "$" || character === ".") {
    reader.at += 1;
    if (character === ".") return notNewline;
    return { kind: "assertion", assertion: character === "^" ? "start" : "end" };
  }
  return set(single(readCharacter(reader)));
}

/** Reads `[…]`. A `]` that comes first, and a `-` without two ends, stand for themselves. */
function readSet(reader: Reader): CharacterSet {
  const { text } = reader;
  reader.at += 1;
  const negated = text[reader.at] === "^";
  if (negated) reader.at += 1;
  const ranges: CharacterRange[] = [];
  for (let first = true; first || text[reader.at] !== "]"; first = false)
    ranges.push(...readMember(reader));
  reader.at += 1;
  const found = setOf(...ranges);
  return negated ? complement(found) : found;
}

function readMember(reader: Reader): CharacterSet {
  const { text, at } = reader;
  const nameEnd = text.startsWith("[:", at) ? text.indexOf(":]", at + 2) : -1;
  if (nameEnd !== -1) {
    const name = text.slice(at + 2, nameEnd);
    const named = namedSet(name);
    if (named === undefined) throw reader.fail(`there is no set named [:${name}:]`);
    reader.at = nameEnd + 2;
    return named;
  }
  const escaped = text[at] === "\\" ? escapedSet(text[at + 1] ?? "") : undefined;
  if (escaped !== undefined) {
    reader.at += 2;
    return escaped;
  }
  const first = readSetCharacter(reader);
  const isRange = text[reader.at] === "-" && (text[reader.at + 1] ?? "]") !== "]";
  if (isRange) reader.at += 1;
  const last = isRange ? readSetCharacter(reader) : first;
  if (last < first)
    throw reader.fail(`the range ${text.slice(at, reader.at)} ends before it begins`);
  return [[first, last]];
}

function readSetCharacter(reader: Reader): number {
  if (reader.at >= reader.text.length) throw reader.fail('a "[" is not closed');
  return reader.text[reader.at] === "\\" ? readEscape(reader) : readCharacter(reader);
}

function readCharacter(reader: Reader): number {
  const code = reader.text.codePointAt(reader.at)!;
  reader.at += code > 0xffff ? 2 : 1;
  return code;
}

const controlCharacters: Readonly<Record<string, number>> = {
  a: 0x07,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
};

const octalEscape = /\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/y;
const hexadecimalEscape = /\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/y;

/** Reads a backslash and what it gives another meaning. */
function readEscape(reader: Reader): number {
  const { text, at } = reader;
  for (const [pattern, radix] of [
    [octalEscape, 8],
    [hexadecimalEscape, 16],
  ] as const) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const code = match === null ? NaN : Number.parseInt(match[1] ?? match[2]!, radix);
    if (match === null || code > 0x10ffff) continue;
    reader.at += match[0].length;
    return code;
  }
  const letter = text[at + 1] ?? "";
  const control = Object.hasOwn(controlCharacters, letter) ? controlCharacters[letter] : undefined;
  if (control === undefined && !/^[^0-9A-Za-z\u0080-\uffff]$/.test(letter))
    throw reader.fail(`a backslash stands before ${JSON.stringify(letter)}`);
  reader.at += 2;
  return control ?? letter.charCodeAt(0);
}
