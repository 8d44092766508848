/** Values as Go prints them, which is how they stand in the history that BuildKit writes. */

const named: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

const unprintable = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A string as `%q` prints it. */
export function formatQuoted(text: string): string {
  const escaped = text.replace(unprintable, (sign) => {
    if (Object.hasOwn(named, sign)) return named[sign]!;
    const code = sign.codePointAt(0)!;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

/** Strings as `%q` prints a slice. */
export function formatQuotedList(texts: readonly string[]): string {
  return `[${texts.map(formatQuoted).join(" ")}]`;
}

/** Strings as `%v` prints a slice. */
export function formatList(texts: readonly string[]): string {
  return `[${texts.join(" ")}]`;
}

/** Nanoseconds as Go's Duration prints itself: `1h0m0s`, `1m30s`, `500ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e9) {
    const [size, unit] =
      nanoseconds < 1e3 ? [1, "ns"] : nanoseconds < 1e6 ? [1e3, "µs"] : [1e6, "ms"];
    return `${nanoseconds / (size as number)}${unit}`;
  }
  const whole = Math.floor(nanoseconds / 1e9);
  const fraction = String(nanoseconds % 1e9)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const seconds = `${whole % 60}${fraction === "" ? "" : `.${fraction}`}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${seconds}` : `${hours}h${minutes % 60}m${seconds}`;
}
