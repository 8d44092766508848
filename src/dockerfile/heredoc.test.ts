import assert from "node:assert/strict";
import { test } from "node:test";
import { textOfHeredoc } from "./heredoc.ts";
import { parseSyntax } from "./parser.ts";
import { reportTo, type Problem } from "./problem.ts";
import { readSource } from "./source.ts";
import { type Heredoc } from "./syntax.ts";

function heredocsIn(text: string): {
  heredocs: readonly Heredoc[];
  problems: Problem[];
  count: number;
} {
  const problems: Problem[] = [];
  const { nodes } = parseSyntax(readSource(text, { subject: "x" }), reportTo(problems));
  const instructions = nodes.filter((node) => node.kind === "instruction");
  return { heredocs: instructions[0]!.heredocs, problems, count: instructions.length };
}

/** A line, and the heredocs that it announces: number, `-`, `'` where nothing expands, delimiter. */
const announcements: readonly (readonly [string, readonly string[]])[] = [
  ["RUN <<EOF", ["0 EOF"]],
  ["run <<EOF", ["0 EOF"]],
  ["RUN 3<<EOF", ["3 EOF"]],
  ["RUN <<-EOF", ["0- EOF"]],
  ["RUN <<'EOF'", ["0' EOF"]],
  ['RUN <<-"EOF"', ["0-' EOF"]],
  ["RUN <<eo'f'", ["0' eof"]],
  ["RUN <<eo\\'f", ["0 eo'f"]],
  ["RUN <<'e'o\\'f", ["0' eo'f"]],
  ["RUN <<'one two'", ["0' one two"]],
  ["RUN <<one\\ two", ["0 one two"]],
  ["RUN <<$EOF", ["0 $EOF"]],
  ["RUN <<${EOF}", ["0 ${EOF}"]],
  ["RUN <<  EOF", ["0 EOF"]],
  ["RUN <<\tEOF > x", ["0 EOF"]],
  ["RUN << -EOF", ["0 -EOF"]],
  ["RUN <<EOF python3", ["0 EOF"]],
  ["RUN cat <<A <<-B 3<<'C' > x", ["0 A", "0- B", "3' C"]],
  ["RUN --mount=type=cache,target=/x <<EOF", ["0 EOF"]],
  ["RUN cat \\\n  <<EOF", ["0 EOF"]],
  ["RUN echo \"$(x)\" '${' $$ $? ${a:-b c} ${a/b/c} ${a:=b} <<EOF", ["0 EOF"]],
  ["COPY <<a.txt <<b /d/", ["0 a.txt", "0 b"]],
  ["ADD <<a /d", ["0 a"]],
  ["ONBUILD RUN <<EOF", ["0 EOF"]],
  ["ONBUILD COPY <<EOF /x", ["0 EOF"]],
  // The escape character of heredocs is always the backslash.
  ["# escape=`\nRUN <<a\\ b", ["0 a b"]],
  // None:
  ["RUN cat<<EOF", []],
  ["RUN <<<EOF", []],
  ["RUN <<EOF<x", []],
  ["RUN <<", []],
  ["RUN <<-", []],
  ["RUN <<- EOF", []],
  ["RUN <<''", []],
  ['RUN "<<EOF"', []],
  ["RUN '<<EOF'", []],
  ["RUN a<<EOF", []],
  ['RUN ["<<EOF"]', []],
  ["USER <<EOF", []],
  ["ENV a <<EOF", []],
  ["ONBUILD USER <<EOF", []],
  ["ONBUILD ONBUILD RUN <<EOF", []],
  // A line that BuildKit's lexer cannot take apart has none.
  ["RUN it's <<EOF", []],
  ['RUN "a <<EOF', []],
  ["RUN ${a@Q} <<EOF", []],
  ["RUN ${#a} <<EOF", []],
  ["RUN ${a:#b} <<EOF", []],
  ["RUN ${} <<EOF", []],
  ["RUN ${a <<EOF", []],
  ['RUN "${a[@]}" <<EOF', []],
];

test("heredocs are announced as in BuildKit", () => {
  for (const [line, expected] of announcements) {
    const { heredocs } = heredocsIn(`${line}\n`);
    const found = heredocs.map(
      ({ descriptor, stripsTabs, expands, delimiter }) =>
        `${descriptor}${stripsTabs ? "-" : ""}${expands ? "" : "'"} ${delimiter}`,
    );
    assert.deepEqual(found, expected, line);
  }
});

test("a heredoc has its lines as they are", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["RUN <<A\nA\n", [""]],
    ["RUN <<A\n# no comment\n\n x \\\nA\n", ["# no comment\n\n x \\\n"]],
    ["RUN <<A\n A\n\tA\nA \nA", [" A\n\tA\nA \n"]],
    ["RUN <<A\r\nx\r\nA\r\n", ["x\r\n"]],
    ["RUN <<-A\n\tx\n\t\ty\n z\n\t\tA\n", ["\tx\n\t\ty\n z\n"]],
    ["COPY <<X <<Y /d\nY\nX\nX\nY\n", ["Y\n", "X\n"]],
  ];
  for (const [text, expected] of cases) {
    const { heredocs, problems, count } = heredocsIn(`${text}`);
    assert.deepEqual(
      heredocs.map(({ content }) => content.text),
      expected,
      JSON.stringify(text),
    );
    assert.deepEqual(problems, []);
    assert.equal(count, 1);
  }
});

test("<<- leaves tabs out", () => {
  const { heredocs } = heredocsIn("RUN <<-A\n\tx\n\t\ty\n \tz\n\tA\n");
  assert.equal(textOfHeredoc(heredocs[0]!), "x\ny\n \tz\n");
});

test("a heredoc without an end takes the rest of the file, and is told of", () => {
  const { heredocs, problems, count } = heredocsIn("RUN a \\\n  <<A <<B\nx\nA\nFROM y\n  B\n");
  assert.deepEqual(
    heredocs.map(({ content }) => content.text),
    ["x\n", "FROM y\n  B\n"],
  );
  assert.equal(count, 1);
  const [problem] = problems;
  assert.equal(problem!.rule, "heredoc-unterminated");
  assert.deepEqual([problem!.line, problem!.column], [2, 7]);
  assert.match(problem!.hint!, /^Line 6 has spaces around B/);
});
