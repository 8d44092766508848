/**
 * Globs as fnmatch(3) reads them with FNM_PATHNAME: `*`, `?` and `[…]` do not match a slash.
 *
 * Globs come from packages, so matching takes at most glob × path steps. Since nothing but a slash
 * matches a slash, the two are compared part by part; within a part it is enough to go back to the
 * last `*`, which takes one character more each time.
 */

type Token =
  | { readonly kind: "star" }
  | { readonly kind: "one" }
  | { readonly kind: "character"; readonly character: string }
  | { readonly kind: "set"; readonly negated: boolean; readonly ranges: readonly Range[] };

/** Both ends belong to it. */
type Range = readonly [first: string, last: string];

export function matchesGlob(glob: string, path: string): boolean {
  const patterns = splitGlob([...glob]);
  const parts = path.split("/");
  return (
    patterns.length === parts.length &&
    patterns.every((pattern, index) => matchesPart(pattern, [...parts[index]!]))
  );
}

function matchesPart(pattern: readonly Token[], part: readonly string[]): boolean {
  let at = 0;
  let token = 0;
  let star = -1;
  let starEnd = 0;
  while (at < part.length) {
    const expected = pattern[token];
    if (expected?.kind === "star") {
      star = token++;
      starEnd = at;
    } else if (expected !== undefined && matchesCharacter(expected, part[at]!)) {
      token += 1;
      at += 1;
    } else if (star !== -1) {
      token = star + 1;
      at = ++starEnd;
    } else {
      return false;
    }
  }
  return pattern.slice(token).every(({ kind }) => kind === "star");
}

function matchesCharacter(token: Token, character: string): boolean {
  if (token.kind === "character") return token.character === character;
  if (token.kind !== "set") return token.kind === "one";
  const code = character.codePointAt(0)!;
  const inside = token.ranges.some(
    ([first, last]) => first.codePointAt(0)! <= code && code <= last.codePointAt(0)!,
  );
  return inside !== token.negated;
}

/** The glob's tokens, part by part. */
function splitGlob(glob: readonly string[]): Token[][] {
  let part: Token[] = [];
  const parts = [part];
  // Beyond it no set ends: looking for the end of each `[` would take a step for every pair of them.
  const lastEnd = glob.lastIndexOf("]");
  for (let at = 0; at < glob.length; at++) {
    let character = glob[at]!;
    const end = character === "[" && at < lastEnd ? setEnd(glob, at) : -1;
    if (end !== -1) {
      part.push(parseSet(glob.slice(at + 1, end)));
      at = end;
      continue;
    }
    if (character === "*") part.push({ kind: "star" });
    else if (character === "?") part.push({ kind: "one" });
    else {
      if (character === "\\" && at + 1 < glob.length) character = glob[++at]!;
      if (character === "/") parts.push((part = []));
      else part.push({ kind: "character", character });
    }
  }
  return parts;
}

/** Where a set ends; a `]` that comes first in it stands for itself. -1 when the `[` stands for itself. */
function setEnd(glob: readonly string[], start: number): number {
  const from = start + (glob[start + 1] === "!" || glob[start + 1] === "^" ? 2 : 1);
  return glob.indexOf("]", from + 1);
}

function parseSet(inside: readonly string[]): Token {
  const negated = inside[0] === "!" || inside[0] === "^";
  const ranges: Range[] = [];
  for (let at = negated ? 1 : 0; at < inside.length; at++) {
    const first = inside[at]!;
    const isRange = inside[at + 1] === "-" && at + 2 < inside.length;
    if (isRange) at += 2;
    ranges.push([first, isRange ? inside[at]! : first]);
  }
  return { kind: "set", negated, ranges };
}
