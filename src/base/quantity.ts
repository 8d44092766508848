/** Quantities in words: counts and ages, as messages and reports have them. */

/** A number with its noun, as in `1 package`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : pluralOf(noun)}`;
}

function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return noun.endsWith("ch") ? `${noun}es` : `${noun}s`;
}

/** How long, in words, such as `3 hours`. */
export function formatAge(seconds: number): string {
  if (seconds < 3600) return countOf(Math.max(0, Math.floor(seconds / 60)), "minute");
  if (seconds < 2 * 86_400) return countOf(Math.floor(seconds / 3600), "hour");
  return countOf(Math.floor(seconds / 86_400), "day");
}
