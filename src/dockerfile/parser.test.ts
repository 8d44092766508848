import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isBivyError } from "../base/index.ts";
import { parseSyntax } from "./parser.ts";
import { printSyntax, tokensOf } from "./print.ts";
import { reportTo, type Problem } from "./problem.ts";
import { readSource } from "./source.ts";
import { type InstructionNode, type SyntaxTree, type Word } from "./syntax.ts";

function parse(input: string | Uint8Array): { tree: SyntaxTree; problems: Problem[] } {
  const problems: Problem[] = [];
  return { tree: parseSyntax(readSource(input, { subject: "x" }), reportTo(problems)), problems };
}

function instructionsIn(input: string): InstructionNode[] {
  return parse(input).tree.nodes.filter((node) => node.kind === "instruction");
}

/** Pieces of which Dockerfiles are made, and of which they should not be. */
const pieces = [
  ..."\\`'\"$<>#=-[]{},: \t\v\r\n\0é日😀\u00a0\u2028\ufeff",
  "\r\n",
  "\\\n",
  " \\ \t\n",
  "`\n",
  "# escape=`\n",
  "# check=skip=all\n",
  "#syntax=x\n",
  "  # comment\n",
  "\n\n",
  "FROM a AS b\n",
  "RUN ",
  "run <<EOF 3<<-'X Y'\n",
  "EOF\n",
  "\tX Y\n",
  "COPY --from=b --chown='a b' <<EOF /x\n",
  'CMD ["a", "b"]\n',
  'CMD ["a", [1]]\n',
  "ENV a=b c='d e' ",
  "ENV a b c\n",
  "ONBUILD ONBUILD ONBUILD RUN x\n",
  "ONBUILD COPY <<EOF /\n",
  "HEALTHCHECK --interval=1s CMD x\n",
  "${a:-b c}",
  "${a@b}",
];
const dockerfiles = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "grapheme", maxLength: 4 })))
  .map((parts) => parts.join(""));

function assertCovers(tree: SyntaxTree): void {
  const { source, nodes } = tree;
  let at = 0;
  let line = 1;
  for (const node of nodes) {
    assert.equal(node.offset, at);
    assert.equal(node.line, line, "nodes begin where lines do");
    for (const token of tokensOf(source, node)) {
      assert.equal(token.offset, at);
      assert.equal(token.text, source.text.slice(token.offset, token.end));
      at = token.end;
    }
    assert.equal(node.end, at);
    line = node.kind === "byte-order-mark" ? 1 : node.endLine + 1;
  }
  assert.equal(at, source.text.length);
}

test("the tree covers any text, and prints it", () => {
  fc.assert(
    fc.property(dockerfiles, (text) => {
      const { tree } = parse(text);
      assertCovers(tree);
      assert.equal(Buffer.from(printSyntax(tree)).toString(), text);
    }),
    { numRuns: 2000 },
  );
});

test("any bytes are printed as they were", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .tuple(dockerfiles, fc.uint8Array({ maxLength: 6 }), dockerfiles)
      .map(([before, between, after]) =>
        Buffer.concat([Buffer.from(before), between, Buffer.from(after)]),
      ),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      fc.pre(
        !(input[0] === 0xff && input[1] === 0xfe) && !(input[0] === 0xfe && input[1] === 0xff),
      );
      const { tree } = parse(input);
      assertCovers(tree);
      assert.deepEqual(Buffer.from(printSyntax(tree)), Buffer.from(input));
    }),
    { numRuns: 1000 },
  );
});

test("words are where they say", () => {
  fc.assert(
    fc.property(dockerfiles, (text) => {
      for (const node of instructionsIn(text))
        for (const word of wordsIn(node)) {
          assert.ok(node.offset <= word.offset && word.offset <= word.end && word.end <= node.end);
          const { line, column } = positionOf(text, word.offset);
          assert.deepEqual({ line: word.line, column: word.column }, { line, column });
          // What no line ending interrupts stands in the file as it is.
          const written = text.slice(word.offset, word.end);
          if (node.arguments.form !== "json" && !written.includes("\n"))
            assert.ok(written.startsWith(word.text), `${written} / ${word.text}`);
        }
    }),
    { numRuns: 1000 },
  );
});

