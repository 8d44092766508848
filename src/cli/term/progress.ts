/** Progress: events as a person or a program sees them, on standard error. */
import type { BivyEvent, EventSink } from "../../base/index.ts";
import { describeEvent } from "./event-line.ts";
import { LiveView } from "./live-view.ts";
import { PlainSteps } from "./plain-steps.ts";
import { errorScreen, systemClock, writeLine, type Clock, type Screen } from "./screen.ts";
import { formatFailedOutput, StepOutput } from "./step-output.ts";
import { titleOf } from "./step-title.ts";
import { isTerminal, paint } from "./streams.ts";

export { countOf, formatBytes } from "./quantity.ts";

export const progressModes = ["auto", "tty", "plain", "quiet", "json"] as const;
export type ProgressMode = (typeof progressModes)[number];

export interface Progress {
  readonly report: EventSink;
  /** Clears what is drawn on the terminal. */
  end(): void;
}

/** `auto` draws on a terminal and prints plain lines elsewhere. */
export function startProgress(
  mode: ProgressMode,
  screen: Screen = errorScreen,
  clock: Clock = systemClock,
): Progress {
  switch (mode) {
    case "quiet":
      return { report: quietReport(screen), end: () => {} };
    case "json":
      return { report: (event) => writeLine(screen, JSON.stringify(event)), end: () => {} };
    case "plain":
      return { report: new PlainSteps(screen, clock).report, end: () => {} };
    case "tty":
      return startLiveView(screen, clock);
    case "auto":
      return startProgress(canDraw() ? "tty" : "plain", screen, clock);
  }
}

/** Whether a line can be drawn over: not in a log, and not on a terminal that says that it is dumb. */
function canDraw(): boolean {
  const { CI, TERM } = process.env;
  return isTerminal() && CI === undefined && TERM !== "dumb";
}

function startLiveView(screen: Screen, clock: Clock): Progress {
  const view = new LiveView(screen, clock);
  // Work that nobody waits for any more may still report, and a second Ctrl-C ends the process at
  // once: what is drawn goes in any case.
  process.once("exit", () => view.end());
  return view;
}

/** Warnings, and what a failed step printed. */
function quietReport(screen: Screen): EventSink {
  const outputs = new Map<string, StepOutput>();
  const print = (text: string): void => writeLine(screen, text);
  return (event: BivyEvent) => {
    if (event.type === "warning") return print(describeEvent(event)!);
    if (event.type === "output")
      return void outputs.get(event.step)?.take(event.stream, event.text);
    if (event.type !== "step") return;
    const output = outputs.get(event.id);
    outputs.delete(event.id);
    if (event.state === "started") outputs.set(event.id, new StepOutput());
    if (event.state !== "failed") return;
    output?.flush();
    const lines = output === undefined ? [] : formatFailedOutput(titleOf(event), output);
    for (const line of lines) print(line);
    if (lines.length === 0) print(paint("red", `ERROR ${titleOf(event)}`));
  };
}
