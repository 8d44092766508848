/** Shown text: words from outside as a reader may see them, whatever a package, label or feed holds. */

/**
 * A name with a mark in place of what would not show, or would show in another order: control
 * characters, marks of direction and other formats, and halves of characters.
 */
export function shownName(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "\ufffd");
}

/** Sentences on one line: reasons and hints may have been written on several. */
export function shownProse(text: string): string {
  return shownName(text.trim().replaceAll(/\s*[\r\n\t]\s*/g, " "));
}

/** Text of at most so many characters, with a mark where it was cut. */
export function cutText(text: string, most: number): string {
  const characters = Array.from(text.slice(0, 2 * most + 2));
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}

/** Two sentences, the first of which may lack its full stop; the second where there is one. */
export function sentences(text: string, more: string | undefined): string {
  const first = shownProse(text);
  if (more === undefined) return first;
  return `${first}${/[.!?:]$/.test(first) ? "" : "."} ${shownProse(more)}`;
}