/** All words but flags, which are taken without quotes. */
function wordsIn(node: InstructionNode): Word[] {
  const { keyword, arguments: read } = node;
  switch (read.form) {
    case "json":
    case "words":
      return [keyword, ...read.words];
    case "text":
      return [keyword, read.text];
    case "assignments":
      return [keyword, ...read.assignments.flatMap(({ name, value }) => [name, value])];
    case "declarations":
      return [keyword, ...read.declarations.map(({ name }) => name)];
    case "check":
      return [keyword, read.type];
    case "trigger":
      return [keyword, ...wordsIn(read.instruction)];
    case "none":
      return [keyword];
  }
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  const mark = before.length === 1 && text.startsWith("\ufeff") ? 1 : 0;
  return { line: before.length, column: before.at(-1)!.length + 1 - mark };
}

const continued: readonly (readonly [string, string])[] = [
  ["RUN a\\\nb", "RUN ab"],
  ["RUN a \\\n  b", "RUN a   b"],
  ["  RUN a \\ \t\nb  ", "RUN a b  "],
  ["RUN a \\\r\nb\r\n", "RUN a b"],
  ["RUN a \\\n# comment\n  # \\\n\n  \t\nb", "RUN a b"],
  ["RUN a \\\\\nFROM b", "RUN a \\\\"],
  ["RUN a \\\\\\\nFROM b", "RUN a \\\\\\"],
  ["RUN a\\\n\\\nb", "RUN ab"],
  ["RUN a\\", "RUN a"],
  ["\\\nRUN a", "RUN a"],
  ["RUN a # b", "RUN a # b"],
  ["#escape=`\nRUN a`\n\\b", "RUN a\\b"],
  ["# escape = `\nRUN a\\\n", "RUN a\\"],
  [" # escape=`\nRUN a`\nb", "RUN ab"],
  ["# x\n# escape=`\nRUN a`\n", "RUN a`"],
  ["\n# escape=`\nRUN a`\n", "RUN a`"],
  ["# key=value\n# escape=`\nRUN a`\n", "RUN a`"],
  ["#!/bin/x\n# escape=`\nRUN a`\n", "RUN a`"],
  ["# SYNTAX=x\n# EsCaPe=`\nRUN a`\nb", "RUN ab"],
  ["\ufeff# escape=`\nRUN a`\nb", "RUN ab"],
];

test("lines are joined as BuildKit joins them", () => {
  for (const [text, expected] of continued)
    assert.equal(instructionsIn(text)[0]!.logical.text, expected, JSON.stringify(text));
});

test("nodes know their lines", () => {
  const text = "# escape=\\\n\n\n# a\nFROM a \\\n\n  AS b\n\nRUN <<X\n# no comment\nX\nCMD x\n";
  const found = parse(text).tree.nodes.map(
    ({ kind, line, endLine, offset, end }) =>
      [kind, line, endLine, text.slice(offset, end)] as const,
  );
  assert.deepEqual(found, [
    ["directive", 1, 1, "# escape=\\\n"],
    ["blank", 2, 3, "\n\n"],
    ["comment", 4, 4, "# a\n"],
    ["instruction", 5, 7, "FROM a \\\n\n  AS b\n"],
    ["blank", 8, 8, "\n"],
    ["instruction", 9, 11, "RUN <<X\n# no comment\nX\n"],
    ["instruction", 12, 12, "CMD x\n"],
  ]);
});

test("an instruction knows the comments above it", () => {
  const text =
    "# check=skip=all\n# a\n\n# b\nFROM x\n# c\n#\n# check=skip=X // why\nRUN y\nCMD z\n";
  const comments = instructionsIn(text).map((node) => node.comments.map((comment) => comment.text));
  assert.deepEqual(comments, [["a", "b"], ["check=skip=X // why"], []]);
});

const argumentForms: readonly (readonly [string, unknown])[] = [
  ["FROM --platform=x a AS b", { form: "words", words: ["a", "AS", "b"] }],
  ['RUN ["a", "b\\n"] ', { form: "json", words: ["a", "b\n"] }],
  ['RUN ["a", \\\n"b"]', { form: "json", words: ["a", "b"] }],
  ["RUN ['a']", { form: "text", text: "['a']" }],
  ['RUN ["a"] b', { form: "text", text: '["a"] b' }],
  ["RUN [ -f x ]", { form: "text", text: "[ -f x ]" }],
  ["COPY a\tb  c", { form: "words", words: ["a", "b", "c"] }],
  ['COPY "a b" c', { form: "words", words: ['"a', 'b"', "c"] }],
  ["ENV a=b c='d e' f=g\\ h i=", { assignments: ["a=b", "c='d e'", "f=g\\ h", "i="] }],
  ["ENV a  b = c ", { assignments: ["a b = c"] }],
  ['LABEL "a b"="c d" e=f', { assignments: ['"a b"="c d"', "e=f"] }],
  ["ENV a=b \\", { assignments: ["a=b"] }],
  ['ENV a="b \\\n  c"', { assignments: ['a="b   c"'] }],
  ["ARG a b=c d='e f'", { declarations: ["a", "b=c", "d='e f'"] }],
  ["HEALTHCHECK cmd  a b", { type: "cmd", form: "text", text: "a b" }],
  ['HEALTHCHECK CMD ["a"]', { type: "CMD", form: "json", words: ["a"] }],
  ["WORKDIR /a b ", { form: "text", text: "/a b" }],
  ["ONBUILD RUN x", { trigger: "RUN", form: "text", text: "x" }],
  ["RUN", { form: "none" }],
  ["WHAT is this", { form: "text", text: "is this" }],
];

