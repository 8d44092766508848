/**
 * Live view: events on a terminal. What matters later scrolls up; what goes on is a block at the
 * bottom that is drawn over and over.
 *
 * The cursor always rests at the begin of the row below the block, and is hidden only within a
 * drawing, which is one write. So whatever ends the process, or is typed, finds the terminal as it
 * should be. To draw again is to go up as many rows as the block took, and write over it.
 */
import type { BivyEvent } from "../../base/index.ts";
import { displayWidth } from "./display-width.ts";
import { describeEvent } from "./event-line.ts";
import {
  layoutBlock,
  layoutFinished,
  tailLines,
  type BlockContent,
  type BlockSize,
  type ShownBuild,
  type ShownTransfer,
} from "./live-block.ts";
import type { Clock, Screen } from "./screen.ts";
import { formatFailedOutput, StepOutput } from "./step-output.ts";
import { titleOf, type OutputEvent, type StepEvent } from "./step-title.ts";
import { withoutControls } from "./streams.ts";

/** The least time between two drawings. */
const frameMilliseconds = 80;

interface LiveStep {
  readonly title: string;
  readonly startedAt: number;
  readonly output: StepOutput;
}

/** How far a stage is, as its steps say. */
interface StageCount {
  /** Steps before the first that was reported: what needs no work, such as FROM, is not. */
  readonly skipped: number;
  readonly total: number;
}

/** The build from its first step to `end`. */
interface LiveBuild {
  readonly startedAt: number;
  readonly running: Map<string, LiveStep>;
  readonly seen: Set<string>;
  readonly stages: Map<string, StageCount>;
  finished: number;
}

