/** Character sets: ranges of code points, and the sets that Go's regular expressions have names for. */

/** Both ends belong to it. */
export type CharacterRange = readonly [first: number, last: number];

/** Ranges that are ascending and do not touch. */
export type CharacterSet = readonly CharacterRange[];

const lastCode = 0x10ffff;

export const anyCharacter: CharacterSet = [[0, lastCode]];

export function setOf(...ranges: readonly CharacterRange[]): CharacterSet {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** All characters that are not in `set`. */
export function complement(set: CharacterSet): CharacterSet {
  const ranges: CharacterRange[] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) ranges.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCode) ranges.push([next, lastCode]);
  return ranges;
}

/** Ranges written as pairs of characters. */
function pairs(text: string): CharacterSet {
  const codes = [...text].map((character) => character.codePointAt(0)!);
  return setOf(
    ...codes.flatMap((code, index) =>
      index % 2 === 0 ? [[code, codes[index + 1]!] as const] : [],
    ),
  );
}

export const wordCharacters: CharacterSet = pairs("09AZ__az");

/** As in `[[:alpha:]]`. */
const classesByName: ReadonlyMap<string, CharacterSet> = new Map(
  Object.entries({
    alnum: "09AZaz",
    alpha: "AZaz",
    ascii: "\0\x7f",
    blank: "\t\t  ",
    cntrl: "\0\x1f\x7f\x7f",
    digit: "09",
    graph: "!~",
    lower: "az",
    print: " ~",
    punct: "!/:@[`{~",
    space: "\t\r  ",
    upper: "AZ",
    word: "09AZ__az",
    xdigit: "09AFaf",
  }).map(([name, text]) => [name, pairs(text)]),
);

/** The set of a name such as `alpha`, or `^alpha` for all others. */
export function namedSet(name: string): CharacterSet | undefined {
  const set = classesByName.get(name.replace(/^\^/, ""));
  return set !== undefined && name.startsWith("^") ? complement(set) : set;
}

const classesByLetter: ReadonlyMap<string, CharacterSet> = new Map([
  ["d", pairs("09")],
  ["s", pairs("\t\n\f\r  ")],
  ["w", wordCharacters],
]);

/** The set of an escaped letter, as in `\d`; a capital means all others. */
export function escapedSet(letter: string): CharacterSet | undefined {
  const set = classesByLetter.get(letter.toLowerCase());
  return set !== undefined && letter !== letter.toLowerCase() ? complement(set) : set;
}