test("arguments are read as each instruction wants them", () => {
  for (const [text, expected] of argumentForms)
    assert.deepEqual(shortened(instructionsIn(text)[0]!.arguments), expected, text);
});

function shortened(read: InstructionNode["arguments"]): unknown {
  switch (read.form) {
    case "json":
    case "words":
      return { form: read.form, words: read.words.map(({ text }) => text) };
    case "text":
      return { form: read.form, text: read.text.text };
    case "assignments":
      return {
        assignments: read.assignments.map(
          ({ name, separator, value }) => name.text + separator + value.text,
        ),
      };
    case "declarations":
      return {
        declarations: read.declarations.map(
          ({ name, defaultValue: value }) =>
            name.text + (value === undefined ? "" : `=${value.text}`),
        ),
      };
    case "check":
      return { type: read.type.text, ...(shortened(read.command) as object) };
    case "trigger":
      return {
        trigger: read.instruction.name,
        ...(shortened(read.instruction.arguments) as object),
      };
    case "none":
      return { form: "none" };
  }
}

const flagCases: readonly (readonly [string, readonly string[], string])[] = [
  ["RUN --a --b=c d --e", ["a", "b=c"], "d --e"],
  ["RUN --a=b\\ c --d='e f'\"g\" h", ["a=b c", "d=e fg"], "h"],
  ["RUN --a -- --b", ["a"], "--b"],
  ["RUN -- a --b", [], "a --b"],
  ["RUN --a=é b", ["a=é"], "b"],
  ["# escape=`\nRUN --a=b` c\\ d", ["a=b c\\"], "d"],
  ["RUN -a", [], "-a"],
];

test("flags stand before the arguments", () => {
  for (const [text, flags, rest] of flagCases) {
    const node = instructionsIn(text)[0]!;
    const found = node.flags.map(
      ({ name, value }) => name + (value === undefined ? "" : `=${value.text}`),
    );
    assert.deepEqual(found, flags, text);
    assert.equal(node.arguments.form === "text" ? node.arguments.text.text : "", rest, text);
  }
});

test("a hostile file is refused before it costs much", () => {
  const hostile: readonly [string, RegExp][] = [
    ["\n".repeat(200_000), /more than 100000 lines/],
    [`EXPOSE ${"1 ".repeat(300_000)}`, /more than 200000 words/],
    [`CMD [${'"",'.repeat(300_000)}""]`, /more than 200000 words/],
    [`ENV ${"a=b ".repeat(300_000)}`, /more than 200000 words/],
    ["x".repeat(9 << 20), /document-size/],
  ];
  for (const [text, message] of hostile)
    assert.throws(
      () => parse(text),
      (error) => isBivyError(error, "limit-exceeded") && message.test(error.message),
    );
});

test("what repeats without end is read in one pass", () => {
  const long = 200_000;
  const texts = [
    `RUN <<${" ".repeat(long)}<x`,
    `RUN ${"${a:-".repeat(long)}<<EOF`,
    `RUN ${'"$'.repeat(long)} <<EOF`,
    `# escape=${" ".repeat(long)}`,
    `RUN --mount=${",".repeat(long)} x`,
    `ONBUILD ${"ONBUILD ".repeat(long)}`,
    `RUN ${"[".repeat(long)}`,
    `CMD ${"[".repeat(long)}${"]".repeat(long)}`,
    `ENV ${"'\\".repeat(long)}`,
    `RUN a ${"\\\n".repeat(90_000)}`,
    `${"# a\n".repeat(90_000)}`,
    `RUN <<A\n${"\t".repeat(long)}`,
  ];
  for (const text of texts) assertCovers(parse(text).tree);
});
