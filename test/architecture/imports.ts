/** Imports: every way in which one module names another, static, dynamic, re-exported or for its types. */
import type { Token } from "./tokens.ts";

export interface Import {
  /** The module as it is written, or undefined for a dynamic import of a computed name. */
  readonly specifier: string | undefined;
  readonly typeOnly: boolean;
  readonly line: number;
}

export function findImports(tokens: readonly Token[]): Import[] {
  const imports: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || isText(tokens[index - 1], ".")) continue;
    if (token.text === "import") {
      const found = importAt(tokens, index);
      if (found !== undefined) imports.push(found);
    } else if (token.text === "export") {
      const found = reexportAt(tokens, index);
      if (found !== undefined) imports.push(found);
    }
  }
  return imports;
}

function importAt(tokens: readonly Token[], index: number): Import | undefined {
  const { line } = tokens[index]!;
  const next = tokens[index + 1];
  if (next === undefined || isText(next, ".") || isText(next, ":")) return undefined;
  if (next.kind === "string") return { specifier: next.text, typeOnly: false, line };
  if (isText(next, "(")) {
    const named = tokens[index + 2];
    const literal = named?.kind === "string" && isOneOf(tokens[index + 3], ")", ",");
    return { specifier: literal ? named.text : undefined, typeOnly: false, line };
  }
  return sourceAfter(tokens, index + 1, isTypeKeyword(tokens, index + 1), line);
}

function reexportAt(tokens: readonly Token[], index: number): Import | undefined {
  const typeOnly = isTypeKeyword(tokens, index + 1);
  const start = typeOnly ? index + 2 : index + 1;
  if (!isOneOf(tokens[start], "*", "{")) return undefined;
  return sourceAfter(tokens, start, typeOnly, tokens[index]!.line);
}

/** `type` is a keyword unless it is itself the imported name (`import type from "x"`). */
function isTypeKeyword(tokens: readonly Token[], index: number): boolean {
  return isText(tokens[index], "type") && !isOneOf(tokens[index + 1], "from", ",", "=");
}

/** The string after the next `from`; an export list without one names no module. */
function sourceAfter(
  tokens: readonly Token[],
  start: number,
  typeOnly: boolean,
  line: number,
): Import | undefined {
  for (let index = start; index < tokens.length; index++) {
    const token = tokens[index]!;
    if (token.kind === "string" && isText(tokens[index - 1], "from"))
      return { specifier: token.text, typeOnly, line };
    if (isText(token, ";") || (isText(token, "}") && !isText(tokens[index + 1], "from")))
      return undefined;
  }
  return undefined;
}

function isText(token: Token | undefined, text: string): boolean {
  return token !== undefined && token.kind !== "string" && token.text === text;
}

function isOneOf(token: Token | undefined, ...texts: readonly string[]): boolean {
  return texts.some((text) => isText(token, text));
}
