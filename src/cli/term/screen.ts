/** The screen that progress is drawn on, and the clock it goes by; a test brings its own. */
import { terminalWidth, withoutControls, writeRaw } from "./streams.ts";

export interface Screen {
  write(text: string): void;
  /** Asked anew for each drawing, for a window changes its size. */
  columns(): number;
  rows(): number;
}

export interface Clock {
  /** Milliseconds from some point in the past; never goes back. */
  now(): number;
  /** Does the work later, unless what it returns is called before. */
  after(milliseconds: number, work: () => void): () => void;
}

/** A terminal that does not know its size says 0, or nothing. */
export const errorScreen: Screen = {
  write: writeRaw,
  columns: () => terminalWidth() || 80,
  rows: () => process.stderr.rows || 24,
};

/** Nobody stays only to see a drawing: what waits does not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};

/** Lines that stay, free of what a terminal would obey. */
export function writeLine(screen: Screen, text: string): void {
  screen.write(`${withoutControls(text)}\n`);
}
