/** Shortening: text of any length in a message of one line. */

const longestShown = 60;

export function shorten(text: string): string {
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}
