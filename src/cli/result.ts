/** Results: the flags `--format` and `--output` of the commands that report something, and what they do. */
import { writeFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { fileError } from "../base/index.ts";
import { printResult } from "./term/streams.ts";

export interface ResultFlags<Format extends string = string> {
  readonly format: Format;
  /** The file that takes the result instead of standard output. */
  readonly output?: string;
}

/** The first of the formats is the default. */
export function addResultFlags(command: Command, formats: readonly [string, ...string[]]): Command {
  return command
    .addOption(
      new Option("--format <FORMAT>", "of the result").choices(formats).default(formats[0]),
    )
    .option("-o, --output <FILE>", "write the result to this file instead of standard output");
}

/** What JSON leaves as it is and a terminal would obey: C1 controls, separators, bidirectional controls. */
const unescaped = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A result as JSON; names from outside in it cannot disturb a terminal. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    unescaped,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Writes the result to where the flags say. */
export async function writeResult(text: string, { output }: ResultFlags): Promise<void> {
  if (output === undefined || output === "-") return printResult(text);
  try {
    await writeFile(output, text.endsWith("\n") ? text : `${text}\n`);
  } catch (error) {
    throw fileError(error, "writing", output);
  }
}
