/**
 * The parser: the text of a Dockerfile into its syntax tree. It follows BuildKit's, and knows what an
 * instruction looks like, not what it means: that is for `instructions/`.
 */
import { BivyError } from "../base/index.ts";
import { readArguments, wordOf, type ArgumentText } from "./arguments.ts";
import { directiveReader, type DirectiveReader } from "./directives.ts";
import { findHeredocWords, readHeredoc } from "./heredoc.ts";
import {
  checkLength,
  kindOfLine,
  locate,
  nextLine,
  readLogicalLine,
  skipSpaces,
  skipSpacesBack,
  trimSpaces,
  type EscapeCharacter,
} from "./lexer.ts";
import { type Report } from "./problem.ts";
import { lineAt, locateIn, type Line, type Source } from "./source.ts";
import {
  type BlankNode,
  type CommentNode,
  type DirectiveNode,
  type Flag,
  type Heredoc,
  type InstructionNode,
  type SyntaxNode,
  type SyntaxTree,
} from "./syntax.ts";
import { readFlagWords, type FlagWord, type Range } from "./words.ts";

/** Parses the syntax, and reports what is wrong with it; the tree is whole in any case. */
export function parseSyntax(source: Source, report: Report): SyntaxTree {
  const nodes: SyntaxNode[] = [];
  const directives = directiveReader(source, report);
  const takeWords = wordLimit(source);
  let comments: CommentNode[] = [];
  let line = source.lineOffsets.length === 0 ? undefined : lineAt(source, 1);
  if (line !== undefined && line.offset > 0) nodes.push(byteOrderMarkBefore(line));
  while (line !== undefined) {
    const kind = kindOfLine(source, line);
    if (kind !== "comment") directives.end();
    const { node, last } =
      kind === "comment"
        ? parseComment(source, line, directives, report)
        : kind === "blank"
          ? parseBlank(source, line, report)
          : parseInstruction(source, line, {
              escape: directives.escape(),
              report,
              takeWords,
              comments,
            });
    nodes.push(node);
    comments = commentsAfter(node, comments);
    line = nextLine(source, last);
  }
  if (!nodes.some(({ kind }) => kind === "instruction")) reportEmpty(source, report);
  return { source, nodes, escape: directives.escape() };
}

function byteOrderMarkBefore({ offset }: Line): SyntaxNode {
  return { kind: "byte-order-mark", offset: 0, end: offset, line: 1, column: 1, endLine: 1 };
}

function reportEmpty(source: Source, report: Report): void {
  report(
    "empty-file",
    { offset: 0, end: 0, line: 1, column: 1 },
    source.text === "" ? "the file is empty" : "the file has no instructions",
    "A Dockerfile begins with FROM and the image to build on.",
  );
}

/** A node, and the last line that it takes. */
interface Parsed<Node extends SyntaxNode> {
  readonly node: Node;
  readonly last: Line;
}

function parseComment(
  source: Source,
  line: Line,
  directives: DirectiveReader,
  report: Report,
): Parsed<DirectiveNode | CommentNode> {
  checkLength(source, line, report);
  const directive = directives.read(line);
  if (directive !== undefined) return { node: directive, last: line };
  const start = skipSpaces(source.text, line.offset, line.contentEnd) + 1;
  const text = trimSpaces(source.text.slice(start, line.contentEnd));
  const location = locateIn(line, line.offset, line.end);
  return { node: { kind: "comment", text, ...location, endLine: line.number }, last: line };
}

/** The comments above the next instruction; an empty one parts those above it from the others. */
function commentsAfter(node: SyntaxNode, comments: CommentNode[]): CommentNode[] {
  if (node.kind === "instruction" || (node.kind === "comment" && node.text === "")) return [];
  if (node.kind === "comment") comments.push(node);
  return comments;
}

/** A blank line, and those that follow it. */
function parseBlank(source: Source, first: Line, report: Report): Parsed<BlankNode> {
  let last = first;
  for (;;) {
    checkLength(source, last, report);
    const next = nextLine(source, last);
    if (next === undefined || kindOfLine(source, next) !== "blank") break;
    last = next;
  }
  const location = locateIn(first, first.offset, last.end);
  return { node: { kind: "blank", ...location, endLine: last.number }, last };
}

interface Surroundings {
  readonly escape: EscapeCharacter;
  readonly report: Report;
  readonly takeWords: (count: number) => void;
  readonly comments: readonly CommentNode[];
}

