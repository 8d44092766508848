/** Text filters: cat, grep, cut, tr, head, tail, sort and uniq, on text that is known. */
import { classOf, type CharacterTest } from "./bracket.ts";
import { type Budget } from "./budget.ts";
import { print, readFile, restOfInput } from "./files.ts";
import { unescape } from "./output.ts";
import { findMatch, tryParseRegularExpression } from "./regular-expression.ts";
import { type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell } from "./shell.ts";
import { answer, unanswered, undecided, type Status } from "./status.ts";
import { concatenate, known, mapText, originsOf, unite, unknown, type Value } from "./value.ts";

export const filterHandlers: Readonly<Record<string, Handler>> = {
  cat: (call, scope, shell) => filter(call, scope, shell, "nvetsuAbE", (text) => text),
  tac: (call, scope, shell) =>
    filter(call, scope, shell, "", (text) => joinLines(linesOf(text).reverse())),
  sort: (call, scope, shell) => filter(call, scope, shell, "u", sortLines),
  uniq: (call, scope, shell) =>
    filter(call, scope, shell, "", (text) =>
      joinLines(linesOf(text).filter((line, index, lines) => line !== lines[index - 1])),
    ),
  head: (call, scope, shell) =>
    takeLines(call, scope, shell, (lines, count) => lines.slice(0, count)),
  tail: (call, scope, shell) =>
    takeLines(call, scope, shell, (lines, count) => (count === 0 ? [] : lines.slice(-count))),
  cut,
  tr: translate,
  grep,
  egrep: (call, scope, shell) => grep(withOption("-E", call), scope, shell),
  fgrep: (call, scope, shell) => grep(withOption("-F", call), scope, shell),
};

function withOption(option: string, call: Call): Call {
  return { ...call, args: [known(option), ...call.args] };
}

/** The lines of a text; whether the last one has an end makes no difference. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

export function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** What stands in the files, or at the standard input where there are none. */
export function readInput(files: readonly Value[], scope: Scope, shell: Shell): Value {
  if (files.length === 0) return restOfInput(scope);
  return concatenate(
    files.map((file) => (file.text === "-" ? restOfInput(scope) : readFile(file, scope, shell))),
  );
}

/** Options in front of operands; undefined where some are not among the letters. */
function splitOptions(
  args: readonly Value[],
  letters: string,
): { readonly options: string; readonly operands: readonly Value[] } | undefined {
  let options = "";
  let at = 0;
  for (; at < args.length; at++) {
    const { text } = args[at]!;
    if (text === undefined || text === "-" || !text.startsWith("-")) break;
    if (text === "--") return { options, operands: args.slice(at + 1) };
    if (Array.from(text.slice(1)).some((letter) => !letters.includes(letter))) return undefined;
    options += text.slice(1);
  }
  return { options, operands: args.slice(at) };
}

function printUnknown({ name, args, place }: Call, scope: Scope): Status {
  print(scope, unknown(`the output of ${name}`, originsOf(args)));
  return undecided(place.text, originsOf(args));
}

function filter(
  call: Call,
  scope: Scope,
  shell: Shell,
  letters: string,
  change: (text: string, options: string) => string,
): Status {
  const split = splitOptions(call.args, letters);
  if (split === undefined) return printUnknown(call, scope);
  const { options, operands } = split;
  print(
    scope,
    mapText(readInput(operands, scope, shell), (text) => change(text, options)),
  );
  return undecided(call.place.text);
}

/** By bytes, as in the locale of a minimal image. */
function sortLines(text: string, options: string): string {
  const sorted = linesOf(text).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return joinLines(options.includes("u") ? [...new Set(sorted)] : sorted);
}

function takeLines(
  call: Call,
  scope: Scope,
  shell: Shell,
  take: (lines: readonly string[], count: number) => readonly string[],
): Status {
  const [first, second] = call.args;
  const attached = /^-n?(\d+)$/.exec(first?.text ?? "")?.[1];
  const separate =
    first?.text === "-n" && /^\d+$/.test(second?.text ?? "") ? second!.text : undefined;
  const rest = call.args.slice(attached !== undefined ? 1 : separate !== undefined ? 2 : 0);
  if (rest.some(({ text }) => text === undefined || /^-./.test(text)))
    return printUnknown(call, scope);
  const count = Number(attached ?? separate ?? 10);
  print(
    scope,
    mapText(readInput(rest, scope, shell), (text) => joinLines(take(linesOf(text), count))),
  );
  return undecided(call.place.text);
}