export class LiveView {
  readonly #screen: Screen;
  readonly #clock: Clock;
  readonly #transfers = new Map<string, ShownTransfer>();
  #build: LiveBuild | undefined;
  #status = "";
  /** Lines that stay, and are not written yet. */
  #waiting: string[] = [];
  #drawn: readonly string[] = [];
  #drawnAt = -Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(screen: Screen, clock: Clock) {
    this.#screen = screen;
    this.#clock = clock;
  }

  readonly report = (event: BivyEvent): void => {
    this.#take(event);
    this.#refresh();
  };

  /** Removes the block and forgets what went on. More events begin anew. */
  end(): void {
    this.#build = undefined;
    this.#transfers.clear();
    this.#status = "";
    this.#draw();
  }

  #take(event: BivyEvent): void {
    switch (event.type) {
      case "step":
        return this.#step(event);
      case "output":
        return this.#output(event);
      case "transfer":
        if (event.done) this.#transfers.delete(event.subject);
        else this.#transfers.set(event.subject, event);
        return;
      case "change":
        this.#status = `(${event.position}/${event.total}) ${event.text}`;
        return;
      case "verified":
        return event.link === "image" || event.link === "index" ? this.#print(event) : undefined;
      case "script":
        return event.outcome === "failed" ? this.#print(event) : undefined;
      default:
        return this.#print(event);
    }
  }

  #print(event: BivyEvent): void {
    const text = describeEvent(event);
    if (text === undefined) return;
    this.#status = "";
    this.#keep(text);
  }

  #keep(...texts: readonly string[]): void {
    this.#waiting.push(...texts.flatMap((text) => withoutControls(text).split("\n")));
  }

  #step(event: StepEvent): void {
    const { id, state } = event;
    const isRunning = this.#build?.running.has(id) === true;
    // What never began is not canceled either. A step that others did not wait for may report after
    // the end, where nobody wants to know.
    if (!isRunning && (state === "canceled" || state === "done")) return;
    const now = this.#clock.now();
    const build = (this.#build ??= newBuild(now));
    build.seen.add(id);
    countStage(build, event);
    const title = titleOf(event);
    if (state === "started") {
      build.running.set(id, { title, startedAt: now, output: new StepOutput() });
      return;
    }
    const step = build.running.get(id);
    build.running.delete(id);
    build.finished += 1;
    const time = event.milliseconds ?? (step === undefined ? undefined : now - step.startedAt);
    this.#keep(layoutFinished(title, state, time, this.#size()));
    if (state !== "failed" || step === undefined) return;
    step.output.flush();
    this.#keep(...formatFailedOutput(title, step.output));
  }

  #output(event: OutputEvent): void {
    this.#build?.running.get(event.step)?.output.take(event.stream, event.text);
  }

  /** Draws now, or soon if the last drawing was just now. */
  #refresh(): void {
    const wait = this.#drawnAt + frameMilliseconds - this.#clock.now();
    // Also where a timer waits: work that never pauses lets none run.
    if (wait <= 0) return this.#draw();
    if (this.#cancelTimer !== undefined) return;
    // Without a block there is nothing to draw over: a line is written as it comes.
    if (this.#drawn.length === 0 && this.#layout().length === 0) return this.#draw();
    this.#drawAfter(wait);
  }

  #drawAfter(milliseconds: number): void {
    this.#cancelTimer = this.#clock.after(milliseconds, () => {
      this.#cancelTimer = undefined;
      this.#draw();
    });
  }

  #draw(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const block = this.#layout();
    const frame = this.#frameOf(block);
    if (frame !== "") this.#screen.write(frame);
    if (block.length > 0) this.#drawnAt = this.#clock.now();
    this.#drawn = block;
    this.#waiting = [];
    // The times of a build go on while nothing is reported.
    if (this.#build !== undefined) this.#drawAfter(frameMilliseconds);
  }

  #frameOf(block: readonly string[]): string {
    const kept = this.#waiting.map((line) => `${line}\n`).join("");
    if (this.#drawn.length === 0 && block.length === 0) return kept;
    const up = rowsOf(this.#drawn, this.#screen.columns());
    const back = up === 0 ? "\r" : `\r\u001b[${up}A`;
    // Lines that stay may wrap over the rows of the old block, which goes first therefore. Else each
    // row is erased when its turn comes, which flickers less, and from its begin, so that a
    // terminal that wraps its lines anew forgets how long it was.
    const above = kept === "" ? "" : `\u001b[J${kept}`;
    const lines = block.map((line) => `\u001b[K${line}\n`).join("");
    return `\u001b[?25l${back}${above}${lines}\u001b[J\u001b[?25h`;
  }

  #layout(): readonly string[] {
    const size = this.#size();
    const build = this.#build && this.#shown(this.#build, size);
    const transfers = [...this.#transfers.values()];
    const content: BlockContent = { build, transfers, status: this.#status };
    return layoutBlock(content, size);
  }

  #shown({ startedAt, running, seen, stages, finished }: LiveBuild, size: BlockSize): ShownBuild {
    const now = this.#clock.now();
    const counts = [...stages.values()];
    const skipped = counts.reduce((sum, stage) => sum + stage.skipped, 0);
    const told = counts.reduce((sum, stage) => sum + stage.total, 0);
    return {
      milliseconds: now - startedAt,
      finished: finished + skipped,
      total: Math.max(seen.size + skipped, told),
      running: [...running.values()].map((step) => ({
        title: step.title,
        milliseconds: now - step.startedAt,
        tail: step.output.tail(tailLines(size)),
      })),
    };
  }

  #size(): BlockSize {
    return { columns: this.#screen.columns(), rows: this.#screen.rows() };
  }
}

function newBuild(startedAt: number): LiveBuild {
  return { startedAt, running: new Map(), seen: new Set(), stages: new Map(), finished: 0 };
}

/** Learns from `builder 2/5` how many steps there are; a stage without a position is one step. */
function countStage({ stages }: LiveBuild, { id, stage }: StepEvent): void {
  const match = /^(.*) (\d{1,6})\/(\d{1,6})$/.exec(stage);
  const [name, position, total] =
    match === null
      ? [`step ${id}`, 1, 1]
      : [`stage ${match[1]}`, Number(match[2]), Number(match[3])];
  if (!stages.has(name)) stages.set(name, { skipped: Math.max(0, position - 1), total });
}

/**
 * The rows that lines take now. Where the window became narrower since they were written, the
 * terminal has wrapped them.
 */
function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
}
