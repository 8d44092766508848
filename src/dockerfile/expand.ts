/**
 * Expansion: variables, quotes and escapes in the arguments of an instruction, and their splitting into
 * words, as BuildKit's shell lexer does them (its `frontend/dockerfile/shell`).
 *
 *     $x ${x}               the value; nothing when it is not set
 *     ${x:-w} ${x-w}        w when it is not set (with the colon: or empty)
 *     ${x:+w} ${x+w}        w when it is set (with the colon: and not empty)
 *     ${x:?w} ${x?w}        an error, w, when it is not set (with the colon: or empty)
 *     ${x#p} ${x##p}        without the shortest, longest beginning that matches p (./expand-pattern.ts)
 *     ${x%p} ${x%%p}        without the shortest, longest end
 *     ${x/p/r} ${x//p/r}    with the first match, all matches replaced by r
 *
 * A name is letters, digits and `_`, or digits alone, or one of `@*#?-$!`. Operands are expanded in their
 * turn. Nothing is expanded in single quotes; in double quotes the escape character keeps its place unless
 * a `"`, a `$` or itself follows. A `$` that no name follows is itself. A value is split into words where
 * it stands outside quotes.
 */
import { defaultLimits, limitExceeded, type Limits } from "../base/index.ts";
import {
  parseExpansionPattern,
  replaceAll,
  replaceFirst,
  takesTooLong,
  withoutPrefix,
  withoutSuffix,
  type ExpansionPattern,
} from "./expand-pattern.ts";
import { ExpansionError, fault, unclosed, unsupported, type Opened } from "./expansion-error.ts";
import { isSpaceAt, type EscapeCharacter } from "./lexer.ts";
import { shorten } from "./shorten.ts";

/** The value of a variable; undefined when it is not set. */
export type Variables = (name: string) => string | undefined;

export interface ExpandOptions {
  /** A backslash by default. */
  readonly escape?: EscapeCharacter;
  /** Leaves quotes in the result; they quote all the same. */
  readonly keepQuotes?: boolean;
  /** Leaves escape characters in the result; they escape all the same. */
  readonly keepEscapes?: boolean;
  /** Takes quotes for ordinary characters, as in a heredoc. */
  readonly ignoreQuotes?: boolean;
  /** Leaves an expansion of a variable that is not set as it is, its operands expanded. */
  readonly keepUnset?: boolean;
  /** `document-size` bounds the result: a value can be repeated without end. */
  readonly limits?: Limits;
}

interface LookedUp {
  /** Variables that were looked up and are set, by first appearance. */
  readonly used: ReadonlySet<string>;
  /** Variables that were looked up and are not set. */
  readonly unset: ReadonlySet<string>;
}

export interface ExpandedWord extends LookedUp {
  readonly text: string;
}

export interface ExpandedWords extends LookedUp {
  readonly words: readonly string[];
}

/** Expands `text` as one word. Throws an ExpansionError where it is malformed or a `?` says so. */
export function expandWord(
  text: string,
  variables: Variables,
  options: ExpandOptions = {},
): ExpandedWord {
  const lexer = lexerOf(text, variables, options);
  const expanded = readText(lexer, { keepEscapes: lexer.keepEscapes, forPattern: false });
  return { text: expanded, used: lexer.used, unset: lexer.unset };
}

/** Expands `text` and splits it at white space. Throws an ExpansionError, as `expandWord` does. */
export function expandWords(
  text: string,
  variables: Variables,
  options: ExpandOptions = {},
): ExpandedWords {
  const lexer = lexerOf(text, variables, options);
  const splitter: Splitter = { words: [], word: "" };
  readText(lexer, { keepEscapes: lexer.keepEscapes, forPattern: false }, undefined, splitter);
  endWord(splitter);
  return { words: splitter.words, used: lexer.used, unset: lexer.unset };
}

interface Lexer extends Required<ExpandOptions> {
  readonly text: string;
  readonly variables: Variables;
  readonly used: Set<string>;
  readonly unset: Set<string>;
  at: number;
  /** How many `${` are open. */
  depth: number;
}

function lexerOf(text: string, variables: Variables, options: ExpandOptions): Lexer {
  return {
    escape: "\\",
    keepQuotes: false,
    keepEscapes: false,
    ignoreQuotes: false,
    keepUnset: false,
    limits: defaultLimits,
    ...options,
    text,
    variables,
    used: new Set(),
    unset: new Set(),
    at: 0,
    depth: 0,
  };
}

/** Words as they come out. An empty one is dropped, quoted or not. */
interface Splitter {
  readonly words: string[];
  word: string;
}

function endWord(splitter: Splitter): void {
  if (splitter.word !== "") splitter.words.push(splitter.word);
  splitter.word = "";
}

/** Adds text in which white space ends words. */
function addSplit(splitter: Splitter, text: string): void {
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (!isSpaceAt(text, at)) continue;
    splitter.word += text.slice(start, at);
    endWord(splitter);
    start = at + 1;
  }
  splitter.word += text.slice(start);
}

