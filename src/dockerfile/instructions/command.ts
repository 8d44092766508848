/** RUN, CMD, ENTRYPOINT and SHELL: commands, and the shell that reads them. */
import { checkFlags } from "../flags.ts";
import { textOfHeredoc, tryParseHeredocWord } from "../heredoc.ts";
import {
  type Command,
  type CommandInstruction,
  type RunInstruction,
  type ShellInstruction,
} from "../instruction.ts";
import { checkMount } from "../mount.ts";
import { notOneOf, type Report } from "../problem.ts";
import { type Arguments, type InstructionNode, type Word } from "../syntax.ts";
import { reportMissing } from "./expectation.ts";

export function commandOf(read: Arguments): Command {
  if (read.form === "json") return { form: "exec", words: read.words };
  return { form: "shell", script: read.form === "text" ? read.text : undefined };
}

const networks = ["default", "none", "host"] as const;
const securities = ["sandbox", "insecure"] as const;

export function readRun(node: InstructionNode, report: Report): RunInstruction | undefined {
  const flags = checkFlags(node, report);
  const mounts = flags.values("mount");
  for (const mount of mounts) checkMount(mount, report);
  const network = choice(flags.value("network"), networks, "--network", report);
  const security = choice(flags.value("security"), securities, "--security", report);
  const command = commandOf(node.arguments);
  const isEmpty =
    command.form === "exec" ? command.words.length === 0 : command.script === undefined;
  if (isEmpty) return reportMissing(node, "a command", "RUN COMMAND", report);
  const devices = flags.values("device");
  const { heredocs } = node;
  return { name: "RUN", node, command, heredocs, mounts, network, security, devices };
}

function choice<Name extends string>(
  word: Word | undefined,
  choices: readonly [Name, ...Name[]],
  flag: string,
  report: Report,
): Name {
  const found = word === undefined ? choices[0] : choices.find((each) => each === word.text);
  if (found !== undefined) return found;
  report("flag-value", word!, notOneOf(flag, word!.text, choices));
  return choices[0];
}

/**
 * What a RUN instruction runs:
 * - `exec`: these words;
 * - `shell`: this text, handed to the shell as its script;
 * - `file`: a heredoc that is the whole command and names its interpreter, as an executable file whose
 *   path is handed to the shell.
 */
export type RunCommand =
  | { readonly form: "exec"; readonly words: readonly string[] }
  | { readonly form: "shell"; readonly script: string }
  | { readonly form: "file"; readonly fileName: string; readonly content: string };

/**
 * The command of a RUN instruction, as BuildKit makes it of text and heredocs. Variables in heredocs
 * are left to the shell.
 */
export function runCommandOf({ command, heredocs }: RunInstruction): RunCommand {
  if (command.form === "exec")
    return { form: "exec", words: command.words.map(({ text }) => text) };
  const text = command.script?.text ?? "";
  const [first] = heredocs;
  if (first === undefined) return { form: "shell", script: text };
  if (tryParseHeredocWord(text) === undefined) {
    const documents = heredocs.map(({ content, delimiter }) => `\n${content.text}${delimiter}`);
    return { form: "shell", script: text + documents.join("") };
  }
  const content = textOfHeredoc(first);
  return first.content.text.startsWith("#!")
    ? { form: "file", fileName: first.delimiter, content }
    : { form: "shell", script: content };
}

export function readCommand(node: InstructionNode, report: Report): CommandInstruction {
  checkFlags(node, report);
  return {
    name: node.name as CommandInstruction["name"],
    node,
    command: commandOf(node.arguments),
  };
}

export function readShell(node: InstructionNode, report: Report): ShellInstruction | undefined {
  checkFlags(node, report);
  const { arguments: read } = node;
  if (read.form === "json" && read.words.length > 0)
    return { name: "SHELL", node, words: read.words };
  const usage = 'SHELL ["/bin/sh", "-c"]';
  if (read.form !== "text") return reportMissing(node, "a shell", usage, report);
  report("json-required", read.text, "SHELL expects the JSON form", `Write ${usage}.`);
  return undefined;
}
