/**
 * Regular expressions of POSIX.1-2024 (XBD 9), basic and extended, with the additions of GNU and musl
 * that grep and sed are used with (`\+`, `\?`, `\|` in basic ones; `\s`, `\S`, `\w`, `\W`, `\<`, `\>`, `\b`).
 *
 * A match is the first that begins, and of those the longest, as POSIX wants it. JavaScript's own
 * expressions take the first alternative instead, and can be made to run for ever; these stop when their
 * budget is used up.
 */
import { readBracket, type CharacterTest } from "./bracket.ts";
import { type Budget } from "./budget.ts";

type Node =
  | { readonly kind: "one"; readonly test: CharacterTest }
  | {
      readonly kind: "place";
      readonly test: (characters: readonly string[], at: number) => boolean;
    }
  | { readonly kind: "group"; readonly number: number; readonly content: Node }
  | { readonly kind: "reference"; readonly number: number }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "alternatives"; readonly nodes: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly node: Node;
      readonly least: number;
      readonly most: number;
    };

export interface RegularExpression {
  readonly node: Node;
}

export interface Match {
  readonly start: number;
  readonly end: number;
  /** By number; 0 is the whole match. Undefined for a group that took no part. */
  readonly groups: readonly (string | undefined)[];
}

/** What is matched has this many characters at most: each can take some stack. */
const longestLine = 1000;
/** `{1000}` of `{1000}` would be a million copies. */
const mostRepeats = 255;

/** Undefined for one that is malformed or has something in it that is not known here. */
export function tryParseRegularExpression(
  text: string,
  options: { readonly extended: boolean; readonly ignoreCase?: boolean },
): RegularExpression | undefined {
  const parser = new Parser(text, options.extended, options.ignoreCase ?? false);
  const node = parser.parse();
  return node && { node };
}

const isWord: CharacterTest = (character) => /^\w$/.test(character);
const isSpace: CharacterTest = (character) => /^[ \t\n\v\f\r]$/.test(character);

function atWord(characters: readonly string[], at: number): boolean {
  return at >= 0 && at < characters.length && isWord(characters[at]!);
}

class Parser {
  readonly #characters: readonly string[];
  readonly #extended: boolean;
  readonly #ignoreCase: boolean;
  #at = 0;
  #groups = 0;
  #depth = 0;
  #broken = false;

  constructor(text: string, extended: boolean, ignoreCase: boolean) {
    this.#characters = [...text];
    this.#extended = extended;
    this.#ignoreCase = ignoreCase;
  }

  parse(): Node | undefined {
    const node = this.#alternatives();
    return this.#broken || this.#at < this.#characters.length ? undefined : node;
  }

