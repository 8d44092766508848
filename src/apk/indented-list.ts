/** Indented lists: words after a label, wrapped where apk wraps them. */

/** The width that apk assumes when its output is no terminal. */
export const defaultWidth = 50;

/**
 * Words in lines that start below each other. A word goes on a new line when it would reach the width;
 * the first one never does.
 */
export function formatIndentedList(
  label: string,
  words: readonly string[],
  options: { readonly width?: number; readonly indent?: number } = {},
): string {
  const width = options.width ?? defaultWidth;
  const indent = options.indent ?? label.length + 1;
  let text = label;
  let column = label.endsWith("\n") ? 0 : label.length;
  for (const word of words) {
    if (column <= indent) {
      text += " ".repeat(indent - column) + word;
      column = indent + word.length;
    } else if (column + word.length + 1 >= width) {
      text += `\n${" ".repeat(indent)}${word}`;
      column = indent + word.length;
    } else {
      text += ` ${word}`;
      column += word.length + 1;
    }
  }
  return column === 0 ? text : `${text}\n`;
}
