/** Tokens: just enough of TypeScript's lexical grammar to find imports and names outside comments and strings. */

export interface Token {
  readonly kind: "word" | "string" | "mark";
  /** A string's content without its quotes; a template's pieces are strings too. */
  readonly text: string;
  readonly line: number;
}

const wordCharacter = /[\p{ID_Continue}$]/u;

/** Keywords after which a slash begins a regular expression and not a division. */
const beforeExpression = new Set(
  "return typeof case in of do else void delete throw new instanceof yield await".split(" "),
);

/**
 * Reads a source text into tokens and drops comments, whitespace and regular expressions.
 *
 * A template literal is a string token up to `${`; what stands in the braces is read as code, and
 * its closing brace leads back into the template. `open` remembers, per brace, which kind it is.
 */
export function readTokens(source: string): Token[] {
  const tokens: Token[] = [];
  const open: ("block" | "template")[] = [];
  let at = 0;
  let line = 1;

  const add = (kind: Token["kind"], text: string): void => void tokens.push({ kind, text, line });
  const moveTo = (end: number): string => {
    const passed = source.slice(at, end);
    for (const character of passed) if (character === "\n") line++;
    at = end;
    return passed;
  };
  const readTemplate = (): void => {
    const end = templateEnd(source, at);
    add("string", source.slice(at, end));
    moveTo(end);
    if (source.startsWith("${", at)) {
      open.push("template");
      at += 2;
    } else at += 1;
  };

  if (source.startsWith("#!")) moveTo(endOf(source, "\n", 0));
  while (at < source.length) {
    const character = source[at]!;
    if (/\s/.test(character)) moveTo(at + 1);
    else if (source.startsWith("//", at)) moveTo(endOf(source, "\n", at));
    else if (source.startsWith("/*", at)) moveTo(endOf(source, "*/", at + 2) + 2);
    else if (character === '"' || character === "'") {
      const end = quotedEnd(source, at);
      add("string", source.slice(at + 1, end));
      moveTo(end + 1);
    } else if (character === "`") {
      at += 1;
      readTemplate();
    } else if (character === "/" && expressionMayStart(tokens.at(-1))) {
      moveTo(patternEnd(source, at));
      add("mark", ")"); // A pattern is a value: a slash after it divides.
    } else if (wordCharacter.test(character)) {
      let end = at + 1;
      while (end < source.length && wordCharacter.test(source[end]!)) end++;
      add("word", source.slice(at, end));
      at = end;
    } else {
      at += 1;
      if (character === "{") open.push("block");
      if (character === "}" && open.pop() === "template") readTemplate();
      else add("mark", character);
    }
  }
  return tokens;
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from);
  return found === -1 ? source.length : found;
}

function quotedEnd(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== source[start]) at += source[at] === "\\" ? 2 : 1;
  return at;
}

function templateEnd(source: string, start: number): number {
  let at = start;
  while (at < source.length && source[at] !== "`" && !source.startsWith("${", at))
    at += source[at] === "\\" ? 2 : 1;
  return at;
}

function patternEnd(source: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < source.length && source[at] !== "\n") {
    if (source[at] === "\\") at++;
    else if (source[at] === "[") inClass = true;
    else if (source[at] === "]") inClass = false;
    else if (source[at] === "/" && !inClass) break;
    at++;
  }
  return at + 1;
}

function expressionMayStart(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "word") return beforeExpression.has(before.text);
  return before.kind === "mark" && !")]}".includes(before.text);
}
