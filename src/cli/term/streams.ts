/** Streams: results go to standard output, all else to standard error. */

/** A result, with a line end. */
export function printResult(text: string): void {
  write(process.stdout, text.endsWith("\n") ? text : `${text}\n`);
}

/** Something beside the result. */
export function printNote(text: string): void {
  write(process.stderr, `${text}\n`);
}

export function writeRaw(text: string): void {
  write(process.stderr, text);
}

export function isTerminal(): boolean {
  return process.stderr.isTTY === true;
}

/** Columns of the terminal; 80 where there is none. */
export function terminalWidth(): number {
  return process.stderr.columns ?? 80;
}

/** Streams whose reader went away (`| head`): nobody misses the rest, but the work is done to its end. */
const abandoned = new Set<NodeJS.WriteStream>();

function write(stream: NodeJS.WriteStream, text: string): void {
  if (!abandoned.has(stream)) stream.write(text);
}

for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    abandoned.add(stream);
  });

/** Colours, where the terminal has them and the user has not declined (https://no-color.org). */
export function paint(style: "bold" | "dim" | "red" | "yellow" | "green", text: string): string {
  if (!isTerminal() || (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb")
    return text;
  const code = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32 }[style];
  return `\u001b[${code}m${text}\u001b[0m`;
}
