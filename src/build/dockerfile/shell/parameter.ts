/** Parameter expansion: `${x:-y}`, `${x%%.*}`, `${x/a/b}`, `${#x}` and the like (POSIX.1-2024, XCU 2.6.2, and bash). */
import { type Budget } from "./budget.ts";
import {
  readPattern,
  replaceMatches,
  withoutPrefix,
  withoutSuffix,
  type Pattern,
  type PatternPiece,
} from "./pattern.ts";
import { type Scope } from "./scope.ts";
import { type NodeOf, type Word } from "./syntax.ts";
import { dependingOn, known, mapText, unknown, type Value } from "./value.ts";
import { readParameter, type Parameter } from "./variable.ts";

/** How the words inside an expansion are expanded themselves. */
export interface Operands {
  text(word: Word): Value;
  pattern(word: Word): {
    readonly pieces: readonly PatternPiece[] | undefined;
    readonly value: Value;
  };
  /** For matching patterns. */
  readonly matching: Budget;
  /** Some operations are only bash's. */
  readonly isBash: boolean;
}

type Expansion = NodeOf<"ParameterExpansion">;
type Operation = NonNullable<Expansion["operation"]>;

export function expandParameter(part: Expansion, scope: Scope, operands: Operands): Value {
  const { parameter: name, prefix, index, operation, text } = part;
  if (index !== undefined || prefix === "!") return unknown(`the value of ${text}`);
  const parameter = readParameter(scope, name);
  if (prefix === "#") return mapText(parameter.value, (value) => String([...value].length));
  if (operation === undefined) return parameter.value;
  return operate(operation, parameter, scope, name, operands) ?? unknown(`the value of ${text}`);
}

function operate(
  operation: Operation,
  { value, isSet }: Parameter,
  scope: Scope,
  name: string,
  operands: Operands,
): Value | undefined {
  switch (operation.type) {
    case "Default": {
      const { operator, operand } = operation;
      const isThere = operator.startsWith(":")
        ? isSet === false
          ? false
          : value.text === undefined
            ? undefined
            : value.text !== ""
        : isSet;
      if (isThere === undefined) return unknown(value.reason, value.from);
      const other = (): Value => dependingOn(operands.text(operand), value.from);
      if (operator.endsWith("+")) return isThere ? other() : known("", value.from);
      if (isThere || operator.endsWith("?")) return value;
      const standIn = other();
      if (operator.endsWith("=")) scope.variables.set(name, standIn);
      return standIn;
    }
    case "Remove": {
      const { operator, operand } = operation;
      const cut = operator.startsWith("#") ? withoutPrefix : withoutSuffix;
      return withPattern(operands, operand, value, (pattern, text) =>
        cut(pattern, text, operator.length === 2, operands.matching),
      );
    }
    case "Replace": {
      const { operator, pattern, replacement } = operation;
      if (operator.length === 2 && operator !== "//" && !operands.isBash) return undefined;
      const other = operands.text(replacement);
      if (other.text === undefined) return other;
      const which = { "/": "first", "//": "all", "/#": "prefix", "/%": "suffix" } as const;
      const changed = withPattern(operands, pattern, value, (each, text) =>
        replaceMatches(each, text, other.text!, which[operator], operands.matching),
      );
      return dependingOn(changed, other.from);
    }
    case "Slice": {
      const offset = operands.text(operation.offset).text?.trim();
      const length = operation.length && operands.text(operation.length).text?.trim();
      if (offset === undefined || !/^-?\d+$/.test(offset)) return undefined;
      if (operation.length !== undefined && !/^\d+$/.test(length ?? "")) return undefined;
      return mapText(value, (text) => {
        const characters = [...text];
        const start = Number(offset) < 0 ? characters.length + Number(offset) : Number(offset);
        if (start < 0) return "";
        const end = length === undefined ? undefined : start + Number(length);
        return characters.slice(start, end).join("");
      });
    }
    case "CaseModification": {
      const { operator, operand } = operation;
      if (operand !== undefined || operator.length !== 2 || !operands.isBash) return undefined;
      return mapText(value, (text) =>
        operator === "^^" ? text.toUpperCase() : text.toLowerCase(),
      );
    }
    default:
      return undefined;
  }
}

function withPattern(
  { pattern, matching }: Operands,
  word: Word,
  value: Value,
  change: (pattern: Pattern, text: string) => string,
): Value {
  const { pieces, value: written } = pattern(word);
  if (pieces === undefined) return written;
  const changed = mapText(value, (text) => {
    const result = change(readPattern(pieces), text);
    return matching.isSpent ? undefined : result;
  });
  return dependingOn(changed, written.from);
}
