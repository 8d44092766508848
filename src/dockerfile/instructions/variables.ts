/** ENV, LABEL and ARG: variables and labels. */
import { checkFlags } from "../flags.ts";
import { type ArgInstruction, type AssignmentInstruction } from "../instruction.ts";
import { type Report } from "../problem.ts";
import { type InstructionNode, type Word } from "../syntax.ts";
import { reportMissing } from "./expectation.ts";

export function readAssignment(
  node: InstructionNode,
  report: Report,
): AssignmentInstruction | undefined {
  checkFlags(node, report);
  if (node.arguments.form !== "assignments")
    return reportMissing(node, "NAME=VALUE", `${node.name} NAME=VALUE`, report);
  const assignments = node.arguments.assignments.filter(({ name }) => hasName(node, name, report));
  return { name: node.name as AssignmentInstruction["name"], node, assignments };
}

export function readArg(node: InstructionNode, report: Report): ArgInstruction | undefined {
  checkFlags(node, report);
  if (node.arguments.form !== "declarations")
    return reportMissing(node, "a name", "ARG NAME or ARG NAME=DEFAULT", report);
  const declarations = node.arguments.declarations.filter(({ name }) =>
    hasName(node, name, report),
  );
  return { name: "ARG", node, declarations };
}

function hasName(node: InstructionNode, name: Word, report: Report): boolean {
  if (name.text !== "") return true;
  report("assignment-invalid", name, `${node.name} expects a name before the =`);
  return false;
}
