/** Progress: events as a person or a program sees them, on standard error. */
import type { BivyEvent, EventSink } from "../../base/index.ts";
import {
  isTerminal,
  paint,
  printNote,
  terminalWidth,
  withoutControls,
  writeRaw,
} from "./streams.ts";

export const progressModes = ["auto", "tty", "plain", "quiet", "json"] as const;
export type ProgressMode = (typeof progressModes)[number];

export interface Progress {
  readonly report: EventSink;
  /** Clears what is drawn on the terminal. */
  end(): void;
}

/** `auto` draws on a terminal and prints plain lines elsewhere. */
export function startProgress(mode: ProgressMode): Progress {
  switch (mode) {
    case "quiet":
      return {
        report: (event) => void (event.type === "warning" && printLine(event)),
        end: () => {},
      };
    case "json":
      return { report: (event) => printNote(JSON.stringify(event)), end: () => {} };
    case "plain":
      return { report: printLine, end: () => {} };
    case "tty":
      return new TerminalProgress();
    case "auto":
      return startProgress(canDraw() ? "tty" : "plain");
  }
}

/** Whether a line can be drawn over: not in a log, and not on a terminal that says that it is dumb. */
function canDraw(): boolean {
  const { CI, TERM } = process.env;
  return isTerminal() && CI === undefined && TERM !== "dumb";
}

function printLine(event: BivyEvent): void {
  const text = describeEvent(event);
  if (text !== undefined) printNote(text);
}

/** One line for an event; undefined for those that only a bar shows. */
function describeEvent(event: BivyEvent): string | undefined {
  switch (event.type) {
    case "transfer":
      return event.done
        ? `transferred ${event.subject} (${formatBytes(event.received)})`
        : undefined;
    case "retry":
      return `retrying ${event.subject} (attempt ${event.attempt}) after ${event.waitMilliseconds} ms: ${event.reason}`;
    case "verified":
      return `${paint("green", "verified")} ${event.link} ${event.subject}: ${event.detail}`;
    case "change":
      return `(${event.position}/${event.total}) ${event.text}`;
    case "script":
      return describeScript(event);
    case "phase":
      return paint("bold", event.text);
    case "warning":
      return `${paint("yellow", "warning:")} ${event.text}${event.hint === undefined ? "" : `\n  ${event.hint}`}`;
  }
}

function describeScript(event: Extract<BivyEvent, { type: "script" }>): string | undefined {
  if (event.outcome === "started") return `Executing ${event.subject}`;
  if (event.outcome === "skipped") return undefined;
  const output = event.output?.trim() ?? "";
  const said = output === "" ? "" : `\n${output.replaceAll(/^/gm, "  | ")}`;
  return `${paint("yellow", "warning:")} ${event.subject} failed: ${event.detail ?? ""}${said}`;
}

/** A number with its noun, as in `1 package`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const units = ["B", "KiB", "MiB", "GiB"];

export function formatBytes(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** One line at the bottom that changes; what matters later scrolls above it. */
class TerminalProgress implements Progress {
  readonly #transfers = new Map<string, { received: number; total?: number }>();
  #line = "";
  #drawnAt = 0;

  readonly report: EventSink = (event) => {
    switch (event.type) {
      case "transfer":
        if (event.done) this.#transfers.delete(event.subject);
        else this.#transfers.set(event.subject, event);
        return this.#drawTransfers();
      case "change":
        return this.#draw(`(${event.position}/${event.total}) ${event.text}`);
      case "verified":
        return event.link === "image" || event.link === "index" ? this.#print(event) : undefined;
      case "script":
        return event.outcome === "failed" ? this.#print(event) : undefined;
      default:
        return this.#print(event);
    }
  };

  end(): void {
    this.#clear();
  }

  #print(event: BivyEvent): void {
    this.#clear();
    printLine(event);
  }

  #drawTransfers(): void {
    const now = performance.now();
    if (now - this.#drawnAt < 50) return;
    this.#drawnAt = now;
    const active = [...this.#transfers].map(([subject, { received, total }]) =>
      total === undefined
        ? `${subject} ${formatBytes(received)}`
        : `${subject} ${Math.floor((100 * received) / Math.max(1, total))}%`,
    );
    if (active.length > 0) this.#draw(`transferring ${active.join(", ")}`);
  }

  #draw(text: string): void {
    const width = terminalWidth() - 1;
    const plain = withoutControls(text).replaceAll("\n", " ");
    this.#line = plain.length > width ? `${plain.slice(0, width - 1)}…` : plain;
    writeRaw(`\r\u001b[K${this.#line}`);
  }

  #clear(): void {
    if (this.#line !== "") writeRaw("\r\u001b[K");
    this.#line = "";
  }
}
