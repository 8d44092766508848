/**
 * Automaton: runs many expressions over one text at once, whatever they are, in time that grows with
 * the text alone.
 *
 * All expressions become one program (./automaton-program.ts). A state of the automaton is the set of
 * instructions at which a match of any expression may stand, after what was read so far; reading a
 * character leads from one state to the next. A state and its successors are made when they are first
 * needed and kept, so that nearly every character costs one look-up, for 1 expression or for 100. Two
 * characters that no expression tells apart share a successor. Expressions made to have very many
 * states use up the room for them (`mostCells`); from then on successors are worked out anew each
 * time, in time that grows with the size of the program: slower, never catastrophic.
 *
 * An assertion (such as "a word ends here") depends on the next character. It therefore stays in the
 * state until that is known: while a successor is made, or at the end of the text.
 */
import { buildProgram, classOf, Operation, type Program } from "./automaton-program.ts";
import type { Assertion, Expression } from "./expression.ts";

/** Room for the successors and instructions of all states, at 8 bytes each. */
const mostCells = 1 << 21;

export interface State {
  /** Instructions, ascending: those that take a character, assertions, and ends of expressions. */
  readonly instructions: Int32Array;
  readonly atStart: boolean;
  readonly afterWord: boolean;
  /** By class of character. */
  readonly successors: (State | undefined)[];
  accepted?: readonly number[];
  live?: readonly number[];
}

/** Where a text is looked at: what the assertions ask about. */
interface Surroundings {
  readonly atStart: boolean;
  readonly atEnd: boolean;
  readonly afterWord: boolean;
  readonly beforeWord: boolean;
}

export class Automaton {
  readonly start: State;
  readonly #program: Program;
  /** By hash. */
  readonly #states = new Map<number, readonly State[]>();
  #cells = 0;
  /** For each instruction, the number of the set being made in which it already is. */
  readonly #member: Uint32Array;
  #set = 0;

  /** Expressions are known by their index from here on; `subject` names them in an error. */
  constructor(expressions: readonly Expression[], subject: string) {
    this.#program = buildProgram(expressions, subject);
    this.#member = new Uint32Array(this.#program.operations.length);
    this.#beginSet();
    const instructions: number[] = [];
    for (const entry of this.#program.entries) this.#add(instructions, entry);
    this.start = this.#intern(instructions, true, false);
  }

  /** The state after `text`, from one of its indexes to another, is read. */
  read(state: State, text: string, start = 0, end = text.length): State {
    let reached = state;
    for (let at = start; at < end && reached.instructions.length > 0; at++) {
      const code = text.codePointAt(at)!;
      if (code > 0xffff) at += 1;
      const characterClass = classOf(this.#program, code);
      reached = reached.successors[characterClass] ?? this.#makeNext(reached, characterClass);
    }
    return reached;
  }

  /** The expressions that match the text as it is now, ascending. */
  accepted(state: State): readonly number[] {
    return (state.accepted ??= this.#collect(
      this.#resolve(state, { ...sides(state), atEnd: true, beforeWord: false }),
      (operation) => operation === Operation.accept,
    ));
  }

  /** The expressions that a longer text may match, ascending. */
  live(state: State): readonly number[] {
    return (state.live ??= this.#collect(
      state.instructions,
      (operation) => operation !== Operation.accept,
    ));
  }

