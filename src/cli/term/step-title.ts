/** Step titles: a step of a build in one line, such as `[builder 2/5] RUN apk add curl`. */
import type { BivyEvent } from "../../base/index.ts";
import { printable } from "./streams.ts";

export type StepEvent = Extract<BivyEvent, { type: "step" }>;
export type OutputEvent = Extract<BivyEvent, { type: "output" }>;

/** An instruction may hold a whole script. */
const longestTitle = 500;

export function titleOf({ stage, text }: Pick<StepEvent, "stage" | "text">): string {
  const title = oneLine(`[${stage}] ${text}`);
  return title.length > longestTitle ? `${title.slice(0, longestTitle - 1)}…` : title;
}

/** Text from outside on one line. */
export function oneLine(text: string): string {
  return printable(text.trim().replaceAll(/\s+/g, " "));
}
