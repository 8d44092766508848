/** ONBUILD: an instruction that an image keeps for those who build on it. */
import { checkFlags } from "../flags.ts";
import { type Instruction, type OnbuildInstruction } from "../instruction.ts";
import { type Report } from "../problem.ts";
import { type InstructionNode } from "../syntax.ts";
import { reportMissing } from "./expectation.ts";

const forbidden: ReadonlySet<string> = new Set(["FROM", "MAINTAINER", "ONBUILD"]);

/** `read` reads the instruction within. */
export function readOnbuild(
  node: InstructionNode,
  report: Report,
  read: (node: InstructionNode, report: Report) => Instruction | undefined,
): OnbuildInstruction | undefined {
  checkFlags(node, report);
  if (node.arguments.form !== "trigger")
    return reportMissing(node, "an instruction", "ONBUILD INSTRUCTION", report);
  const { instruction } = node.arguments;
  if (forbidden.has(instruction.name)) {
    report("trigger-not-allowed", instruction.keyword, `ONBUILD cannot keep ${instruction.name}`);
    return undefined;
  }
  const trigger = read(instruction, report);
  return trigger && { name: "ONBUILD", node, trigger, expression: expressionOf(node) };
}

function expressionOf({ logical, heredocs }: InstructionNode): string {
  const documents = heredocs.map(({ content, delimiter }) => `\n${content.text}${delimiter}`);
  return logical.text.replace(/^\s*ONBUILD\s*/i, "") + documents.join("");
}
