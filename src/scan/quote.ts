/** Quotes: words of somebody else's file in a message: short, on one line, nothing hidden in them. */
import { cutText, shownName } from "./report/shown-text.ts";

const longest = 80;

export function quote(text: string): string {
  return JSON.stringify(cutText(shownName(text), longest));
}
