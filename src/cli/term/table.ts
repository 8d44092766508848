/** Tables: rows of text in columns, as results show them. */
import { stripVTControlCharacters } from "node:util";

export interface Column {
  readonly title: string;
  /** Default left. */
  readonly align?: "left" | "right";
}

/**
 * A table with a line of titles; columns are two spaces apart, and the last is not padded. Without
 * rows there is nothing but the titles.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, at) =>
    Math.max(...lines.map((cells) => widthOf(cells[at] ?? ""))),
  );
  return lines
    .map((cells) =>
      columns
        .map(({ align }, at) => {
          const cell = cells[at] ?? "";
          const padding = " ".repeat(widths[at]! - widthOf(cell));
          if (align === "right") return padding + cell;
          return at === columns.length - 1 ? cell : cell + padding;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
