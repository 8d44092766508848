/** sed: `s`, `d`, `p`, `a`, `i` and `c`, at a line number, `$` or an expression, on text that is known. */
import { type Budget } from "./budget.ts";
import { print, writeFile } from "./files.ts";
import {
  findMatch,
  tryParseRegularExpression,
  type RegularExpression,
} from "./regular-expression.ts";
import { type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell } from "./shell.ts";
import { undecided, type Status } from "./status.ts";
import { joinLines, linesOf, readInput } from "./text-filter.ts";
import { dependingOn, originsOf, unknown, type Value } from "./value.ts";

export const sedHandlers: Readonly<Record<string, Handler>> = { sed };

interface SedOptions {
  readonly isInPlace: boolean;
  readonly isQuiet: boolean;
  readonly script: Value;
  readonly extended: boolean;
  readonly files: readonly Value[];
}

function sed(call: Call, scope: Scope, shell: Shell): Status {
  const { args, place } = call;
  const options = readOptions(args);
  const from = originsOf(args);
  const commands =
    options?.script.text === undefined
      ? undefined
      : parseSed(options.script.text, options.extended);
  const edit = (value: Value): Value => {
    const edited =
      value.text === undefined || commands === undefined
        ? undefined
        : runSed(commands, value.text, options!.isQuiet, shell.matching);
    if (edited !== undefined) return dependingOn({ ...value, text: edited }, from);
    return unknown(value.reason || options?.script.reason || "what sed makes of it", from);
  };
  const files = options?.files ?? args.filter(({ text }) => text?.startsWith("/"));
  const isInPlace = options?.isInPlace ?? args.some(({ text }) => /^-\w*i/.test(text ?? ""));
  if (!isInPlace) print(scope, edit(readInput(files, scope, shell)));
  else
    for (const file of files)
      writeFile(file, edit(readInput([file], scope, shell)), scope, shell, place);
  return undecided(place.text);
}

function readOptions(args: readonly Value[]): SedOptions | undefined {
  const scripts: Value[] = [];
  const operands: Value[] = [];
  let [isInPlace, isQuiet, extended] = [false, false, false];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    const { text } = arg;
    if (text === undefined || !/^-./.test(text)) operands.push(arg);
    else if (/^--(?:in-place|quiet|silent|regexp-extended)$/.test(text)) {
      isInPlace ||= text === "--in-place";
      isQuiet ||= text === "--quiet" || text === "--silent";
      extended ||= text === "--regexp-extended";
    } else if (/^-[nErsi]*e$/.test(text) || text === "--expression")
      scripts.push(args[++at] ?? unknown("a missing script"));
    else if (text.startsWith("--expression=")) scripts.push({ ...arg, text: text.slice(13) });
    else if (!/^-[nErs]*(?:i.*)?$/s.test(text)) return undefined;
    if (text === undefined || !/^-[a-zA-Z]/.test(text)) continue;
    // What follows `i` is the ending of a copy.
    const letters = text.slice(1).replace(/i.*/s, "i");
    isInPlace ||= letters.includes("i");
    isQuiet ||= letters.includes("n");
    extended ||= /[Er]/.test(letters);
  }
  if (scripts.length === 0) scripts.push(...operands.splice(0, 1));
  const [first] = scripts;
  if (first === undefined) return undefined;
  const missing = scripts.find(({ text }) => text === undefined);
  const script = missing ?? { ...first, text: scripts.map(({ text }) => text).join("\n") };
  return { isInPlace, isQuiet, script, extended, files: operands };
}

interface SedCommand {
  /** Undefined: every line. */
  readonly address: number | "last" | RegularExpression | undefined;
  readonly inverted: boolean;
  readonly action: SedAction;
}

type SedAction =
  | { readonly kind: "delete" | "print" }
  | { readonly kind: "append" | "insert" | "change"; readonly text: string }
  | {
      readonly kind: "substitute";
      readonly expression: RegularExpression;
      readonly replacement: string;
      readonly isGlobal: boolean;
      readonly number: number;
      readonly prints: boolean;
    };

/** Undefined for a script with more in it than is known here. */
function parseSed(script: string, extended: boolean): readonly SedCommand[] | undefined {
  const commands: SedCommand[] = [];
  let rest = script;
  for (;;) {
    rest = rest.replace(/^[\s;]+/, "");
    if (rest === "") return commands;
    const address = readAddress(rest, extended);
    if (address === undefined) return undefined;
    rest = address.rest.replace(/^[ \t]+/, "");
    const inverted = rest.startsWith("!");
    if (inverted) rest = rest.slice(1).replace(/^[ \t]+/, "");
    const command = readAction(rest, extended);
    if (command === undefined) return undefined;
    ({ rest } = command);
    commands.push({ address: address.address, inverted, action: command.action });
  }
}

function readAddress(
  text: string,
  extended: boolean,
): { readonly address: SedCommand["address"]; readonly rest: string } | undefined {
  const number = /^\d+/.exec(text)?.[0];
  if (number !== undefined)
    return noRange({ address: Number(number), rest: text.slice(number.length) });
  if (text.startsWith("$")) return noRange({ address: "last", rest: text.slice(1) });
  const mark = text.startsWith("/") ? "/" : text.startsWith("\\") ? text[1] : undefined;
  if (mark === undefined) return { address: undefined, rest: text };
  const parts = splitAt(text.slice(text.startsWith("/") ? 1 : 2), mark, 1);
  if (parts === undefined) return undefined;
  const expression = tryParseRegularExpression(parts.parts[0]!, { extended });
  return expression && noRange({ address: expression, rest: parts.rest });
}