/** How escapes come out. */
interface Escapes {
  readonly keepEscapes: boolean;
  /** Escape characters are doubled in quotes, because the pattern is read once more. */
  readonly forPattern: boolean;
}

const plainEscapes: Escapes = { keepEscapes: false, forPattern: false };
const patternEscapes: Escapes = { keepEscapes: true, forPattern: true };
const replacementEscapes: Escapes = { keepEscapes: true, forPattern: false };

/** Reads up to the character that closes, and over it; or all that is left. */
function readText(lexer: Lexer, escapes: Escapes, opened?: Opened, splitter?: Splitter): string {
  const { text, escape, ignoreQuotes } = lexer;
  const special = `$<${escape}${opened?.by ?? ""}${ignoreQuotes ? "" : "'\""}`;
  let result = "";
  while (lexer.at < text.length) {
    const start = lexer.at;
    const character = text[start]!;
    if (character === opened?.by) {
      lexer.at += 1;
      return result;
    }
    let found: string;
    let splits = false;
    if (character === "$") {
      found = readDollar(lexer);
      splits = true;
    } else if (!ignoreQuotes && character === "'") {
      found = readSingle(lexer, escapes);
    } else if (!ignoreQuotes && character === '"') {
      found = readDouble(lexer, escapes);
    } else if (character === escape) {
      lexer.at = Math.min(start + 2, text.length);
      found = text.slice(escapes.keepEscapes ? start : start + 1, lexer.at);
    } else if (text.startsWith("<<", start)) {
      // The blanks behind the beginning of a heredoc are no gap between words.
      lexer.at = start + 2;
      while (" \t\r".includes(text[lexer.at] ?? "none")) lexer.at += 1;
      found = text.slice(start, lexer.at);
    } else {
      found = readOrdinary(lexer, special);
      splits = true;
    }
    result = joined(lexer, result, found);
    if (splitter === undefined) continue;
    if (splits) addSplit(splitter, found);
    else splitter.word += found;
  }
  if (opened !== undefined) throw unclosed(text, opened, escape);
  return result;
}

/** Reads one character, whatever it is, and all behind it up to one of `special`. */
function readOrdinary(lexer: Lexer, special: string): string {
  const { text, at: start } = lexer;
  do lexer.at += 1;
  while (lexer.at < text.length && !special.includes(text[lexer.at]!));
  return text.slice(start, lexer.at);
}

function joined(lexer: Lexer, before: string, found: string): string {
  if (before.length + found.length > lexer.limits["document-size"])
    throw limitExceeded("document-size", lexer.limits, `the expansion of ${shorten(lexer.text)}`);
  return before + found;
}

function readSingle(lexer: Lexer, { forPattern }: Escapes): string {
  const { text, at, escape, keepQuotes } = lexer;
  const end = text.indexOf("'", at + 1);
  if (end === -1) throw unclosed(text, { by: "'", at }, escape);
  lexer.at = end + 1;
  const quoted = text.slice(at + 1, end);
  const content = forPattern ? quoted.replaceAll(escape, escape + escape) : quoted;
  return keepQuotes ? `'${content}'` : content;
}

function readDouble(lexer: Lexer, { keepEscapes, forPattern }: Escapes): string {
  const { text, at: start, escape, keepQuotes } = lexer;
  const special = `$"${escape}`;
  // An escape character before an ordinary one is itself, and in a pattern has to be escaped to be so.
  const itself = keepEscapes && (!keepQuotes || forPattern) ? escape + escape : escape;
  let result = "";
  lexer.at += 1;
  while (lexer.at < text.length) {
    const character = text[lexer.at]!;
    let found: string;
    if (character === '"') {
      lexer.at += 1;
      return keepQuotes ? `"${result}"` : result;
    } else if (character === "$") {
      found = readDollar(lexer);
    } else if (character === escape) {
      const next = text[lexer.at + 1] ?? "";
      const escapes = next !== "" && special.includes(next);
      found = escapes ? (keepEscapes ? escape + next : next) : itself;
      lexer.at += escapes ? 2 : 1;
    } else {
      found = readOrdinary(lexer, special);
    }
    result = joined(lexer, result, found);
  }
  throw unclosed(text, { by: '"', at: start }, escape);
}

const namePattern = /\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*/uy;

/** Reads a name; it is empty where none stands. */
function readName(lexer: Lexer): string {
  namePattern.lastIndex = lexer.at;
  const name = namePattern.exec(lexer.text)?.[0] ?? "";
  lexer.at += name.length;
  return name;
}

function lookUp(lexer: Lexer, name: string): string | undefined {
  const value = lexer.variables(name);
  (value === undefined ? lexer.unset : lexer.used).add(name);
  return value;
}

function readDollar(lexer: Lexer): string {
  const start = lexer.at;
  lexer.at += 1;
  if (lexer.text[lexer.at] === "{") return readBraces(lexer, start);
  const name = readName(lexer);
  if (name === "") return "$";
  return lookUp(lexer, name) ?? (lexer.keepUnset ? `$${name}` : "");
}