/** `cut -d X -f LIST` and `cut -c LIST`. */
function cut(call: Call, scope: Scope, shell: Shell): Status {
  let delimiter = "\t";
  let list: readonly (readonly [number, number])[] | undefined;
  let isFields = true;
  const operands: Value[] = [];
  const { args } = call;
  for (let at = 0; at < args.length; at++) {
    const { text } = args[at]!;
    const match = /^-([dfcb])(.*)$/s.exec(text ?? "");
    if (match === null) {
      if (text === undefined || /^-./.test(text)) return printUnknown(call, scope);
      operands.push(args[at]!);
      continue;
    }
    const value = match[2] === "" ? args[++at]?.text : match[2];
    if (value === undefined) return printUnknown(call, scope);
    if (match[1] === "d") delimiter = value;
    else {
      isFields = match[1] === "f";
      list = parseRanges(value);
    }
  }
  if (list === undefined || [...delimiter].length !== 1) return printUnknown(call, scope);
  const isChosen = (number: number): boolean =>
    list.some(([from, to]) => number >= from && number <= to);
  const cutLine = (line: string): string => {
    if (!isFields) return [...line].filter((_, index) => isChosen(index + 1)).join("");
    const fields = line.split(delimiter);
    if (fields.length === 1) return line;
    return fields.filter((_, index) => isChosen(index + 1)).join(delimiter);
  };
  print(
    scope,
    mapText(readInput(operands, scope, shell), (text) => joinLines(linesOf(text).map(cutLine))),
  );
  return undecided(call.place.text);
}

function parseRanges(text: string): readonly (readonly [number, number])[] | undefined {
  const ranges = text.split(",").map((range) => /^(\d*)(-?)(\d*)$/.exec(range));
  if (ranges.some((match) => match === null || (match[1] === "" && match[3] === "")))
    return undefined;
  return ranges.map((match) => {
    const [, from, dash, to] = match!;
    const start = from === "" ? 1 : Number(from);
    return [start, dash === "" ? start : to === "" ? Infinity : Number(to)] as const;
  });
}

/** `tr SET SET`, `tr -d SET`, `tr -s SET`. */
function translate(call: Call, scope: Scope): Status {
  const split = splitOptions(call.args, "dscC");
  const sets = split?.operands.map(({ text }) => (text === undefined ? undefined : readSet(text)));
  const input = restOfInput(scope);
  const options = split?.options ?? "";
  const [first, second] = sets ?? [];
  if (first === undefined || (sets!.length > 1 && second === undefined) || /[cC]/.test(options))
    return printUnknown(call, scope);
  const from = unite(originsOf(call.args), input.from);
  const changed = mapText({ ...input, from }, (text) => {
    let characters = [...text];
    if (options.includes("d")) characters = characters.filter((each) => !first.includes(each));
    else if (second !== undefined && second.length > 0)
      characters = characters.map((each) => {
        const index = first.lastIndexOf(each);
        return index === -1 ? each : second[Math.min(index, second.length - 1)]!;
      });
    if (!options.includes("s")) return characters.join("");
    const squeezed = second ?? first;
    return characters
      .filter((each, index) => each !== characters[index - 1] || !squeezed.includes(each))
      .join("");
  });
  print(scope, changed);
  return undecided(call.place.text);
}

