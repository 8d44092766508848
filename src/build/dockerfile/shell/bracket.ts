/** Bracket expressions, `[a-z[:digit:]]`: sets of characters in patterns, regular expressions and tr. */

export type CharacterTest = (character: string) => boolean;

const classes: Readonly<Record<string, RegExp>> = {
  alnum: /^[A-Za-z0-9]$/,
  alpha: /^[A-Za-z]$/,
  blank: /^[ \t]$/,
  cntrl: /^\p{Cc}$/u,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[ \t\n\v\f\r]$/,
  upper: /^[A-Z]$/,
  xdigit: /^[0-9A-Fa-f]$/,
};

/** The test of a class such as `digit`; undefined for a name that is none. */
export function classOf(name: string): CharacterTest | undefined {
  const form = Object.hasOwn(classes, name) ? classes[name] : undefined;
  return form && ((character) => form.test(character));
}

/** Reads the expression at `[`; undefined where it has no end, or has something unusual in it. */
export function readBracket(
  characters: readonly string[],
  start: number,
  negations: string,
): { readonly test: CharacterTest; readonly end: number } | undefined {
  let at = start + 1;
  const negated = at < characters.length && negations.includes(characters[at]!);
  if (negated) at++;
  const tests: CharacterTest[] = [];
  for (let first = true; ; first = false) {
    const character = characters[at];
    if (character === undefined) return undefined;
    if (character === "]" && !first) break;
    if (character === "[" && characters[at + 1] === ":") {
      const close = characters.indexOf("]", at);
      const name = characters.slice(at + 2, close - 1).join("");
      const test = close === -1 || characters[close - 1] !== ":" ? undefined : classOf(name);
      if (test === undefined) return undefined;
      tests.push(test);
      at = close + 1;
    } else if (character === "[" && (characters[at + 1] === "." || characters[at + 1] === "="))
      return undefined;
    else if (characters[at + 1] === "-" && ![undefined, "]"].includes(characters[at + 2])) {
      const last = characters[at + 2]!;
      tests.push(
        (tested) =>
          tested.codePointAt(0)! >= character.codePointAt(0)! &&
          tested.codePointAt(0)! <= last.codePointAt(0)!,
      );
      at += 3;
    } else {
      tests.push((tested) => tested === character);
      at++;
    }
  }
  return {
    test: (character) => tests.some((test) => test(character)) !== negated,
    end: at + 1,
  };
}
