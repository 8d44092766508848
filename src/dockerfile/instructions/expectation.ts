/** Expectations: how many arguments an instruction has, and what is said when it has others. */
import { type Report } from "../problem.ts";
import { quoted, type Location } from "../source.ts";
import { type Arguments, type InstructionNode, type Word } from "../syntax.ts";

/** The words of arguments that were split into such. */
export function wordsOf(read: Arguments): readonly Word[] {
  return read.form === "words" || read.form === "json" ? read.words : [];
}

/** Reports that something is missing; `expected` says what, and `usage` how it is written. */
export function reportMissing(
  node: InstructionNode,
  expected: string,
  usage: string,
  report: Report,
  location: Location = node.keyword,
): undefined {
  report("argument-count", location, `${node.name} expects ${expected}`, `Write ${usage}.`);
}

/** Reports a word that stands where `expected` should. */
export function reportUnexpected(
  node: InstructionNode,
  word: Word,
  expected: string,
  report: Report,
): undefined {
  report(
    "argument-count",
    word,
    `${node.name} expects ${expected}, found ${quoted(word.text)}`,
    word.text.startsWith("#") ? "A comment needs a line of its own." : undefined,
  );
}