function parseInstruction(
  source: Source,
  first: Line,
  { escape, report, takeWords, comments }: Surroundings,
): Parsed<InstructionNode> {
  const logical = readLogicalLine(source, first, escape, report);
  const text: ArgumentText = { logical, escape, report, takeWords };
  checkEncoding(text);
  const range = trim(logical.text, { start: 0, end: logical.text.length });
  const statement = readStatement(text, range, 0);
  const heredocs: Heredoc[] = [];
  let { last } = logical;
  const announcements = takesHeredocs(statement) ? findHeredocWords(logical.text) : [];
  takeWords(announcements.length);
  for (const announcement of announcements) {
    const word = wordOf(logical, announcement);
    const read = readHeredoc(source, announcement, word, last, report);
    heredocs.push(read.heredoc);
    ({ last } = read);
  }
  const place = { ...locateIn(first, first.offset, last.end), endLine: last.number };
  return { node: { ...withHeredocs(statement, heredocs), ...place, comments }, last };
}

function trim(text: string, { start, end }: Range): Range {
  const from = skipSpaces(text, start, end);
  return { start: from, end: skipSpacesBack(text, from, end) };
}

const blank = /[\t\v\f\r ]/g;

/** The instruction in a range of the text; `depth` is how many ONBUILD it stands in. */
function readStatement(text: ArgumentText, range: Range, depth: number): InstructionNode {
  const { logical, escape, takeWords } = text;
  blank.lastIndex = range.start;
  const keywordEnd = Math.min(range.end, blank.exec(logical.text)?.index ?? range.end);
  const keyword = wordOf(logical, { start: range.start, end: keywordEnd });
  const name = keyword.text.toUpperCase();
  const { flags, rest } = readFlagWords(
    logical.text,
    { start: keywordEnd, end: range.end },
    escape,
  );
  takeWords(flags.length);
  const argumentRange = trim(logical.text, { start: rest, end: range.end });
  const isTrigger = name === "ONBUILD" && depth < deepestTrigger;
  return {
    kind: "instruction",
    name,
    keyword,
    flags: flags.map((flag) => flagOf(text, flag)),
    arguments:
      isTrigger && argumentRange.start < argumentRange.end
        ? { form: "trigger", instruction: readStatement(text, argumentRange, depth + 1) }
        : readArguments(text, argumentRange, name),
    heredocs: [],
    logical,
    comments: [],
    ...locate(logical, range.start, range.end),
    endLine: logical.last.number,
  };
}

/** ONBUILD in ONBUILD is never valid; the tree need not follow it far. */
const deepestTrigger = 2;

function flagOf({ logical }: ArgumentText, flag: FlagWord): Flag {
  const at = flag.text.indexOf("=");
  const location = locate(logical, flag.start, flag.end);
  if (at === -1) return { name: flag.text.slice(2), value: undefined, ...location };
  const start = flag.places[at]! + 1;
  const value = wordOf(logical, { start, end: flag.end }, flag.text.slice(at + 1));
  return { name: flag.text.slice(2, at), value, ...location };
}

const heredocInstructions: ReadonlySet<string> = new Set(["ADD", "COPY", "RUN"]);

function takesHeredocs(node: InstructionNode): boolean {
  const inner = node.arguments.form === "trigger" ? node.arguments.instruction : node;
  return heredocInstructions.has(inner.name) && inner.arguments.form !== "json";
}

/** The heredocs of an ONBUILD instruction are those of the instruction in it. */
function withHeredocs(node: InstructionNode, heredocs: readonly Heredoc[]): InstructionNode {
  if (heredocs.length === 0 || node.arguments.form !== "trigger") return { ...node, heredocs };
  const instruction = { ...node.arguments.instruction, heredocs };
  return { ...node, heredocs, arguments: { form: "trigger", instruction } };
}

/** What `decodeName` makes of a byte that is no UTF-8. */
const strayByte = /[\udc80-\udcff]/u;

/** BuildKit cannot pass on what is no UTF-8; in comments it does no harm. */
function checkEncoding({ logical, report }: ArgumentText): void {
  const at = strayByte.exec(logical.text)?.index;
  if (at === undefined) return;
  const byte = (logical.text.charCodeAt(at) - 0xdc00).toString(16);
  report(
    "not-utf8",
    locate(logical, at, at + 1),
    `the byte 0x${byte} is not UTF-8`,
    "Save the file as UTF-8.",
  );
}

/** Each word costs memory; nobody writes so many. */
const mostWords = 200_000;

function wordLimit(source: Source): (count: number) => void {
  let words = 0;
  return (count) => {
    words += count;
    if (words > mostWords)
      throw new BivyError("limit-exceeded", `${source.subject}: has more than ${mostWords} words`, {
        hint: "Check that the path names a Dockerfile.",
      });
  };
}