/** Far deeper than anyone nests, and shallow enough to be read by calling down. */
const deepestNesting = 500;

/** Reads `${…}`; `start` is where its `$` stands. */
function readBraces(lexer: Lexer, start: number): string {
  const { text } = lexer;
  lexer.at += 1;
  if (++lexer.depth > deepestNesting)
    throw fault(text, start, `expected at most ${deepestNesting} expansions in each other`);
  const first = text[lexer.at];
  if (first !== undefined && "{}:".includes(first))
    throw fault(
      text,
      lexer.at,
      `bad substitution: expected a name behind "\${", found "${first}"`,
      `Put ${lexer.escape} before a "$" that stands for itself.`,
    );
  const result = readSubstitution(lexer, { name: readName(lexer), at: start });
  lexer.depth -= 1;
  return result;
}

/** A `${` and the name behind it. */
interface Substitution {
  readonly name: string;
  readonly at: number;
}

const choices: ReadonlySet<string> = new Set(["-", "+", "?", ":-", ":+", ":?"]);

function readSubstitution(lexer: Lexer, substitution: Substitution): string {
  const { text, at, keepUnset } = lexer;
  const { name } = substitution;
  const operator = text[at] === ":" ? text.slice(at, at + 2) : (text[at] ?? "");
  if (operator === "" || operator === ":")
    throw unclosed(text, { by: "}", at: substitution.at }, lexer.escape);
  lexer.at += operator.length;
  if (operator === "}") return lookUp(lexer, name) ?? (keepUnset ? `\${${name}}` : "");
  if (operator === "/") return readReplacement(lexer, substitution);
  if (operator === "#" || operator === "%") return readTrimming(lexer, substitution, operator);
  if (choices.has(operator)) return readChoice(lexer, substitution, operator);
  // BuildKit does not judge these when it leaves the expansion as it is.
  if (keepUnset && operator.startsWith(":") && operator !== ":#" && operator !== ":%")
    return readChoice(lexer, substitution, operator);
  throw unsupported(text, operator, at);
}

function readChoice(lexer: Lexer, { name, at }: Substitution, operator: string): string {
  const operatorAt = lexer.at - operator.length;
  const operand = readText(lexer, plainEscapes, { by: "}", at });
  const value = lookUp(lexer, name);
  if (value === undefined && lexer.keepUnset) return `\${${name}${operator}${operand}}`;
  const isSet = value !== undefined && (value !== "" || !operator.startsWith(":"));
  if (operator.endsWith("-")) return isSet ? value : operand;
  if (operator.endsWith("+")) return isSet ? operand : "";
  if (!operator.endsWith("?")) throw unsupported(lexer.text, operator, operatorAt);
  if (isSet) return value;
  const state = value === undefined ? "unset" : "empty";
  throw new ExpansionError(
    `${name}: ${operand === "" ? `is not allowed to be ${state}` : operand}`,
    at,
    `Give ${name} a value with ARG, ENV or --build-arg.`,
  );
}

function readTrimming(lexer: Lexer, { name, at }: Substitution, operator: "#" | "%"): string {
  const start = lexer.at;
  const operand = readText(lexer, patternEscapes, { by: "}", at });
  const value = lookUp(lexer, name);
  if (value === undefined && lexer.keepUnset) return `\${${name}${operator}${operand}}`;
  const longest = operand.startsWith(operator);
  const pattern = parsePattern(lexer, longest ? operand.slice(1) : operand, value, start);
  const trim = operator === "#" ? withoutPrefix : withoutSuffix;
  return trim(pattern, value ?? "", longest);
}

function readReplacement(lexer: Lexer, { name, at }: Substitution): string {
  const all = lexer.text[lexer.at] === "/";
  if (all) lexer.at += 1;
  const start = lexer.at;
  const operand = readText(lexer, patternEscapes, { by: "/", at });
  const replacement = readText(lexer, replacementEscapes, { by: "}", at });
  const value = lookUp(lexer, name);
  if (value === undefined && lexer.keepUnset)
    return `\${${name}${all ? "//" : "/"}${operand}/${replacement}}`;
  const pattern = parsePattern(lexer, operand, value, start);
  if (!all) return replaceFirst(pattern, value ?? "", replacement);
  let result = "";
  for (const piece of replaceAll(pattern, value ?? "", replacement))
    result = joined(lexer, result, piece);
  return result;
}

function parsePattern(
  lexer: Lexer,
  text: string,
  value: string | undefined,
  at: number,
): ExpansionPattern {
  const pattern = parseExpansionPattern(text);
  if (typeof pattern === "string")
    throw fault(
      lexer.text,
      at,
      `invalid pattern ${shorten(text)}: ${pattern}`,
      "In a pattern, a backslash escapes only *, ?, / and } and itself.",
    );
  if (value !== undefined && takesTooLong(pattern, value))
    throw fault(lexer.text, at, "the pattern and the value are too long to be matched");
  return pattern;
}
