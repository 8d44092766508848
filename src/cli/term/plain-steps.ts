/**
 * Plain steps: a build as lines of a log, in the form of BuildKit's plain progress. Each line begins
 * with the number of its step, since steps that run at the same time mix.
 */
import type { BivyEvent } from "../../base/index.ts";
import { describeEvent } from "./event-line.ts";
import { writeLine, type Clock, type Screen } from "./screen.ts";
import { StepOutput } from "./step-output.ts";
import { titleOf, type OutputEvent, type StepEvent } from "./step-title.ts";
import { paint } from "./streams.ts";

/** Lines after which a reader no longer knows what a number stands for. */
const linesToRemember = 20;

interface PlainStep {
  readonly number: number;
  readonly title: string;
  readonly startedAt: number;
  readonly output: StepOutput;
  /** How many lines were printed when its title was printed last. */
  titledAt: number;
}

export class PlainSteps {
  readonly #screen: Screen;
  readonly #clock: Clock;
  readonly #numbers = new Map<string, number>();
  readonly #running = new Map<string, PlainStep>();
  #printed = 0;
  #last: PlainStep | undefined;

  constructor(screen: Screen, clock: Clock) {
    this.#screen = screen;
    this.#clock = clock;
  }

  readonly report = (event: BivyEvent): void => {
    if (event.type === "step") return this.#step(event);
    if (event.type === "output") return this.#output(event);
    const text = describeEvent(event);
    if (text !== undefined) this.#print(text);
  };

  #step(event: StepEvent): void {
    const { id, state } = event;
    // What never began is not canceled either.
    if (state === "canceled" && !this.#running.has(id)) return;
    const step = this.#running.get(id) ?? this.#begin(event);
    if (state === "started") return;
    this.#running.delete(id);
    this.#printOutput(step, step.output.flush());
    this.#turnTo(step);
    this.#print(`#${step.number} ${this.#outcome(event, step)}`);
  }

  #begin(event: StepEvent): PlainStep {
    const number = this.#numbers.get(event.id) ?? this.#numbers.size + 1;
    this.#numbers.set(event.id, number);
    const step: PlainStep = {
      number,
      title: titleOf(event),
      startedAt: this.#clock.now(),
      output: new StepOutput(),
      titledAt: 0,
    };
    this.#running.set(event.id, step);
    this.#printTitle(step);
    return step;
  }

  #outcome({ state, milliseconds }: StepEvent, step: PlainStep): string {
    const time = ((milliseconds ?? this.#clock.now() - step.startedAt) / 1000).toFixed(1);
    if (state === "cached") return "CACHED";
    if (state === "failed") return paint("red", `ERROR after ${time}s`);
    return `${state === "canceled" ? "CANCELED" : "DONE"} ${time}s`;
  }

  #output(event: OutputEvent): void {
    const step = this.#running.get(event.step);
    if (step !== undefined) this.#printOutput(step, step.output.take(event.stream, event.text));
  }

  #printOutput(step: PlainStep, lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#turnTo(step);
    const time = ((this.#clock.now() - step.startedAt) / 1000).toFixed(3);
    for (const line of lines) this.#print(`#${step.number} ${time} ${line}`.trimEnd());
  }

  /** Says again which step it is, if it was not the last to speak and spoke long ago. */
  #turnTo(step: PlainStep): void {
    if (this.#last !== step && this.#printed - step.titledAt > linesToRemember)
      this.#printTitle(step);
    this.#last = step;
  }

  #printTitle(step: PlainStep): void {
    if (this.#printed > 0) this.#print("");
    this.#print(`#${step.number} ${step.title}`);
    step.titledAt = this.#printed;
    this.#last = step;
  }

  #print(text: string): void {
    writeLine(this.#screen, text);
    this.#printed += 1;
  }
}
