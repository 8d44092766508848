/** Unknown instructions: what a line that begins with no keyword was probably meant to be. */
import { nearestName } from "../../base/index.ts";
import { type Report } from "../problem.ts";
import { quoted } from "../source.ts";
import { instructionNames, type InstructionName, type InstructionNode } from "../syntax.ts";

/** The instruction that a keyword is a slip of; in a word of two letters most slips are none. */
export function nearestInstruction(keyword: string): InstructionName | undefined {
  return keyword.length > 2
    ? (nearestName(keyword, instructionNames) as InstructionName | undefined)
    : undefined;
}

export function reportUnknown(
  node: InstructionNode,
  before: InstructionNode | undefined,
  report: Report,
): void {
  const { keyword, name } = node;
  if (name === "") {
    report("unknown-instruction", keyword, "expected an instruction, found nothing to continue");
    return;
  }
  const near = nearestInstruction(name);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  const message = `unknown instruction ${quoted(keyword.text)}${meant}`;
  report("unknown-instruction", keyword, message, hintFor(node, before, near));
}

function hintFor(
  { name, line }: InstructionNode,
  before: InstructionNode | undefined,
  near: string | undefined,
): string | undefined {
  const glued = instructionNames.find(
    (each) => name.startsWith(each) && /^\s/.test(name.slice(each.length)),
  );
  if (glued !== undefined)
    return `The space after ${glued} is an unusual one, such as a no-break space; type a plain one.`;
  if (near !== undefined || before === undefined) return undefined;
  if (before.heredocs.length === 0 && before.logical.text.includes("<<"))
    return (
      `The << in the instruction of line ${before.line} announces no heredoc: it must begin a word of RUN, COPY ` +
      "or ADD, outside quotes and JSON, with the delimiter right after it; and the line must have no quote " +
      "without its end, and no ${…} that only a shell knows."
    );
  if (before.endLine + 1 !== line) return undefined;
  return before.heredocs.length > 0
    ? `The heredoc above ends in line ${before.endLine}; nothing of the command can follow it.`
    : `If it belongs to the instruction above, end line ${before.endLine} with a backslash.`;
}
