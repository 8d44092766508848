/** EXPOSE, VOLUME, USER, WORKDIR, STOPSIGNAL and MAINTAINER: settings of the image. */
import { checkFlags } from "../flags.ts";
import {
  type ExposeInstruction,
  type TextInstruction,
  type VolumeInstruction,
} from "../instruction.ts";
import { trimSpaces } from "../lexer.ts";
import { type Report } from "../problem.ts";
import { type InstructionNode } from "../syntax.ts";
import { reportMissing, wordsOf } from "./expectation.ts";

export function readExpose(node: InstructionNode, report: Report): ExposeInstruction | undefined {
  checkFlags(node, report);
  const ports = wordsOf(node.arguments);
  if (ports.length === 0) return reportMissing(node, "a port", "EXPOSE PORT[/PROTOCOL]", report);
  return { name: "EXPOSE", node, ports };
}

export function readVolume(node: InstructionNode, report: Report): VolumeInstruction | undefined {
  checkFlags(node, report);
  const words = wordsOf(node.arguments);
  if (words.length === 0) return reportMissing(node, "a path", "VOLUME PATH", report);
  const paths = words.map((word) => ({ ...word, text: trimSpaces(word.text) }));
  const empty = paths.find(({ text }) => text === "");
  if (empty === undefined) return { name: "VOLUME", node, paths };
  report("argument-invalid", empty, "VOLUME expects a path, found an empty one");
  return undefined;
}

const expectations: Readonly<Record<TextInstruction["name"], readonly [string, string]>> = {
  MAINTAINER: ["a name", "LABEL org.opencontainers.image.authors=NAME instead"],
  STOPSIGNAL: ["a signal", "STOPSIGNAL SIGNAL"],
  USER: ["a user", "USER USER[:GROUP]"],
  WORKDIR: ["a path", "WORKDIR PATH"],
};

export function readText(node: InstructionNode, report: Report): TextInstruction | undefined {
  checkFlags(node, report);
  const name = node.name as TextInstruction["name"];
  if (node.arguments.form === "text") return { name, node, text: node.arguments.text };
  const [expected, usage] = expectations[name];
  return reportMissing(node, expected, usage, report);
}
