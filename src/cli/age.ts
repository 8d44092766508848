/** Ages and points in time, as flags have them. */
import { BivyError } from "../base/index.ts";

export { formatAge } from "../base/index.ts";

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** A number and its unit, in seconds; `flag` is what it was given to. */
export function parseAge(word: string, flag: string): number {
  if (word === "0") return 0;
  const match = /^(\d{1,6})([smhdw])$/.exec(word);
  if (match !== null) return Number(match[1]) * unitSeconds[match[2]!]!;
  throw new BivyError("usage", `${flag} ${word}: expected an age such as 12h or 7d`, {
    hint: "The units are s, m, h, d and w; 0 is no time at all.",
  });
}

/** A day, or a day and a time of day in UTC: seconds since 1970. */
export function parseTime(word: string, flag: string): number {
  const form = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z)?$/;
  const time = form.test(word) ? Date.parse(word.replace(/(T\d\d:\d\d)Z$/, "$1:00Z")) : NaN;
  if (!Number.isNaN(time)) return time / 1000;
  throw new BivyError("usage", `${flag} ${word}: expected a day such as 2026-11-30`, {
    hint: "A time of day may follow: 2026-11-30T12:00:00Z.",
  });
}