  /** Whether an operator stands here: bare in extended expressions, behind a backslash in basic ones. */
  #sees(operator: string): boolean {
    return this.#extended
      ? this.#characters[this.#at] === operator
      : this.#characters[this.#at] === "\\" && this.#characters[this.#at + 1] === operator;
  }

  #take(operator: string): boolean {
    if (!this.#sees(operator)) return false;
    this.#at += this.#extended ? 1 : 2;
    return true;
  }

  #alternatives(): Node {
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    return nodes.length === 1 ? nodes[0]! : { kind: "alternatives", nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (!this.#broken && this.#at < this.#characters.length && !this.#sees("|")) {
      if (this.#sees(")") && this.#depth > 0) break;
      const isFirst = nodes.length === 0;
      const node = this.#atom(isFirst);
      if (node === undefined) this.#broken = true;
      else nodes.push(this.#repeated(node));
    }
    return { kind: "sequence", nodes };
  }

  #atom(isFirst: boolean): Node | undefined {
    if (this.#take("(")) return this.#group();
    const character = this.#characters[this.#at]!;
    const next = this.#characters[this.#at + 1];
    this.#at++;
    switch (character) {
      case ".":
        return { kind: "one", test: () => true };
      case "[": {
        const bracket = readBracket(this.#characters, this.#at - 1, "^");
        if (bracket === undefined) return undefined;
        this.#at = bracket.end;
        return this.#one(bracket.test);
      }
      case "^":
        if (!this.#extended && !isFirst) return this.#literal(character);
        return { kind: "place", test: (_, at) => at === 0 };
      case "$":
        if (!this.#extended && !this.#endsSequence()) return this.#literal(character);
        return { kind: "place", test: (characters, at) => at === characters.length };
      case "*":
        return this.#extended || !isFirst ? undefined : this.#literal(character);
      case "\\":
        this.#at++;
        return next === undefined ? undefined : this.#escaped(next);
      default:
        if (this.#extended && "+?{".includes(character)) return undefined;
        return this.#literal(character);
    }
  }

  #endsSequence(): boolean {
    return this.#at >= this.#characters.length || this.#sees("|") || this.#sees(")");
  }

  #group(): Node | undefined {
    const number = ++this.#groups;
    if (++this.#depth > 30) return undefined;
    const content = this.#alternatives();
    this.#depth--;
    return this.#take(")") ? { kind: "group", number, content } : undefined;
  }

  #escaped(character: string): Node | undefined {
    switch (character) {
      case "s":
        return this.#one(isSpace);
      case "S":
        return this.#one((each) => !isSpace(each));
      case "w":
        return this.#one(isWord);
      case "W":
        return this.#one((each) => !isWord(each));
      case "<":
        return { kind: "place", test: (text, at) => atWord(text, at) && !atWord(text, at - 1) };
      case ">":
        return { kind: "place", test: (text, at) => atWord(text, at - 1) && !atWord(text, at) };
      case "b":
        return { kind: "place", test: (text, at) => atWord(text, at - 1) !== atWord(text, at) };
      case "n":
        return this.#literal("\n");
      case "t":
        return this.#literal("\t");
    }
    if (/[1-9]/.test(character))
      return Number(character) <= this.#groups
        ? { kind: "reference", number: Number(character) }
        : undefined;
    return /[A-Za-z0-9]/.test(character) ? undefined : this.#literal(character);
  }

  #literal(character: string): Node {
    return this.#one((tested) => tested === character);
  }

  #one(test: CharacterTest): Node {
    if (!this.#ignoreCase) return { kind: "one", test };
    const either: CharacterTest = (tested) =>
      test(tested) || test(tested.toLowerCase()) || test(tested.toUpperCase());
    return { kind: "one", test: either };
  }

  #repeated(atom: Node): Node {
    let node = atom;
    for (;;) {
      let range: readonly [number, number] | undefined;
      if (this.#characters[this.#at] === "*") {
        this.#at++;
        range = [0, Infinity];
      } else if (this.#take("+")) range = [1, Infinity];
      else if (this.#take("?")) range = [0, 1];
      else if (this.#take("{")) {
        range = this.#bounds();
        if (range === undefined) this.#broken = true;
      }
      if (range === undefined) return node;
      node = { kind: "repeat", node, least: range[0], most: range[1] };
    }
  }

  #bounds(): readonly [number, number] | undefined {
    const rest = this.#characters.slice(this.#at).join("");
    const match = /^(\d{1,3})(,?)(\d{0,3})/.exec(rest);
    if (match === null) return undefined;
    this.#at += match[0].length;
    if (!this.#take("}")) return undefined;
    const least = Number(match[1]);
    const most = match[2] === "" ? least : match[3] === "" ? Infinity : Number(match[3]);
    return least > mostRepeats || (most !== Infinity && (most > mostRepeats || most < least))
      ? undefined
      : [least, most];
  }
}

type Groups = readonly (readonly [number, number] | undefined)[];

/**
 * The first match that begins at `from` or later; undefined where there is none. Where the budget is
 * spent in between, the answer means nothing: ask it afterwards.
 */
export function findMatch(
  expression: RegularExpression,
  text: string,
  from: number,
  budget: Budget,
): Match | undefined {
  const characters = [...text];
  if (characters.length > longestLine) {
    while (budget.spend());
    return undefined;
  }
  for (let start = from; start <= characters.length; start++) {
    let best: { readonly end: number; readonly groups: Groups } | undefined;
    walk(expression.node, start, [], (end, groups) => {
      if (best === undefined || end > best.end) best = { end, groups };
      return end === characters.length;
    });
    if (best === undefined) continue;
    const { end, groups } = best as { end: number; groups: Groups };
    const textOf = (first: number, last: number): string => characters.slice(first, last).join("");
    return {
      start,
      end,
      groups: [textOf(start, end), ...groups.slice(1).map((range) => range && textOf(...range))],
    };
  }
  return undefined;

  /** Tries all ways from `at` on until `then` says that one is good enough. */
  function walk(
    node: Node,
    at: number,
    groups: Groups,
    then: (at: number, groups: Groups) => boolean,
  ): boolean {
    if (!budget.spend()) return true;
    switch (node.kind) {
      case "one":
        return at < characters.length && node.test(characters[at]!) && then(at + 1, groups);
      case "place":
        return node.test(characters, at) && then(at, groups);
      case "group":
        return walk(node.content, at, groups, (end, inner) => {
          const changed = inner.slice();
          changed[node.number] = [at, end];
          return then(end, changed);
        });
      case "reference": {
        const range = groups[node.number];
        if (range === undefined) return false;
        const length = range[1] - range[0];
        for (let index = 0; index < length; index++)
          if (characters[range[0] + index] !== characters[at + index]) return false;
        return then(at + length, groups);
      }
      case "sequence":
        return walkSequence(node.nodes, 0, at, groups, then);
      case "alternatives":
        return node.nodes.some((each) => walk(each, at, groups, then));
      case "repeat":
        return node.node.kind === "one"
          ? walkRun(node.node.test, node, at, groups, then)
          : walkRepeat(node, 0, at, groups, then);
    }
  }

  function walkSequence(
    nodes: readonly Node[],
    index: number,
    at: number,
    groups: Groups,
    then: (at: number, groups: Groups) => boolean,
  ): boolean {
    if (index === nodes.length) return then(at, groups);
    return walk(nodes[index]!, at, groups, (end, inner) =>
      walkSequence(nodes, index + 1, end, inner, then),
    );
  }

  /** A repeated character needs no stack for each time. */
  function walkRun(
    test: CharacterTest,
    { least, most }: { readonly least: number; readonly most: number },
    at: number,
    groups: Groups,
    then: (at: number, groups: Groups) => boolean,
  ): boolean {
    let count = 0;
    while (count < most && at + count < characters.length && test(characters[at + count]!)) count++;
    for (; count >= least; count--) {
      if (!budget.spend()) return true;
      if (then(at + count, groups)) return true;
    }
    return false;
  }

  function walkRepeat(
    node: Extract<Node, { kind: "repeat" }>,
    count: number,
    at: number,
    groups: Groups,
    then: (at: number, groups: Groups) => boolean,
  ): boolean {
    const again =
      count < node.most &&
      walk(node.node, at, groups, (end, inner) =>
        // A turn that takes nothing leads nowhere new once there are enough.
        end === at && count >= node.least ? false : walkRepeat(node, count + 1, end, inner, then),
      );
    return again || (count >= node.least && then(at, groups));
  }
}