/** The characters of a set such as `a-z\n` or `[:upper:]`. */
function readSet(text: string): string[] | undefined {
  const named = /^\[:(\w+):\]$/.exec(text)?.[1];
  if (named !== undefined) {
    const test: CharacterTest | undefined = classOf(named);
    return test && Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter(test);
  }
  if (/\[[:=.]/.test(text)) return undefined;
  const characters = [...unescape(text)];
  const set: string[] = [];
  for (let at = 0; at < characters.length; at++) {
    const [first, dash, last] = characters.slice(at, at + 3);
    if (dash !== "-" || last === undefined) set.push(first!);
    else {
      for (let code = first!.codePointAt(0)!; code <= last.codePointAt(0)!; code++)
        set.push(String.fromCodePoint(code));
      at += 2;
      if (set.length > 5000) return undefined;
    }
  }
  return set;
}

const longOptions: Readonly<Record<string, string>> = {
  "--extended-regexp": "E",
  "--fixed-strings": "F",
  "--only-matching": "o",
  "--quiet": "q",
  "--silent": "q",
  "--invert-match": "v",
  "--ignore-case": "i",
  "--line-regexp": "x",
  "--count": "c",
  "--no-messages": "s",
};

/** `grep [-EFoqvixcs] PATTERN [FILE…]`. */
function grep(call: Call, scope: Scope, shell: Shell): Status {
  const { args, place } = call;
  let options = "";
  const patterns: Value[] = [];
  const operands: Value[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    const { text } = arg;
    const long = Object.hasOwn(longOptions, text ?? "") ? longOptions[text!] : undefined;
    if (long !== undefined) options += long;
    else if (text === "--") {
      operands.push(...args.slice(at + 1));
      break;
    } else if (text !== undefined && /^-[EFGPoqvixcshe]+$/.test(text)) {
      options += text.slice(1).replace("e", "");
      if (text.endsWith("e")) patterns.push(args[++at] ?? unknown("a missing pattern"));
    } else if (text !== undefined && /^-./.test(text)) return questioned(call, scope);
    else operands.push(arg);
  }
  if (patterns.length === 0) patterns.push(...operands.splice(0, 1));
  const input = readInput(operands, scope, shell);
  const from = unite(originsOf(args), input.from);
  const tests = patterns.map((pattern) => lineTest(pattern.text, options));
  if (input.text === undefined || tests.includes(undefined) || options.includes("P"))
    return questioned(call, scope, input.reason);
  const budget = shell.matching;
  const inverted = options.includes("v");
  const found = linesOf(input.text).flatMap((line) => {
    const matches = tests.flatMap((test) => test!(line, budget));
    if (matches.length > 0 === inverted) return [];
    return options.includes("o") ? (inverted ? [] : matches) : [line];
  });
  if (budget.isSpent) return questioned(call, scope);
  if (options.includes("c")) print(scope, known(`${found.length}\n`, from));
  else if (!options.includes("q")) print(scope, known(joinLines(found), from));
  return answer(found.length > 0, place.text, from);
}

function questioned(call: Call, scope: Scope, reason = ""): Status {
  const from = originsOf(call.args);
  if (!call.args.some(({ text }) => /^-[a-zA-Z]*q/.test(text ?? "")))
    print(scope, unknown(reason || `the output of ${call.name}`, from));
  return unanswered(call.place.text, from);
}

/** What of a line matches: one text for each match, with `-o`, or for the line as a whole. */
function lineTest(
  pattern: string | undefined,
  options: string,
): ((line: string, budget: Budget) => readonly string[]) | undefined {
  if (pattern === undefined) return undefined;
  const ignoreCase = options.includes("i");
  const isFixed = options.includes("F");
  const whole = options.includes("x");
  const text = isFixed ? pattern.replaceAll(/[\\.[\]^$*+?(){}|]/g, String.raw`\$&`) : pattern;
  const extended = options.includes("E") || isFixed;
  const expression = tryParseRegularExpression(text, { extended, ignoreCase });
  if (expression === undefined) return undefined;
  return (line, budget) => {
    const matches: string[] = [];
    for (let at = 0; ;) {
      const match = findMatch(expression, line, at, budget);
      if (match === undefined || budget.isSpent) return matches;
      const [all] = match.groups;
      if (whole && match.end - match.start !== [...line].length) return matches;
      if (!options.includes("o")) return [all!];
      if (all !== "") matches.push(all!);
      at = match.end > match.start ? match.end : match.end + 1;
    }
  };
}
