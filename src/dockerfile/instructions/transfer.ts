/** COPY and ADD: files that come into the image. */
import { checkFlags, type CheckedFlags } from "../flags.ts";
import { tryParseHeredocWord } from "../heredoc.ts";
import {
  type AddInstruction,
  type CopyInstruction,
  type CopySource,
  type Transfer,
} from "../instruction.ts";
import { type Report } from "../problem.ts";
import { quoted, shownShort } from "../source.ts";
import { type Heredoc, type InstructionNode, type Word } from "../syntax.ts";
import { reportMissing, wordsOf } from "./expectation.ts";

export function readCopy(node: InstructionNode, report: Report): CopyInstruction | undefined {
  const flags = checkFlags(node, report);
  const transfer = readTransfer(node, flags, report);
  const from = flags.value("from");
  if (from?.text.includes("$") === true)
    report(
      "variable-not-expanded",
      from,
      "--from takes no variables",
      `Name a stage, FROM ${shownShort(from.text)} AS NAME, with the ARG before the first FROM; then use --from=NAME.`,
    );
  const parents = flags.switch("parents") === true;
  return transfer && { name: "COPY", node, ...transfer, from, parents };
}

export function readAdd(node: InstructionNode, report: Report): AddInstruction | undefined {
  const flags = checkFlags(node, report);
  const transfer = readTransfer(node, flags, report);
  const checksum = flags.value("checksum");
  const keepGitDirectory = flags.switch("keep-git-dir") === true;
  const unpack = flags.switch("unpack");
  return transfer && { name: "ADD", node, ...transfer, checksum, keepGitDirectory, unpack };
}

function readTransfer(
  node: InstructionNode,
  flags: CheckedFlags,
  report: Report,
): Transfer | undefined {
  const words = wordsOf(node.arguments);
  const usage = `${node.name} SOURCE… DESTINATION`;
  const destination = words.at(-1);
  if (destination === undefined)
    return reportMissing(node, "a source and a destination", usage, report);
  if (words.length === 1) {
    const found = quoted(destination.text);
    const expected = `a source and a destination, found only ${found}`;
    return reportMissing(node, expected, usage, report, destination);
  }
  const isJson = node.arguments.form === "json";
  if (!isJson && tryParseHeredocWord(destination.text) !== undefined) {
    const message = `${node.name} cannot write to a heredoc: the last word is the destination`;
    report("heredoc-misplaced", destination, message, `Write ${usage}.`);
    return undefined;
  }
  // In JSON form there are none.
  const heredocs = new Map(node.heredocs.map((heredoc) => [heredoc.delimiter, heredoc]));
  return {
    sources: words.slice(0, -1).map((word) => sourceOf(word, heredocs)),
    destination,
    chown: flags.value("chown"),
    chmod: flags.value("chmod"),
    link: flags.switch("link") === true,
    excludes: flags.values("exclude"),
  };
}

/** Two heredocs of one delimiter make one file; BuildKit takes the second for both. */
function sourceOf(word: Word, heredocs: ReadonlyMap<string, Heredoc>): CopySource {
  const announced = heredocs.size > 0 ? tryParseHeredocWord(word.text) : undefined;
  const heredoc = announced && heredocs.get(announced.delimiter);
  return heredoc === undefined ? { kind: "path", word } : { kind: "heredoc", word, heredoc };
}
