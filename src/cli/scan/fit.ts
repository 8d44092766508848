/** Fitting: text from outside in so many columns of a terminal, shortened in the middle or over several lines. */
import { displayWidth } from "../term/display-width.ts";

/** The text, or its beginning and end with `…` between: names differ at both ends. */
export function fitMiddle(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const characters = Array.from(text);
  const tail = takeWidth(characters.toReversed(), Math.floor((columns - 1) / 2)).reverse();
  const head = takeWidth(characters, columns - 1 - displayWidth(tail.join("")));
  return `${head.join("")}…${tail.join("")}`;
}

function takeWidth(characters: readonly string[], columns: number): string[] {
  let width = 0;
  let count = 0;
  for (const character of characters) {
    width += displayWidth(character);
    if (width > columns) break;
    count += 1;
  }
  return characters.slice(0, count);
}

/** Padded to so many columns, at the end or at the start. */
export function pad(text: string, columns: number, align: "left" | "right" = "left"): string {
  const padding = " ".repeat(Math.max(0, columns - displayWidth(text)));
  return align === "left" ? text + padding : padding + text;
}

export interface WrapOptions {
  readonly width: number;
  /** Columns before each line. */
  readonly indent: number;
  /** Columns before each line but the first; default as many. */
  readonly hanging?: number;
  /** What a line ends with that is continued, such as ` \`. */
  readonly continued?: string;
}

/** Lines that break between words; a word that is too long for a line is shortened in the middle. */
export function wrapWords(text: string | readonly string[], options: WrapOptions): string[] {
  const { width, indent, hanging = indent, continued = "" } = options;
  const words = typeof text === "string" ? text.split(" ") : text;
  const lines: string[] = [];
  let line = "";
  const margin = (): number => (lines.length === 0 ? indent : hanging);
  for (const each of words.filter((word) => word !== "")) {
    const word = fitMiddle(each, width - Math.max(indent, hanging) - continued.length);
    const needed = margin() + displayWidth(line) + 1 + displayWidth(word) + continued.length;
    if (line !== "" && needed > width) {
      lines.push(`${" ".repeat(margin())}${line}${continued}`);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(" ".repeat(margin()) + line);
  return lines;
}
