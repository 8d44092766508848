/** Reading an instruction: from what the parser saw to a typed value. */
import { type Instruction } from "../instruction.ts";
import { type Report } from "../problem.ts";
import { type InstructionName, type InstructionNode } from "../syntax.ts";
import { readCommand, readRun, readShell } from "./command.ts";
import { readFrom } from "./from.ts";
import { readHealthcheck } from "./health-check.ts";
import { readOnbuild } from "./onbuild.ts";
import { readExpose, readText, readVolume } from "./settings.ts";
import { readAdd, readCopy } from "./transfer.ts";
import { reportUnknown } from "./unknown.ts";
import { readArg, readAssignment } from "./variables.ts";

type Reader = (node: InstructionNode, report: Report) => Instruction | undefined;

const readers: Readonly<Record<InstructionName, Reader>> = {
  ADD: readAdd,
  ARG: readArg,
  CMD: readCommand,
  COPY: readCopy,
  ENTRYPOINT: readCommand,
  ENV: readAssignment,
  EXPOSE: readExpose,
  FROM: readFrom,
  HEALTHCHECK: readHealthcheck,
  LABEL: readAssignment,
  MAINTAINER: readText,
  ONBUILD: (node, report) => readOnbuild(node, report, readInstruction),
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readText,
  USER: readText,
  VOLUME: readVolume,
  WORKDIR: readText,
};

/**
 * Reads an instruction and reports what is wrong with it; undefined where that leaves nothing to go
 * by. `before` is the instruction before it in the file.
 */
export function readInstruction(
  node: InstructionNode,
  report: Report,
  before?: InstructionNode,
): Instruction | undefined {
  if (isKnown(node.name)) return readers[node.name](node, report);
  reportUnknown(node, before, report);
  return undefined;
}

export function isKnown(name: string): name is InstructionName {
  return Object.hasOwn(readers, name);
}