  #collect(instructions: ArrayLike<number>, wanted: (operation: number) => boolean): number[] {
    const { operations, expressionOf } = this.#program;
    const found = new Set<number>();
    for (let index = 0; index < instructions.length; index++) {
      const instruction = instructions[index]!;
      if (wanted(operations[instruction]!)) found.add(expressionOf[instruction]!);
    }
    return [...found].sort((a, b) => a - b);
  }

  #makeNext(state: State, characterClass: number): State {
    const { operations, operands, sets } = this.#program;
    const isWord = this.#program.wordClasses.has(characterClass);
    const surroundings = { ...sides(state), atEnd: false, beforeWord: isWord };
    const from = this.#resolve(state, surroundings);
    const reached: number[] = [];
    this.#beginSet();
    for (let index = 0; index < from.length; index++) {
      const instruction = from[index]!;
      const operation = operations[instruction]!;
      if (operation !== Operation.take && operation !== Operation.loop) continue;
      if (!holdsClass(sets[operands[instruction]!]!, characterClass)) continue;
      this.#add(reached, operation === Operation.take ? instruction + 1 : instruction);
    }
    const next = this.#intern(reached, false, isWord);
    if (this.#cells <= mostCells) state.successors[characterClass] = next;
    return next;
  }

  /** The state's instructions, and those behind its assertions that hold. */
  #resolve(state: State, surroundings: Surroundings): ArrayLike<number> {
    if (!this.#hasAssertion(state.instructions)) return state.instructions;
    const { operations, operands } = this.#program;
    const resolved: number[] = [];
    this.#beginSet();
    for (const instruction of state.instructions) this.#add(resolved, instruction);
    // Grows while it is gone through: behind one assertion there may be another.
    for (let index = 0; index < resolved.length; index++) {
      const instruction = resolved[index]!;
      if (operations[instruction] !== Operation.assert) continue;
      const { assertions } = this.#program;
      if (holds(assertions[operands[instruction]!]!, surroundings))
        this.#add(resolved, instruction + 1);
    }
    return resolved;
  }

  #hasAssertion(instructions: ArrayLike<number>): boolean {
    if (this.#program.assertions.length === 0) return false;
    for (let index = 0; index < instructions.length; index++)
      if (this.#program.operations[instructions[index]!] === Operation.assert) return true;
    return false;
  }

  /** Begins a set of instructions; `#add` adds each once. */
  #beginSet(): void {
    if (++this.#set < 2 ** 32) return;
    this.#member.fill(0);
    this.#set = 1;
  }

  /**
   * Adds an instruction and all that are reached from it without a character. What a split leads over
   * holds no further split in its beginning, so this calls itself but once.
   */
  #add(set: number[], first: number): void {
    const { operations, operands } = this.#program;
    let instruction = first;
    while (this.#member[instruction] !== this.#set) {
      this.#member[instruction] = this.#set;
      const operation = operations[instruction];
      if (operation === Operation.split) {
        this.#add(set, instruction + 1);
        instruction = operands[instruction]!;
        continue;
      }
      set.push(instruction);
      if (operation !== Operation.loop) return;
      instruction += 1;
    }
  }

  #intern(found: number[], atStart: boolean, afterWord: boolean): State {
    const instructions = new Int32Array(found).sort();
    // Where nothing asks about what stands before, it does not tell states apart.
    const asks = this.#hasAssertion(instructions);
    const start = atStart && asks;
    const word = afterWord && asks;
    const hash = hashOf(instructions, start, word);
    const sameHash = this.#states.get(hash) ?? [];
    const known = sameHash.find(
      (state) =>
        state.atStart === start &&
        state.afterWord === word &&
        equalInstructions(state.instructions, instructions),
    );
    if (known !== undefined) return known;
    const state: State = { instructions, atStart: start, afterWord: word, successors: [] };
    this.#cells += this.#program.classCount + instructions.length;
    if (this.#cells <= mostCells) this.#states.set(hash, [...sameHash, state]);
    return state;
  }
}

function hashOf(instructions: Int32Array, atStart: boolean, afterWord: boolean): number {
  let hash = (atStart ? 1 : 0) + (afterWord ? 2 : 0);
  for (const instruction of instructions) hash = (Math.imul(hash, 0x01000193) ^ instruction) | 0;
  return hash;
}

function equalInstructions(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((instruction, index) => instruction === b[index]);
}

function sides({ atStart, afterWord }: State) {
  return { atStart, afterWord };
}

function holds(assertion: Assertion, surroundings: Surroundings): boolean {
  const { atStart, atEnd, afterWord, beforeWord } = surroundings;
  if (assertion === "start") return atStart;
  if (assertion === "end") return atEnd;
  return (afterWord !== beforeWord) === (assertion === "word-boundary");
}

/** `ranges` are pairs of first and last class, ascending. */
function holdsClass(ranges: Int32Array, characterClass: number): boolean {
  if (ranges.length === 2) return ranges[0]! <= characterClass && characterClass <= ranges[1]!;
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[2 * middle + 1]! < characterClass) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length / 2 && ranges[2 * low]! <= characterClass;
}
