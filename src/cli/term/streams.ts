/** Streams: results go to standard output, all else to standard error. */

/** A result, with a line end. */
export function printResult(text: string): void {
  write(process.stdout, text.endsWith("\n") ? text : `${text}\n`);
}

/** Something beside the result. */
export function printNote(text: string): void {
  write(process.stderr, `${withoutControls(text)}\n`);
}

/** Control characters, and the colours that `paint` makes of them. */
// oxlint-disable-next-line no-control-regex
const controls = /\u001b\[(?:[012]|3[123])m|[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

/**
 * Text without what a terminal would obey. Scripts and servers write some of it: it could clear what
 * was said before, or type for the user.
 */
export function withoutControls(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(controls, (found) => (found.length > 1 ? found : "\ufffd"));
}

/** What could disturb a line, or turn it around (Unicode's bidirectional controls). */
// oxlint-disable-next-line no-control-regex
const disturbing = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** A name from outside, such as a file's or an image's, as a result shows it: on one line. */
export function printable(text: string): string {
  return text.replace(disturbing, "\ufffd");
}

/** A result that is not text, as fast as its reader takes it. */
export async function writeResultBytes(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const chunk of chunks)
    if (!abandoned.has(process.stdout))
      await new Promise<void>((done) => void process.stdout.write(chunk, () => done()));
}

export function writeRaw(text: string): void {
  write(process.stderr, text);
}

export function isTerminal(): boolean {
  return process.stderr.isTTY === true;
}

/** Whether a person reads the results. */
export function isResultTerminal(): boolean {
  return process.stdout.isTTY === true;
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
    if (abandoned.has(stream)) return;
    abandoned.add(stream);
    if (error.code === "EPIPE") return;
    // A full disk, for one: a script that keeps the output must not take it for complete.
    process.on("exit", () => (process.exitCode = 3));
    if (stream === process.stdout)
      printNote(`${paint("red", "error:")} standard output: writing failed: ${error.message}`);
  });

/** Colours, where the terminal has them and the user has not declined (https://no-color.org). */
export function paint(style: "bold" | "dim" | "red" | "yellow" | "green", text: string): string {
  if (!isTerminal() || (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb")
    return text;
  const code = { bold: 1, dim: 2, red: 31, yellow: 33, green: 32 }[style];
  return `\u001b[${code}m${text}\u001b[0m`;
}
