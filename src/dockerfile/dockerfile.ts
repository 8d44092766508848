/** A Dockerfile as a whole: its stages, and what is wrong with it. */
import { type ArgInstruction, type FromInstruction, type Instruction } from "./instruction.ts";
import { isKnown, readInstruction } from "./instructions/read.ts";
import { nearestInstruction } from "./instructions/unknown.ts";
import { parseSyntax } from "./parser.ts";
import { dockerfileInvalid, reportTo, type Problem, type Report } from "./problem.ts";
import { readSource, type SourceOptions } from "./source.ts";
import {
  type CheckOptions,
  type DirectiveName,
  type DirectiveNode,
  type InstructionNode,
  type SyntaxTree,
} from "./syntax.ts";

export interface Dockerfile {
  readonly syntax: SyntaxTree;
  /** The directives that are in force; bivy fetches nothing for `syntax`. */
  readonly directives: Readonly<Partial<Record<DirectiveName, DirectiveNode>>>;
  /** What the `check` directive sets. */
  readonly check: CheckOptions | undefined;
  /** ARG before the first FROM: for FROM itself, and for stages that declare them again. */
  readonly globals: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  /** All instructions that could be read, also those outside stages. */
  readonly instructions: readonly Instruction[];
  /** In the order of their places. */
  readonly problems: readonly Problem[];
}

export interface Stage {
  /** From 0, as `--from` counts. */
  readonly index: number;
  /** In lower case. */
  readonly name: string | undefined;
  readonly from: FromInstruction;
  /** What follows FROM. */
  readonly instructions: readonly Instruction[];
}

/**
 * Parses a Dockerfile for a build. Throws `dockerfile-invalid`, which tells of every error with line,
 * column and an excerpt; warnings remain in `problems`.
 */
export function parseDockerfile(input: string | Uint8Array, options: SourceOptions): Dockerfile {
  const dockerfile = readDockerfile(input, options);
  const { problems, syntax } = dockerfile;
  if (problems.some(({ severity }) => severity === "error"))
    throw dockerfileInvalid(syntax.source, problems);
  return dockerfile;
}

/**
 * Reads a Dockerfile with whatever is wrong in it, for tools that look at more than the first error:
 * the syntax tree is whole, and stages have the instructions that could be read. Throws only where the
 * input is too large or no text.
 */
export function readDockerfile(input: string | Uint8Array, options: SourceOptions): Dockerfile {
  const problems: Problem[] = [];
  const report = reportTo(problems);
  const syntax = parseSyntax(readSource(input, options), report);
  const directives: Partial<Record<DirectiveName, DirectiveNode>> = {};
  for (const node of syntax.nodes) if (node.kind === "directive") directives[node.name] = node;
  const nodes = syntax.nodes.filter((node) => node.kind === "instruction");
  reportOutside(nodes, report);
  const instructions = readInstructions(nodes, report);
  problems.sort((a, b) => a.offset - b.offset);
  const check = directives.check?.check;
  return { syntax, directives, check, ...divide(nodes, instructions), problems };
}

/** Before the first FROM there may be only ARG. */
function reportOutside(nodes: readonly InstructionNode[], report: Report): void {
  const [first] = nodes;
  if (first === undefined) return;
  const from = nodes.find(({ name }) => name === "FROM");
  const outside = nodes.find(({ name }) => isKnown(name) && name !== "ARG");
  if (from === undefined) {
    // A mistyped FROM is told of as such.
    const isMistyped = nodes.some(
      ({ name }) => !isKnown(name) && nearestInstruction(name) === "FROM",
    );
    if (isMistyped) return;
    report(
      "stage-missing",
      (outside ?? first).keyword,
      "expected FROM, found none in the file",
      "Begin with FROM and the image to build on, such as FROM alpine:3.22.",
    );
  } else if (outside !== from)
    report(
      "stage-missing",
      outside!.keyword,
      `${outside!.name} stands before the first FROM`,
      `Move it below line ${from.line}; only ARG may stand before it.`,
    );
}

function readInstructions(nodes: readonly InstructionNode[], report: Report): Instruction[] {
  return nodes.flatMap((node, index) => {
    const before = nodes[index - 1];
    // Of lines that are no instructions, such as those of a lost heredoc, the first one says it.
    const goesOn =
      before !== undefined && !isKnown(before.name) && before.endLine + 1 === node.line;
    if (goesOn && !isKnown(node.name) && nearestInstruction(node.name) === undefined) return [];
    return readInstruction(node, report, before) ?? [];
  });
}

/** Instructions below a FROM that could not be read belong to no stage. */
function divide(
  nodes: readonly InstructionNode[],
  instructions: readonly Instruction[],
): Pick<Dockerfile, "globals" | "stages" | "instructions"> {
  const globals: ArgInstruction[] = [];
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  const read = new Map(instructions.map((instruction) => [instruction.node, instruction]));
  let stage: (typeof stages)[number] | undefined;
  let isBelowFrom = false;
  for (const node of nodes) {
    const instruction = read.get(node);
    if (node.name === "FROM") {
      isBelowFrom = true;
      stage = undefined;
    }
    if (instruction?.name === "FROM") {
      const name = instruction.stageName?.text;
      stage = { index: stages.length, name, from: instruction, instructions: [] };
      stages.push(stage);
    } else if (instruction !== undefined) stage?.instructions.push(instruction);
    if (instruction?.name === "ARG" && !isBelowFrom) globals.push(instruction);
  }
  return { globals, stages, instructions };
}

/**
 * Reads an instruction that an image keeps for ONBUILD. Throws `dockerfile-invalid` where the text is
 * not one valid instruction.
 */
export function parseTrigger(expression: string, options: SourceOptions): Instruction {
  const problems: Problem[] = [];
  const report = reportTo(problems);
  const { nodes, source } = parseSyntax(readSource(expression, options), report);
  const [first, second] = nodes.filter((node) => node.kind === "instruction");
  const instruction = first && readInstruction(first, report);
  if (second !== undefined)
    report("argument-count", second.keyword, "expected one instruction, found another");
  if (instruction === undefined || problems.length > 0) throw dockerfileInvalid(source, problems);
  return instruction;
}
