/**
 * The syntax tree of a Dockerfile: nodes that cover the file from its first to its last character, and
 * within instructions the words, flags and heredocs with their places.
 */
import { type EscapeCharacter, type LogicalLine } from "./lexer.ts";
import { type Location, type Source } from "./source.ts";

export interface SyntaxTree {
  readonly source: Source;
  /** In order, and without gaps. */
  readonly nodes: readonly SyntaxNode[];
  /** The escape character in force. */
  readonly escape: EscapeCharacter;
}

export type SyntaxNode =
  | ByteOrderMarkNode
  | BlankNode
  | CommentNode
  | DirectiveNode
  | InstructionNode;

interface Node extends Location {
  /** The line of its last character; of its last line, where it ends with a line ending. */
  readonly endLine: number;
}

export interface ByteOrderMarkNode extends Node {
  readonly kind: "byte-order-mark";
}

/** One or more blank lines. */
export interface BlankNode extends Node {
  readonly kind: "blank";
}

/** A comment outside instructions. */
export interface CommentNode extends Node {
  readonly kind: "comment";
  /** Without `#` and the spaces around. */
  readonly text: string;
}

export type DirectiveName = "syntax" | "escape" | "check";

/** A comment at the top of the file that says how it is to be read: `# NAME=VALUE`. */
export interface DirectiveNode extends Node {
  readonly kind: "directive";
  readonly name: DirectiveName;
  readonly value: Word;
  /** What a `check` directive sets; undefined for another one, and where its value is invalid. */
  readonly check: CheckOptions | undefined;
}

/** What a `check` directive sets: `skip=RULE,…|all;experimental=RULE,…|all;error=BOOL`. */
export interface CheckOptions {
  readonly skip: "all" | readonly string[];
  readonly experimental: "all" | readonly string[];
  /** Whether a finding makes the build fail. */
  readonly error: boolean;
}

/** The instructions that there are. */
export const instructionNames = [
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
] as const;

export type InstructionName = (typeof instructionNames)[number];

/** Any instruction, known or not. Its heredocs belong to it. */
export interface InstructionNode extends Node {
  readonly kind: "instruction";
  /** The keyword in capitals. */
  readonly name: string;
  readonly keyword: Word;
  readonly flags: readonly Flag[];
  readonly arguments: Arguments;
  /** In the order of their delimiters. */
  readonly heredocs: readonly Heredoc[];
  /** The text that was read, and where its pieces stand. */
  readonly logical: LogicalLine;
  /** The comments above it, since the instruction before or an empty comment. */
  readonly comments: readonly CommentNode[];
}

/**
 * A word as BuildKit's parser gives it to an instruction: lines are joined, quotes and escape
 * characters are still there, variables too. In JSON form it is the string that the JSON stands for.
 */
export interface Word extends Location {
  readonly text: string;
}

/** `--NAME` or `--NAME=VALUE`, without quotes and escape characters. */
export interface Flag extends Location {
  readonly name: string;
  readonly value: Word | undefined;
}

/** A variable's or label's name and value: `NAME=VALUE`, or the old form `NAME VALUE`. */
export interface Assignment extends Location {
  readonly name: Word;
  readonly value: Word;
  readonly separator: "=" | " ";
}

/** A build argument: `NAME`, or `NAME=DEFAULT`. */
export interface Declaration extends Location {
  readonly name: Word;
  readonly defaultValue: Word | undefined;
}

/** What follows the keyword and the flags. */
export type Arguments =
  | { readonly form: "none" }
  /** `["a", "b"]` */
  | { readonly form: "json"; readonly words: readonly Word[]; readonly location: Location }
  /** Split at blanks; quotes mean nothing. */
  | { readonly form: "words"; readonly words: readonly Word[] }
  /** The rest of the line. */
  | { readonly form: "text"; readonly text: Word }
  | { readonly form: "assignments"; readonly assignments: readonly Assignment[] }
  | { readonly form: "declarations"; readonly declarations: readonly Declaration[] }
  /** HEALTHCHECK: `NONE`, or `CMD` and a command. */
  | { readonly form: "check"; readonly type: Word; readonly command: CommandArguments }
  /** ONBUILD: the instruction that it keeps for later. */
  | { readonly form: "trigger"; readonly instruction: InstructionNode };

/** The arguments of instructions that take a command. */
export type CommandArguments = Extract<Arguments, { form: "none" | "json" | "text" }>;

/** A here-document: lines after the instruction that belong to a word of it, as in `RUN <<EOF`. */
export interface Heredoc {
  /** The word that announces it, such as `3<<-"EOF"`. */
  readonly word: Word;
  /** The line that ends it, without quotes. */
  readonly delimiter: string;
  /** The number before `<<`; 0 where there is none. */
  readonly descriptor: number;
  /** Variables count in it: no part of the delimiter was quoted. */
  readonly expands: boolean;
  /** `<<-`: tabs at the beginning of its lines are left out. */
  readonly stripsTabs: boolean;
  /** Its lines as they stand in the file. */
  readonly content: Word;
  /** The line with the delimiter; undefined where it is missing. */
  readonly terminator: Location | undefined;
}
