/**
 * Step output: what the command of a step printed, as lines that are safe to show.
 *
 * A command writes for a terminal of its own: it colours, moves the cursor, and draws bars by going
 * back to the begin of the line. Here it shares the terminal with others, so of each line only what
 * would be visible at its end is kept, without any sequence that a terminal obeys.
 */
import { displayWidth } from "./display-width.ts";
import { countOf } from "./quantity.ts";
import { printable } from "./streams.ts";

/** Characters after which a line is broken, for a command may never end it. */
const longestLine = 8192;

/** How much is kept for the case that the step fails. */
const keptCharacters = 64 * 1024;
const keptLines = 2000;

type Stream = "stdout" | "stderr";

/** The output of one step: it grows, but what it keeps is bounded. */
export class StepOutput {
  readonly #unfinished: Record<Stream, string> = { stdout: "", stderr: "" };
  readonly #lines: string[] = [];
  #characters = 0;
  #elided = 0;

  /** Takes in what came, and gives the lines that it completed. */
  take(stream: Stream, text: string): readonly string[] {
    const parts = (this.#unfinished[stream] + text).split("\n");
    const rest = parts.pop()!;
    const begun = visiblePart(rest);
    const lines = parts.map(visiblePart);
    if (begun.length > longestLine) lines.push(begun);
    // The carriage return at the end belongs to a line feed that may come, or to the next part.
    const carriage = rest.endsWith("\r") && begun !== "" ? "\r" : "";
    this.#unfinished[stream] = begun.length > longestLine ? "" : begun + carriage;
    return this.#keep(lines);
  }

  /** Ends the lines that are begun, and gives them. */
  flush(): readonly string[] {
    const begun = this.#begun();
    this.#unfinished.stdout = "";
    this.#unfinished.stderr = "";
    return this.#keep(begun);
  }

  /** The last lines that are not blank, with those that are only begun. */
  tail(count: number): readonly string[] {
    const tail = this.#begun().flatMap(cleanLines);
    for (let at = this.#lines.length - 1; at >= 0 && tail.length < count; at -= 1)
      if (this.#lines[at]!.trim() !== "") tail.unshift(this.#lines[at]!);
    return tail.slice(-count);
  }

  /** The last lines that are kept, and how many came before them. */
  kept(): { readonly elided: number; readonly lines: readonly string[] } {
    return { elided: this.#elided, lines: this.#lines };
  }

  #begun(): string[] {
    const { stdout, stderr } = this.#unfinished;
    return [stdout, stderr].map(visiblePart).filter((text) => text.trim() !== "");
  }

  #keep(raw: readonly string[]): readonly string[] {
    const lines = raw.flatMap(cleanLines);
    for (const line of lines) {
      this.#lines.push(line);
      this.#characters += line.length + 1;
    }
    while (this.#characters > keptCharacters || this.#lines.length > keptLines) {
      this.#characters -= this.#lines.shift()!.length + 1;
      this.#elided += 1;
    }
    return lines;
  }
}

/** What the last carriage return left visible. */
function visiblePart(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === "\r") end -= 1;
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
}

/**
 * Sequences that a terminal obeys (ECMA-48): control sequences, strings such as titles up to their
 * terminator, and escapes of one character. Each alternative runs once over what it matches.
 */
const sequences =
  // oxlint-disable-next-line no-control-regex
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g;

/** A line without sequences and tabs; a very long one in pieces. */
function cleanLines(line: string): string[] {
  const clean = printable(expandTabs(line.replace(sequences, "")));
  if (clean.length <= longestLine) return [clean];
  const pieces: string[] = [];
  for (let start = 0; start < clean.length;) {
    const end = start + longestLine;
    const isPair = /[\ud800-\udbff]/.test(clean[end - 1] ?? "");
    pieces.push(clean.slice(start, isPair ? end - 1 : end));
    start = isPair ? end - 1 : end;
  }
  return pieces;
}

/** Lines stand behind a prefix, where a tab would not go to the column that was meant. */
function expandTabs(line: string): string {
  if (!line.includes("\t")) return line;
  let column = 0;
  const parts = line.split("\t").map((part, at, all) => {
    column += displayWidth(part);
    if (at === all.length - 1) return part;
    const spaces = 8 - (column % 8);
    column += spaces;
    return part + " ".repeat(spaces);
  });
  return parts.join("");
}

/** The output of a step that failed, framed, as lines; nothing for a step that printed nothing. */
export function formatFailedOutput(title: string, output: StepOutput): readonly string[] {
  const { elided, lines } = output.kept();
  if (lines.length === 0) return [];
  const more = elided === 0 ? [] : [`… ${countOf(elided, "earlier line")} left out`];
  return ["------", ` > ${title}:`, ...more, ...lines, "------"];
}
