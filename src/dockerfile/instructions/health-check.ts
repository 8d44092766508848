/** HEALTHCHECK: how a runtime finds out whether a container works. */
import { tryParseDuration } from "../duration.ts";
import { checkFlags } from "../flags.ts";
import { type HealthcheckInstruction } from "../instruction.ts";
import { type Report } from "../problem.ts";
import { quoted } from "../source.ts";
import { type InstructionNode, type Word } from "../syntax.ts";
import { commandOf } from "./command.ts";
import { reportMissing } from "./expectation.ts";

const usage = "HEALTHCHECK CMD COMMAND or HEALTHCHECK NONE";

export function readHealthcheck(
  node: InstructionNode,
  report: Report,
): HealthcheckInstruction | undefined {
  const { arguments: read } = node;
  if (read.form !== "check") return reportMissing(node, "CMD or NONE", usage, report);
  const type = read.type.text.toUpperCase();
  if (type === "NONE") {
    // BuildKit does not look at flags here.
    if (read.command.form === "none") return { name: "HEALTHCHECK", node, check: undefined };
    report("argument-count", read.type, "HEALTHCHECK NONE takes no arguments");
    return undefined;
  }
  const flags = checkFlags(node, report);
  if (type !== "CMD") {
    const message = `HEALTHCHECK expects CMD or NONE, found ${quoted(read.type.text)}`;
    report("argument-invalid", read.type, message, `Write ${usage}.`);
    return undefined;
  }
  const { command } = read;
  if (command.form === "none" || (command.form === "json" && command.words.length === 0))
    return reportMissing(node, "a command after CMD", usage, report, read.type);
  const duration = (name: string) => readDuration(flags.value(name), name, report);
  const check = {
    command: commandOf(command),
    interval: duration("interval"),
    timeout: duration("timeout"),
    startPeriod: duration("start-period"),
    startInterval: duration("start-interval"),
    retries: readRetries(flags.value("retries"), report),
  };
  return { name: "HEALTHCHECK", node, check };
}

const shortest = 1e6;

/** Nanoseconds; 0 where nothing is given. */
function readDuration(word: Word | undefined, name: string, report: Report): number {
  if (word === undefined || word.text === "") return 0;
  const duration = tryParseDuration(word.text);
  if (duration === undefined)
    report(
      "flag-value",
      word,
      `--${name} expects a duration, found ${quoted(word.text)}`,
      "Write a number and a unit, such as 30s, 1m30s or 500ms.",
    );
  else if (duration !== 0 && duration < shortest)
    report("flag-value", word, `--${name} expects 0 or at least 1ms, found ${quoted(word.text)}`);
  else if (duration > Number.MAX_SAFE_INTEGER)
    report("flag-value", word, `--${name} expects at most 2500h, found ${quoted(word.text)}`);
  else return duration;
  return 0;
}

function readRetries(word: Word | undefined, report: Report): number {
  if (word === undefined || word.text === "") return 0;
  const retries = /^\+?\d{1,10}$/.test(word.text) ? Number(word.text) : Number.NaN;
  if (retries <= 0x7fff_ffff) return retries;
  report("flag-value", word, `--retries expects a number, found ${quoted(word.text)}`);
  return 0;
}
