/**
 * Expansion: from the words of a command to its fields, as far as they are known (POSIX.1-2024, XCU 2.6).
 *
 * A word becomes pieces, each a value that is quoted or not. Unquoted values that come from an expansion
 * are split at blanks, or at what IFS says. A piece that is not known makes its field unknown, and a field
 * that is not known may stand for any number of fields. The files that a pattern such as `*.apk` matches
 * are never known.
 */
import { evaluateArithmetic } from "./arithmetic.ts";
import { type Budget } from "./budget.ts";
import { expandParameter } from "./parameter.ts";
import { type PatternPiece } from "./pattern.ts";
import { type Scope } from "./scope.ts";
import { type NodeOf, type Script, type Word, type WordPart } from "./syntax.ts";
import { concatenate, dependingOn, known, unknown, type Value } from "./value.ts";
import { readParameter } from "./variable.ts";

/** What expansion needs from the shell. */
export interface Expander {
  readonly isBash: boolean;
  /** For matching patterns and expressions, in all of the script. */
  readonly matching: Budget;
  /** Runs a script in a subshell; gives what it prints, without line ends behind it. */
  substitute(script: Script, scope: Scope): Value;
}

type Piece = {
  readonly value: Value;
  /** `literal`: it was written so, and is not split; `pattern`: a written `*`, `?` or `[…]`. */
  readonly kind: "literal" | "quoted" | "split" | "pattern";
};

/** Pieces, and the ends of fields between them. */
type Item = Piece | "next-field";

/** The fields that the words stand for. */
export function expandFields(words: readonly Word[], scope: Scope, shell: Expander): Value[] {
  return words.flatMap((word) =>
    (shell.isBash ? alternativesOf(word) : [word]).flatMap((each) =>
      fieldsOf(itemsOf(each, scope, shell), scope),
    ),
  );
}

/** A word that is not split, such as the value of an assignment. */
export function expandText(word: Word, scope: Scope, shell: Expander): Value {
  const values = itemsOf(word, scope, shell).map((item) =>
    item === "next-field" ? known(" ") : item.value,
  );
  return values.length === 0 ? known("") : concatenate(values);
}

/** A word as a pattern; a reason where a part of it is not known. */
export function expandPattern(
  word: Word,
  scope: Scope,
  shell: Expander,
): { readonly pieces: readonly PatternPiece[] | undefined; readonly value: Value } {
  const items = itemsOf(word, scope, shell).filter((item) => item !== "next-field");
  const value = concatenate([known(""), ...items.map((item) => item.value)]);
  if (value.text === undefined) return { pieces: undefined, value };
  const pieces = items.map(({ value: { text }, kind }) => ({
    text: text!,
    quoted: kind === "literal" || kind === "quoted",
  }));
  return { pieces, value };
}

/** The text of a heredoc, with its variables. */
export function expandParts(parts: readonly WordPart[], scope: Scope, shell: Expander): Value {
  const values = parts.flatMap((part) => quotedItems(part, scope, shell)).map(valueOf);
  return values.length === 0 ? known("") : concatenate(values);
}

function valueOf(item: Item): Value {
  return item === "next-field" ? known(" ") : item.value;
}

function itemsOf(word: Word, scope: Scope, shell: Expander): Item[] {
  const { parts, text, value } = word;
  if (parts === undefined) {
    if (text === "~" || text.startsWith("~/"))
      return [quotedPiece(concatenate([readParameter(scope, "HOME").value, known(text.slice(1))]))];
    return [{ value: known(value), kind: "literal" }];
  }
  return parts.flatMap((part) => unquotedItems(part, scope, shell));
}

function quotedPiece(value: Value): Piece {
  return { value, kind: "quoted" };
}

function unquotedItems(part: WordPart, scope: Scope, shell: Expander): Item[] {
  switch (part.type) {
    case "Literal":
      return [{ value: known(part.value), kind: "literal" }];
    case "Glob":
      return [{ value: known(part.text), kind: "pattern" }];
    case "ExtendedGlob":
      return [{ value: unknown(`the pattern ${part.text}`), kind: "pattern" }];
    case "SingleQuoted":
    case "AnsiCQuoted":
      return [quotedPiece(known(part.value))];
    case "DoubleQuoted":
    case "LocaleString":
      return doubleQuoted(part, scope, shell);
    case "BraceExpansion":
      return [{ value: known(part.text), kind: "literal" }];
    case "SimpleExpansion":
      if (part.text === "$@" || part.text === "$*") return positionalItems(scope, "split");
      return [{ value: valueOfPart(part, scope, shell), kind: "split" }];
    default:
      return [{ value: valueOfPart(part, scope, shell), kind: "split" }];
  }
}

function doubleQuoted(
  { parts }: NodeOf<"DoubleQuoted"> | NodeOf<"LocaleString">,
  scope: Scope,
  shell: Expander,
): Item[] {
  // Without anything in it, `""` is a field all the same; `"$@"` is as many as there are arguments.
  const isAll = parts.length === 1 && isAllArguments(parts[0]!);
  return [
    ...(isAll ? [] : [quotedPiece(known(""))]),
    ...parts.flatMap((part) => quotedItems(part, scope, shell)),
  ];
}

function isAllArguments(part: WordPart): boolean {
  return part.type === "SimpleExpansion" && part.text === "$@";
}

function quotedItems(part: WordPart, scope: Scope, shell: Expander): Item[] {
  if (isAllArguments(part)) return positionalItems(scope, "quoted");
  if (part.type === "Literal") return [quotedPiece(known(part.value))];
  return [quotedPiece(valueOfPart(part, scope, shell))];
}