/** A range of lines is more than is known here. */
function noRange<Read extends { readonly rest: string }>(read: Read): Read | undefined {
  return read.rest.startsWith(",") ? undefined : read;
}

function readAction(
  text: string,
  extended: boolean,
): { readonly action: SedAction; readonly rest: string } | undefined {
  const letter = text[0];
  if (letter === "d" || letter === "p") {
    const rest = text.slice(1);
    if (!/^[ \t]*(?:[;\n]|$)/.test(rest)) return undefined;
    return { action: { kind: letter === "d" ? "delete" : "print" }, rest };
  }
  if (letter === "a" || letter === "i" || letter === "c") {
    const match = /^.[ \t]*(?:\\\n?[ \t]*)?([^\n\\]*)(?:\n|$)/.exec(text);
    if (match === null) return undefined;
    const kind = { a: "append", i: "insert", c: "change" } as const;
    return { action: { kind: kind[letter], text: match[1]! }, rest: text.slice(match[0].length) };
  }
  const mark = text[1];
  if (letter !== "s" || mark === undefined || mark === "\\" || mark === "\n") return undefined;
  const split = splitAt(text.slice(2), mark, 2);
  const flags = split && /^([gpI0-9]*)[ \t]*(?=[;\n}]|$)/i.exec(split.rest);
  if (split === undefined || flags === null || flags === undefined) return undefined;
  const [pattern, replacement] = split.parts;
  const expression = tryParseRegularExpression(pattern!, {
    extended,
    ignoreCase: /i/i.test(flags[1]!),
  });
  if (expression === undefined || pattern === "") return undefined;
  return {
    action: {
      kind: "substitute",
      expression,
      replacement: replacement!,
      isGlobal: flags[1]!.includes("g"),
      number: Number(/\d+/.exec(flags[1]!)?.[0] ?? 1),
      prints: flags[1]!.includes("p"),
    },
    rest: split.rest.slice(flags[0].length),
  };
}

/** Cuts off as many parts as are asked for, each ended by the mark; a mark behind a backslash is none. */
function splitAt(
  text: string,
  mark: string,
  count: number,
): { readonly parts: readonly string[]; readonly rest: string } | undefined {
  const parts: string[] = [];
  let part = "";
  let isInSet = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\" && at + 1 < text.length) {
      const next = text[++at]!;
      part += next === mark ? next : `\\${next}`;
      continue;
    }
    // Between brackets of the expression the mark stands for itself.
    if (parts.length === 0 && character === "[" && !isInSet)
      isInSet = text.indexOf("]", at + 2) !== -1;
    else if (isInSet && character === "]" && !/\[\^?$/.test(part)) isInSet = false;
    if (character !== mark || isInSet) part += character;
    else {
      parts.push(part);
      part = "";
      if (parts.length === count) return { parts, rest: text.slice(at + 1) };
    }
  }
  return undefined;
}

function runSed(
  commands: readonly SedCommand[],
  text: string,
  isQuiet: boolean,
  budget: Budget,
): string | undefined {
  const lines = linesOf(text);
  const printed: string[] = [];
  lines.forEach((original, index) => {
    let line: string | undefined = original;
    const behind: string[] = [];
    for (const { address, inverted, action } of commands) {
      if (line === undefined) break;
      const isMeant =
        address === undefined
          ? true
          : typeof address === "number"
            ? address === index + 1
            : address === "last"
              ? index === lines.length - 1
              : findMatch(address, line, 0, budget) !== undefined;
      if (isMeant === inverted) continue;
      switch (action.kind) {
        case "delete":
          line = undefined;
          break;
        case "print":
          printed.push(line);
          break;
        case "append":
          behind.push(action.text);
          break;
        case "insert":
          printed.push(action.text);
          break;
        case "change":
          printed.push(action.text);
          line = undefined;
          break;
        case "substitute": {
          const changed = substitute(line, action, budget);
          if (changed !== undefined && action.prints) printed.push(changed);
          line = changed ?? line;
        }
      }
    }
    if (line !== undefined && !isQuiet) printed.push(line);
    printed.push(...behind);
  });
  return budget.isSpent ? undefined : joinLines(printed);
}

/** Undefined where nothing matches. */
function substitute(
  line: string,
  { expression, replacement, isGlobal, number }: Extract<SedAction, { kind: "substitute" }>,
  budget: Budget,
): string | undefined {
  const characters = [...line];
  let text = "";
  let isChanged = false;
  let at = 0;
  let lastEnd = -1;
  for (let count = 1; at <= characters.length; count++) {
    const match = findMatch(expression, line, at, budget);
    if (match === undefined || budget.isSpent) break;
    const [all] = match.groups;
    text += characters.slice(at, match.start).join("");
    // An empty match right behind another one does not count.
    if (match.end === lastEnd && all === "") {
      text += characters[match.end] ?? "";
      at = match.end + 1;
      count--;
      continue;
    }
    lastEnd = match.end;
    const isMeant = isGlobal ? count >= number : count === number;
    text += isMeant ? fill(replacement, match.groups) : all!;
    isChanged ||= isMeant;
    at = match.end;
    if (match.end === match.start) text += characters[at++] ?? "";
    if (isMeant && !isGlobal) break;
  }
  return isChanged ? text + characters.slice(at).join("") : undefined;
}

/** `&` and `\1` in a replacement. */
function fill(replacement: string, groups: readonly (string | undefined)[]): string {
  return replacement.replaceAll(/\\(\d)|\\(n)|\\(.)|&/gs, (all, number, newline, literal) => {
    if (number !== undefined) return groups[Number(number)] ?? "";
    if (newline !== undefined) return "\n";
    return literal ?? (all === "&" ? groups[0]! : all);
  });
}
