/** Generators of versions, for the property tests of versions and of what carries them. */
import * as fc from "fast-check";

const digits = fc.oneof(
  fc.integer({ min: 0, max: 12 }).map(String),
  fc.constantFrom("0", "00", "01", "010", "10", "18446744073709551616", "99999999999999999999999"),
);
const suffix = fc
  .tuple(
    fc.constantFrom("alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"),
    fc.option(digits, { nil: "" }),
  )
  .map(([word, number]) => `_${word}${number}`);

/** Valid versions that are often equal up to some point. */
export const validVersion: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(digits, { minLength: 1, maxLength: 3 }),
    fc.option(fc.constantFrom("a", "b", "z"), { nil: "" }),
    fc.array(suffix, { maxLength: 2 }),
    fc.option(fc.constantFrom("~0", "~a", "~0a", "~ff"), { nil: "" }),
    fc.option(
      digits.map((number) => `-r${number}`),
      { nil: "" },
    ),
  )
  .map(([numbers, letter, suffixes, hash, revision]) =>
    [numbers.join("."), letter, ...suffixes, hash, revision].join(""),
  );

/** Valid versions and text that looks like them. */
export const anyVersion: fc.Arbitrary<string> = fc.oneof(
  validVersion,
  fc
    .array(fc.constantFrom("0", "1", ".", "a", "_p", "_rc", "_x", "-r", "-", "~", "g", "f", "A"), {
      maxLength: 8,
    })
    .map((parts) => parts.join("")),
);
