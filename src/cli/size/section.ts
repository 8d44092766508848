/** Sections of a size report: a title, a table that fits 80 columns, and how many lines were left out. */
import { printable } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";

/** Columns of a line; a terminal that is narrower wraps. */
export const lineWidth = 80;

export interface Section<T> {
  readonly title: string;
  /** The last one takes what is left of the line; numbers and sizes stand to the right. */
  readonly columns: readonly string[];
  /** Which end of the last column is cut; default the start, as of paths the end tells more. */
  readonly cut?: "start" | "end";
  readonly row: (item: T) => readonly (string | number)[];
}

/** Empty where there are no items. */
export function formatSection<T>(section: Section<T>, items: readonly T[], top: number): string {
  if (items.length === 0) return "";
  const { title, columns, cut = "start" } = section;
  const rows = items.slice(0, top).map((item) => section.row(item).map((cell) => String(cell)));
  const last = columns.length - 1;
  const widths = columns
    .slice(0, last)
    .map((column, at) => Math.max(column.length, ...rows.map((cells) => cells[at]!.length)));
  const left = lineWidth - widths.reduce((sum, width) => sum + width + 2, 0);
  const table = formatTable(
    columns.map((column, at) => ({
      title: column.toUpperCase(),
      align: rows.every((cells) => isNumeric(cells[at]!)) ? "right" : "left",
    })),
    rows.map((cells) =>
      cells.map((cell, at) => {
        const text = printable(cell);
        return at < last ? text : shortened(text, Math.max(20, left), cut);
      }),
    ),
  );
  const more =
    items.length > top ? `\n… and ${items.length - top} more (--top ${items.length})` : "";
  return `${title}\n${table}${more}`;
}

/** A number, a size, a time, or nothing. */
function isNumeric(text: string): boolean {
  return /^(?:[+-]?\d[\d.]*(?: (?:[KMG]?i?B|s))?|-)?$/.test(text);
}

/** Text of at most so many characters, with a mark where it was cut. */
export function shortened(text: string, most: number, cut: "start" | "end" = "end"): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  return cut === "end"
    ? `${characters.slice(0, most - 1).join("")}…`
    : `…${characters.slice(characters.length - most + 1).join("")}`;
}
