/** Results: the flags `--format` and `--output` of the commands that report something, and what they do. */
import { open, rm, type FileHandle } from "node:fs/promises";
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

/** Writes the result to where the flags say. No file is left with half of one: it would be taken for whole. */
export async function writeResult(text: string, { output }: ResultFlags): Promise<void> {
  if (output === undefined || output === "-") return printResult(text);
  try {
    const file = await open(output, "w");
    await writeWhole(file, output, text.endsWith("\n") ? text : `${text}\n`);
  } catch (error) {
    throw fileError(error, "writing", output);
  }
}

async function writeWhole(file: FileHandle, path: string, text: string): Promise<void> {
  const isRegular = (await file.stat()).isFile();
  try {
    await file.writeFile(text).finally(() => file.close());
  } catch (error) {
    // Its own error is nothing to the one that is told.
    if (isRegular) await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}