function positionalItems(scope: Scope, kind: "split" | "quoted"): Item[] {
  if (!scope.hasPositional) return [{ value: unknown("the arguments"), kind }];
  return scope.positional.flatMap((value, index): Item[] => [
    ...(index === 0 ? [] : (["next-field"] as const)),
    { value, kind },
  ]);
}

/** The value of a part that is expanded as a whole. */
function valueOfPart(part: WordPart, scope: Scope, shell: Expander): Value {
  switch (part.type) {
    case "SimpleExpansion":
      return readParameter(scope, part.text.slice(1)).value;
    case "ParameterExpansion":
      return expandParameter(part, scope, {
        text: (word) => expandText(word, scope, shell),
        pattern: (word) => expandPattern(word, scope, shell),
        matching: shell.matching,
        isBash: shell.isBash,
      });
    case "CommandExpansion":
      return substituted(part, scope, shell);
    case "ArithmeticExpansion":
      return evaluateArithmetic(part.expression, part.text, scope, (word) =>
        expandParts(word, scope, shell),
      );
    case "ProcessSubstitution":
      if (part.script !== undefined) shell.substitute(part.script, scope.clone());
      return unknown(`the pipe of ${part.text}`);
    case "DoubleQuoted":
    case "LocaleString":
      return expandParts(part.parts, scope, shell);
    case "SingleQuoted":
    case "AnsiCQuoted":
    case "Literal":
    case "Glob":
      return known(part.value);
    case "ExtendedGlob":
    case "BraceExpansion":
      return known(part.text);
  }
}

function substituted(part: NodeOf<"CommandExpansion">, scope: Scope, shell: Expander): Value {
  const { script, text } = part;
  if (script === undefined || (script.errors?.length ?? 0) > 0)
    return unknown(`the output of ${shortened(text)}`);
  const value = shell.substitute(script, scope);
  return dependingOn(value, scope.conditions);
}

/** A text as messages show it: on one line, and not too long. */
export function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

/** A part of a script as messages show it. */
export function quoted(text: string): string {
  return `\`${shortened(text)}\``;
}

/** The words that bash makes of `x{a,b}`; other shells leave it as it is. Nested lists stay unread. */
function alternativesOf(word: Word): Word[] {
  const { parts } = word;
  const at = parts?.findIndex((part) => part.type === "BraceExpansion") ?? -1;
  if (at === -1) return [word];
  const part = parts![at]!;
  const list = /^\{([^{}$`'"\\]*,[^{}$`'"\\]*)\}$/.exec(part.text)?.[1];
  const texts = list?.split(",") ?? [part.text];
  return texts.flatMap((text) => {
    const { pos, end } = part;
    const literal: WordPart = { type: "Literal", pos, end, value: text, text };
    return alternativesOf({
      ...word,
      text: word.text,
      value: word.value,
      parts: parts!.with(at, literal),
    });
  });
}

const blanks = " \t\n";

/** Puts items together into fields, splitting those that are to be split. */
function fieldsOf(items: readonly Item[], scope: Scope): Value[] {
  const separators = scope.variables.get("IFS")?.text ?? blanks;
  const fields: Value[] = [];
  let field: Piece[] = [];
  const end = (): void => {
    if (field.length > 0) fields.push(toField(field));
    field = [];
  };
  for (const item of items) {
    if (item === "next-field") end();
    else if (item.kind !== "split" || item.value.text === undefined) field.push(item);
    else {
      const { text } = item.value;
      const parts = splitText(text, separators);
      parts.forEach((part, index) => {
        if (index > 0) end();
        // Between separators that are no blanks, an empty field is one.
        const isField = part !== "" || (index === 0 ? !isBlank(text) : index < parts.length - 1);
        if (isField && text !== "")
          field.push({ kind: "split", value: { ...item.value, text: part } });
      });
    }
  }
  end();
  return fields;
}

function isBlank(text: string): boolean {
  return text === "" || blanks.includes(text[0]!);
}

function toField(pieces: readonly Piece[]): Value {
  const value = concatenate(pieces.map((piece) => piece.value));
  const isPattern = pieces.some(
    ({ kind, value: { text } }) =>
      kind === "pattern" || (kind === "split" && text !== undefined && /[*?[]/.test(text)),
  );
  if (value.text === undefined)
    return pieces.some(({ kind, value: { text } }) => kind === "split" && text === undefined)
      ? { ...value, isList: true }
      : value;
  return isPattern
    ? { ...unknown(`the files that match ${value.text}`, value.from), isList: true }
    : value;
}

/**
 * Splits a text at separators: "" in front or at the end says that the field before or behind it ends
 * there. Blanks among the separators count once however many there are.
 */
export function splitText(text: string, separators: string): string[] {
  if (separators === "") return [text];
  const white = [...separators].filter((each) => blanks.includes(each)).join("");
  const others = [...separators].filter((each) => !blanks.includes(each)).join("");
  const space = white === "" ? "" : `[${escapeSet(white)}]`;
  const forms = [
    ...(others === ""
      ? []
      : [
          `${space === "" ? "" : `${space}*`}[${escapeSet(others)}]${space === "" ? "" : `${space}*`}`,
        ]),
    ...(space === "" ? [] : [`${space}+`]),
  ];
  return text.split(new RegExp(forms.join("|")));
}

/** Characters as they stand between the brackets of an expression. */
export function escapeSet(characters: string): string {
  return characters.replaceAll(/[\\\]^-]/g, String.raw`\$&`);
}
