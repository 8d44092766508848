/** Durations as Go writes them: `1h30m`, `1.5s`, `200ms` (https://pkg.go.dev/time#ParseDuration). */

const unitForm = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds; undefined where the text is no duration. */
export function tryParseDuration(text: string): number | undefined {
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text;
  if (unsigned === "0") return 0;
  let total = 0;
  let at = 0;
  while (at < unsigned.length) {
    unitForm.lastIndex = at;
    const match = unitForm.exec(unsigned);
    if (match === null) return undefined;
    total += Number(match[1]) * nanoseconds[match[2]!]!;
    at = unitForm.lastIndex;
  }
  if (at === 0) return undefined;
  return Math.trunc(text.startsWith("-") ? -total : total);
}
