/**
 * The program of an automaton: expressions as instructions, one after the other, over classes of
 * characters that no expression tells apart.
 */
import { BivyError } from "../base/index.ts";
import { anyCharacter, wordCharacters, type CharacterSet } from "./character-set.ts";
import type { Assertion, Expression, Item } from "./expression.ts";

/**
 * What an instruction does. `take` takes a character of a set; `loop` takes any number of them;
 * `split` goes on both behind itself and at its target; `assert` goes on where an assertion holds;
 * `accept` ends an expression.
 */
export const Operation = { take: 0, loop: 1, split: 2, assert: 3, accept: 4 } as const;

export interface Program {
  readonly operations: Uint8Array;
  /** A set's index, a split's target, or an assertion's index. */
  readonly operands: Int32Array;
  readonly expressionOf: Int32Array;
  /** Where each expression begins. */
  readonly entries: readonly number[];
  /** As pairs of first and last class, ascending. */
  readonly sets: readonly Int32Array[];
  readonly assertions: readonly Assertion[];
  readonly classCount: number;
  /** The classes of ASCII characters. */
  readonly asciiClasses: Int32Array;
  /** The first character of each class, ascending; 0 is one. */
  readonly classStarts: Int32Array;
  /** Classes of word characters; none when no expression asks for words. */
  readonly wordClasses: ReadonlySet<number>;
}

/** Far more than honest patterns need; expressions that repeat parts can grow quickly. */
const mostInstructions = 1 << 20;

interface Draft {
  readonly subject: string;
  readonly operations: number[];
  readonly operands: number[];
  readonly expressionOf: number[];
  readonly sets: CharacterSet[];
  readonly setIndexes: Map<string, number>;
  readonly assertions: Assertion[];
  expression: number;
}

/** `subject` names the expressions in an error. */
export function buildProgram(expressions: readonly Expression[], subject: string): Program {
  const draft: Draft = {
    subject,
    operations: [],
    operands: [],
    expressionOf: [],
    sets: [],
    setIndexes: new Map(),
    assertions: [],
    expression: 0,
  };
  const entries: number[] = [];
  for (const [index, expression] of expressions.entries()) {
    draft.expression = index;
    for (const items of expression.alternatives) {
      entries.push(draft.operations.length);
      writeAlternative(draft, items);
    }
  }
  return finish(draft, entries);
}

/** An expression may match anywhere in the text: where it is not tied to an end, anything may stand. */
function writeAlternative(draft: Draft, items: readonly Item[]): void {
  const tiedToStart = isPlain(items[0], "start");
  const tiedToEnd = isPlain(items.at(-1), "end");
  if (!tiedToStart) write(draft, Operation.loop, setIndex(draft, anyCharacter));
  for (const item of items.slice(tiedToStart ? 1 : 0, tiedToEnd ? -1 : items.length))
    writeItem(draft, item);
  if (!tiedToEnd) write(draft, Operation.loop, setIndex(draft, anyCharacter));
  write(draft, Operation.accept, 0);
}

function isPlain(item: Item | undefined, assertion: Assertion): boolean {
  return item?.kind === "assertion" && item.assertion === assertion && item.min === 1;
}

function writeItem(draft: Draft, item: Item): void {
  for (let count = 0; count < item.min; count++) writeOnce(draft, item);
  if (item.max === Infinity) {
    if (item.kind === "set") write(draft, Operation.loop, setIndex(draft, item.set));
    return;
  }
  const splits: number[] = [];
  for (let count = item.min; count < item.max; count++) {
    splits.push(draft.operations.length);
    write(draft, Operation.split, 0);
    writeOnce(draft, item);
  }
  for (const split of splits) draft.operands[split] = draft.operations.length;
}

function writeOnce(draft: Draft, item: Item): void {
  if (item.kind === "set") return write(draft, Operation.take, setIndex(draft, item.set));
  if (item.kind === "assertion")
    return write(draft, Operation.assert, draft.assertions.push(item.assertion) - 1);
  for (const part of item.items) writeItem(draft, part);
}

function setIndex(draft: Draft, set: CharacterSet): number {
  const key = set.join();
  let index = draft.setIndexes.get(key);
  if (index === undefined) {
    index = draft.sets.push(set) - 1;
    draft.setIndexes.set(key, index);
  }
  return index;
}

function write(draft: Draft, operation: number, operand: number): void {
  if (draft.operations.length >= mostInstructions)
    throw new BivyError(
      "pattern-invalid",
      `${draft.subject}: the patterns together are too large`,
      {
        hint: "Use fewer or shorter patterns, and no large numbers in braces.",
      },
    );
  draft.operations.push(operation);
  draft.operands.push(operand);
  draft.expressionOf.push(draft.expression);
}

function finish(draft: Draft, entries: readonly number[]): Program {
  const asksForWords = draft.assertions.some((assertion) => assertion.endsWith("word-boundary"));
  const told = asksForWords ? [...draft.sets, wordCharacters] : draft.sets;
  const starts = new Set([0]);
  for (const set of told) for (const [first, last] of set) starts.add(first).add(last + 1);
  const classStarts = Int32Array.from(starts).sort();
  const classes = (set: CharacterSet) =>
    Int32Array.from(
      set.flatMap(([first, last]) => [findClass(classStarts, first), findClass(classStarts, last)]),
    );
  const wordClasses = new Set<number>();
  if (asksForWords)
    for (const [first, last] of wordCharacters)
      for (let code = first; code <= last; code++) wordClasses.add(findClass(classStarts, code));
  return {
    operations: Uint8Array.from(draft.operations),
    operands: Int32Array.from(draft.operands),
    expressionOf: Int32Array.from(draft.expressionOf),
    entries,
    sets: draft.sets.map(classes),
    assertions: draft.assertions,
    classCount: classStarts.length,
    asciiClasses: Int32Array.from({ length: 128 }, (_, code) => findClass(classStarts, code)),
    classStarts,
    wordClasses,
  };
}

/** The class of a character, by its code point. */
export function classOf(program: Program, code: number): number {
  return code < 128 ? program.asciiClasses[code]! : findClass(program.classStarts, code);
}

/** The last class that begins at or before a code point. */
function findClass(starts: Int32Array, code: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= code) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
