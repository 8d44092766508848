/** Globs as fnmatch(3) reads them with FNM_PATHNAME: `*`, `?` and `[…]` do not match a slash. */

const compiled = new Map<string, RegExp>();

export function matchesGlob(glob: string, path: string): boolean {
  let pattern = compiled.get(glob);
  if (pattern === undefined) {
    pattern = new RegExp(`^${globToPattern(glob)}$`, "su");
    compiled.set(glob, pattern);
  }
  return pattern.test(path);
}

function globToPattern(glob: string): string {
  let pattern = "";
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at]!;
    if (character === "*") {
      while (glob[at + 1] === "*") at += 1;
      pattern += "[^/]*";
    } else if (character === "?") {
      pattern += "[^/]";
    } else if (character === "[") {
      const end = bracketEnd(glob, at);
      pattern += end === -1 ? "\\[" : bracketPattern(glob.slice(at + 1, end));
      if (end !== -1) at = end;
    } else if (character === "\\" && at + 1 < glob.length) {
      at += 1;
      pattern += escapePattern(glob[at]!);
    } else {
      pattern += escapePattern(character);
    }
  }
  return pattern;
}

/** Where a bracket expression ends; a `]` that comes first in it stands for itself. */
function bracketEnd(glob: string, start: number): number {
  let from = start + 1;
  if (glob[from] === "!" || glob[from] === "^") from += 1;
  return glob.indexOf("]", from + 1);
}

function bracketPattern(inside: string): string {
  const negated = inside.startsWith("!") || inside.startsWith("^");
  const set = (negated ? inside.slice(1) : inside).replace(/[\\\]^[&]/g, "\\$&");
  return `(?!/)[${negated ? "^" : ""}${set}]`;
}

function escapePattern(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
}
