import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatFailedOutput, StepOutput } from "./step-output.ts";

/** All lines that the chunks make on standard output. */
function linesOf(chunks: readonly string[]): readonly string[] {
  const output = new StepOutput();
  return [...chunks.flatMap((chunk) => output.take("stdout", chunk)), ...output.flush()];
}

test("output becomes lines that are safe to show", () => {
  const cases: readonly [name: string, chunks: readonly string[], lines: readonly string[]][] = [
    ["lines", ["one\ntwo\n"], ["one", "two"]],
    ["parts of lines", ["o", "ne\ntw", "o"], ["one", "two"]],
    ["blank lines", ["one\n\ntwo\n"], ["one", "", "two"]],
    ["line ends of DOS", ["one\r\ntwo\r", "\n"], ["one", "two"]],
    ["a bar", ["10%\r50%", "\r100%\ndone\n"], ["100%", "done"]],
    ["a bar that ends with its carriage return", ["10%\r", "100%\r", "\n"], ["100%"]],
    ["a bar that is never ended", ["10%\r", "\r\r"], ["10%"]],
    ["a bar that is erased", ["10%\r\u001b[K\nnext\n"], ["", "next"]],
    ["colours", ["\u001b[1;31mred\u001b[0m \u001b[38;5;12mblue\n"], ["red blue"]],
    ["colours in parts", ["\u001b[3", "1mred\n"], ["red"]],
    ["movements", ["\u001b[2J\u001b[1;1H\u001b7\u001b(Btop\n"], ["top"]],
    ["titles", ["\u001b]0;title\u0007a\u001b]8;;x\u001b\\b\n"], ["ab"]],
    ["a title without an end", ["\u001b]0;title\n"], ["0;title"]],
    ["controls of eight bits", ["\u009b2Ja\u0085b\n"], ["a\ufffdb"]],
    ["lone controls", ["a\u0007\bb\u001b\n"], ["a\ufffd\ufffdb\ufffd"]],
    ["text that is turned around", ["a\u202eb\n"], ["a\ufffdb"]],
    ["tabs", ["a\tbc\t\u001b[1md\te\n"], ["a       bc      d       e"]],
  ];
  for (const [name, chunks, lines] of cases) assert.deepEqual(linesOf(chunks), lines, name);
});

test("the two streams do not mix within a line", () => {
  const output = new StepOutput();
  assert.deepEqual(output.take("stdout", "out"), []);
  assert.deepEqual(output.take("stderr", "err\n"), ["err"]);
  assert.deepEqual(output.take("stdout", "put\n"), ["output"]);
});

test("a line that does not end is broken", () => {
  const lines = linesOf(["x".repeat(5000), "y".repeat(5000), "z\n"]);
  assert.deepEqual(
    lines.map(({ length }) => length),
    [8192, 1808, 1],
  );
  const pairs = linesOf([`a${"🚀".repeat(10_000)}\n`]);
  assert.equal(pairs.join(""), `a${"🚀".repeat(10_000)}`);
  assert.ok(pairs.every((line) => line.isWellFormed()));
});

test("the tail holds what is begun, and no blank lines", () => {
  const output = new StepOutput();
  output.take("stdout", "one\ntwo\n\n  \nthree\n50%\r60%");
  output.take("stderr", "warn");
  assert.deepEqual(output.tail(4), ["two", "three", "60%", "warn"]);
  assert.deepEqual(output.tail(1), ["warn"]);
});

test("of much output the end is kept, and what is left out is counted", () => {
  const output = new StepOutput();
  for (let line = 1; line <= 10_000; line += 1) output.take("stdout", `line ${line}\n`);
  const { elided, lines } = output.kept();
  assert.equal(elided + lines.length, 10_000);
  assert.equal(lines.at(-1), "line 10000");
  assert.equal(lines.length, 2000);
  const wide = new StepOutput();
  for (let line = 1; line <= 100; line += 1) wide.take("stdout", `${"x".repeat(1023)}\n`);
  assert.equal(wide.kept().lines.length, 64);
});

test("the output of a failed step is framed", () => {
  const output = new StepOutput();
  assert.deepEqual(formatFailedOutput("[1/2] RUN x", output), []);
  output.take("stderr", "no such file\n");
  assert.deepEqual(formatFailedOutput("[1/2] RUN x", output), [
    "------",
    " > [1/2] RUN x:",
    "no such file",
    "------",
  ]);
  for (let line = 0; line < 2000; line += 1) output.take("stdout", `${line}\n`);
  assert.equal(formatFailedOutput("[1/2] RUN x", output)[2], "… 1 earlier line left out");
});

test("lines do not depend on how the output was cut, and hold no controls", () => {
  const piece = fc.constantFrom(
    "\u001b[31m",
    "\u001b]0;t\u0007",
    "\r",
    "\r\n",
    "\n",
    "\t",
    "日",
    "a",
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(piece, fc.string({ unit: "binary" }))),
      fc.array(fc.nat(9)),
      (pieces, sizes) => {
        const text = pieces.join("");
        const chunks: string[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(text.slice(at, at + size));
          at += size;
        }
        chunks.push(text.slice(at));
        const lines = linesOf(chunks);
        assert.deepEqual(lines, linesOf([text]));
        // oxlint-disable-next-line no-control-regex
        for (const line of lines) assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u202a-\u202e]/);
      },
    ),
  );
});
