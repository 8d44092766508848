/** Printing: the tokens that a syntax tree consists of, in their order, and the file made of them again. */
import { isSpaceAt, type Interruption, type LogicalLine } from "./lexer.ts";
import { encodeSource, type Source } from "./source.ts";
import {
  type Arguments,
  type InstructionNode,
  type SyntaxNode,
  type SyntaxTree,
} from "./syntax.ts";

export type TokenKind =
  | Exclude<SyntaxNode["kind"], "instruction">
  | Interruption["kind"]
  | "keyword"
  | "flag"
  | "word"
  /** Arguments that are not taken apart, such as a shell command. */
  | "text"
  /** Brackets and commas of the JSON form, `=` of an assignment. */
  | "punctuation"
  | "space"
  | "line-end"
  /** The lines of a heredoc, and the one that ends it. */
  | "heredoc"
  | "delimiter";

/** A piece of the file that lies in one line, but for blank lines and heredocs. */
export interface Token extends Stretch {
  readonly kind: TokenKind;
  readonly text: string;
}

interface Stretch {
  readonly offset: number;
  readonly end: number;
}

interface Mark extends Stretch {
  readonly kind: TokenKind;
}

/** The file as it was read, made of the tokens of its nodes. */
export function printSyntax(tree: SyntaxTree): Uint8Array {
  const parts: string[] = [];
  for (const node of tree.nodes)
    for (const { text } of tokensOf(tree.source, node)) parts.push(text);
  return encodeSource(parts.join(""));
}

/** The tokens of a node: they follow each other without gaps from its first to its last character. */
export function tokensOf(source: Source, node: SyntaxNode): Token[] {
  const tokens: Token[] = [];
  const add = (kind: TokenKind, offset: number, end: number): void => {
    if (end > offset) tokens.push({ kind, offset, end, text: source.text.slice(offset, end) });
  };
  if (node.kind !== "instruction") {
    add(node.kind, node.offset, node.end);
    return tokens;
  }
  addLine(source.text, node, add);
  for (const { content, terminator } of node.heredocs) {
    add("heredoc", content.offset, content.end);
    if (terminator !== undefined) add("delimiter", terminator.offset, terminator.end);
  }
  return tokens;
}

/** The tokens of the instruction itself: what its parts and the interruptions leave is in between. */
function addLine(
  text: string,
  node: InstructionNode,
  add: (kind: TokenKind, offset: number, end: number) => void,
): void {
  const { logical } = node;
  const marks = partsOf(node);
  const contentEnd = endOfContent(logical);
  let nextMark = 0;
  let nextInterruption = 0;
  let at = node.offset;
  while (at < contentEnd) {
    const interruption = logical.interruptions[nextInterruption];
    if (interruption?.offset === at) {
      add(interruption.kind, at, interruption.end);
      at = interruption.end;
      nextInterruption++;
      continue;
    }
    const limit = Math.min(interruption?.offset ?? contentEnd, contentEnd);
    while (nextMark < marks.length && marks[nextMark]!.end <= at) nextMark++;
    const mark = marks[nextMark];
    const until = Math.min(
      limit,
      mark === undefined ? limit : mark.offset > at ? mark.offset : mark.end,
    );
    add(mark !== undefined && mark.offset <= at ? mark.kind : gapKind(text, at, until), at, until);
    at = until;
  }
  add("line-end", at, logical.last.end);
}

/** Where the line ending of the instruction begins; an interruption at its end has its own. */
function endOfContent({ interruptions, last }: LogicalLine): number {
  const ending = interruptions.at(-1)?.end === last.end;
  return ending ? last.end : last.contentEnd;
}

function gapKind(text: string, offset: number, end: number): TokenKind {
  for (let at = offset; at < end; at++) if (!isSpaceAt(text, at)) return "punctuation";
  return "space";
}

function partsOf(node: InstructionNode): Mark[] {
  const keyword: Mark = { kind: "keyword", offset: node.keyword.offset, end: node.keyword.end };
  const flags = node.flags.map(({ offset, end }): Mark => ({ kind: "flag", offset, end }));
  return [keyword, ...flags, ...partsOfArguments(node.arguments)];
}

function word({ offset, end }: Stretch): Mark {
  return { kind: "word", offset, end };
}

function partsOfArguments(read: Arguments): Mark[] {
  switch (read.form) {
    case "none":
      return [];
    case "json":
      return read.words.length === 0
        ? [{ ...word(read.location), kind: "punctuation" }]
        : read.words.map(word);
    case "words":
      return read.words.map(word);
    case "text":
      return [{ ...word(read.text), kind: "text" }];
    case "assignments":
      return read.assignments.flatMap(({ name, value }) => [word(name), word(value)]);
    case "declarations":
      return read.declarations.flatMap(({ name, defaultValue }) =>
        [name, defaultValue ?? []].flat().map(word),
      );
    case "check":
      return [word(read.type), ...partsOfArguments(read.command)];
    case "trigger":
      return partsOf(read.instruction);
  }
}
