/**
 * Live block: the lines at the bottom of a terminal that tell what goes on, and those that finished
 * steps leave above it, in the form of BuildKit's progress. All of it is laid out to fit.
 */
import { cutToWidth, displayWidth } from "./display-width.ts";
import { formatBytes, formatDuration } from "./quantity.ts";
import { oneLine } from "./step-title.ts";
import { paint } from "./streams.ts";

export interface BlockSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ShownStep {
  readonly title: string;
  readonly milliseconds: number;
  /** The last lines of its output, as many as `tailLines` says. */
  readonly tail: readonly string[];
}

export interface ShownTransfer {
  readonly subject: string;
  readonly received: number;
  readonly total?: number;
}

export interface ShownBuild {
  readonly milliseconds: number;
  readonly finished: number;
  readonly total: number;
  readonly running: readonly ShownStep[];
}

export interface BlockContent {
  /** Undefined for work that has no steps. */
  readonly build: ShownBuild | undefined;
  readonly transfers: readonly ShownTransfer[];
  /** A change that is made; empty for none. */
  readonly status: string;
}

const mostTransfers = 3;

/** A time at the far right of a very wide window would not be seen as belonging to its step. */
const widestRow = 120;

/** How many lines of output each step may show: fewer where the window is low. */
export function tailLines({ rows }: BlockSize): number {
  return Math.max(1, Math.min(5, Math.floor(rows / 4)));
}

/**
 * The lines of the block: at most one less than the window has rows, each at least a column narrower
 * than it, so that neither scrolls nor wraps.
 */
export function layoutBlock(content: BlockContent, size: BlockSize): readonly string[] {
  const { build, transfers, status } = content;
  if (build === undefined) return layoutLine(transfers, status, size);
  let room = Math.max(0, size.rows - 2);
  const steps = fold(build.running, room);
  room -= steps.shown.length + (steps.hidden > 0 ? 1 : 0);
  const moved = fold(transfers, Math.min(room, mostTransfers));
  room -= moved.shown.length + (moved.hidden > 0 ? 1 : 0);
  const changes = status !== "" && room > 0 ? [row(` => => ${oneLine(status)}`, "", size)] : [];
  room -= changes.length;
  const tails = shareRoom(steps.shown, room);
  return [
    headerOf(build, size),
    ...steps.shown.flatMap((step, at) => layoutStep(step, tails[at]!, size)),
    ...more(steps.hidden, "steps", size),
    ...moved.shown.map((each) => layoutTransfer(each, size)),
    ...more(moved.hidden, "transfers", size),
    ...changes,
  ];
}

/** Work without steps is one line. */
function layoutLine(
  transfers: readonly ShownTransfer[],
  status: string,
  { columns }: BlockSize,
): readonly string[] {
  const active = transfers.map(({ subject, received, total }) =>
    total === undefined
      ? `${subject} ${formatBytes(received)}`
      : `${subject} ${Math.floor((100 * received) / Math.max(1, total))}%`,
  );
  const text = active.length > 0 ? `transferring ${active.join(", ")}` : status;
  return text === "" ? [] : [cutToWidth(oneLine(text), columns - 1)];
}

function headerOf({ milliseconds, finished, total }: ShownBuild, { columns }: BlockSize): string {
  const text = `[+] Building ${formatDuration(milliseconds)} (${finished}/${total})`;
  return paint("bold", cutToWidth(text, columns - 1));
}

/** What has room, the last line kept for saying how many have not. */
function fold<T>(
  all: readonly T[],
  room: number,
): { readonly shown: readonly T[]; readonly hidden: number } {
  if (room <= 0) return { shown: [], hidden: 0 };
  const shown = all.length <= room ? all : all.slice(0, room - 1);
  return { shown, hidden: all.length - shown.length };
}

function more(count: number, what: string, size: BlockSize): readonly string[] {
  return count === 0 ? [] : [paint("dim", row(` => … and ${count} more ${what}`, "", size))];
}

/** Lines of output for each step: one to each in turn, until the room is used up. */
function shareRoom(steps: readonly ShownStep[], room: number): readonly number[] {
  const shares = steps.map(() => 0);
  let left = room;
  for (let level = 1; left > 0 && steps.some(({ tail }) => tail.length >= level); level += 1)
    for (const [at, { tail }] of steps.entries())
      if (tail.length >= level && left > 0) {
        shares[at] = level;
        left -= 1;
      }
  return shares;
}

function layoutStep(
  { title, milliseconds, tail }: ShownStep,
  share: number,
  size: BlockSize,
): readonly string[] {
  const lines = share === 0 ? [] : tail.slice(-share);
  return [
    row(` => ${title}`, formatDuration(milliseconds), size),
    ...lines.map((line) => paint("dim", cutToWidth(` => => # ${line}`, size.columns - 1))),
  ];
}

function layoutTransfer({ subject, received, total }: ShownTransfer, size: BlockSize): string {
  const amount = formatBytes(received);
  const right = total === undefined ? amount : `${amount} / ${formatBytes(total)}`;
  return row(` => => ${oneLine(subject)}`, right, size);
}

export type Outcome = "done" | "cached" | "failed" | "canceled";

/** The line that a finished step leaves. */
export function layoutFinished(
  title: string,
  outcome: Outcome,
  milliseconds: number | undefined,
  size: BlockSize,
): string {
  const time = milliseconds === undefined ? "" : formatDuration(milliseconds);
  const line = (word: string): string => row(` => ${word}${title}`, time, size);
  switch (outcome) {
    case "done":
      return line("");
    case "cached":
      return paint("green", line("CACHED "));
    case "failed":
      return paint("red", line("ERROR "));
    case "canceled":
      return paint("yellow", line("CANCELED "));
  }
}

/** A text on the left, cut where it must be, and another on the right, if there is room for it. */
function row(left: string, right: string, { columns }: BlockSize): string {
  const width = Math.min(columns - 1, widestRow);
  const room = width - displayWidth(right) - 2;
  if (right === "" || room < 12) return cutToWidth(left, width);
  const text = cutToWidth(left, room);
  return `${text}${" ".repeat(room - displayWidth(text) + 2)}${right}`;
}
