/**
 * The interpreter: follows a script through all ways that it can take, and notes what it does to the
 * packages of its root.
 *
 * Nothing runs. A step becomes part of an image only when its script succeeds, and that is what
 * makes reading it worthwhile: of two ways the one that ends in `exit 1` need not be looked at, and what
 * stands behind `&&` runs for certain where the whole line has to succeed.
 *
 * - Values (value.ts) are known or not. A variable with two possible values is not known.
 * - Where a condition is known, one way is followed. Where it is not, each way is followed in a scope of
 *   its own, behind a guard; afterwards the scopes are joined. If all other ways turned out to fail,
 *   the guard is settled, and what happened behind it is certain.
 * - A way can leave a loop, function or subshell early. It waits in that frame, and is joined behind it;
 *   until then, what the others do is conditional, for they do it only if that way was not taken.
 * - A loop over known words is unrolled. Of any other loop, whatever it changes is not known from its
 *   first turn on.
 * - A program that does something, such as `wget` or `make`, is taken to succeed wherever a command
 *   follows behind `&&`, and not to touch the files and packages of apk, unless its words name them. One
 *   that asks something, such as `grep` or `[`, is not. So the result can be wrong about a
 *   script that plays tricks; a locked build then stops, for it has only the packages that were read.
 */
import { type Action, type ApkCommand, type Doubt, type Guard } from "./action.ts";
import { Budget } from "./budget.ts";
import { matchCase } from "./case.ts";
import { runCommand, runNamed } from "./command.ts";
import { readCondition } from "./condition.ts";
import { quoted } from "./expand.ts";
import { runFor, runUnknownLoop, runWhile, type LoopShell } from "./loop.ts";
import { withRedirections } from "./redirection.ts";
import { openFrame, setPositional, type Scope, type SourceText } from "./scope.ts";
import { noteSkipped } from "./skipped.ts";
import { ignored, placeOf, type Place, type ReportedAction, type Use } from "./shell.ts";
import { failure, invert, success, unanswered, undecided, type Status } from "./status.ts";
import {
  tryParseScript,
  type CommandNode,
  type CompoundNode,
  type NodeOf,
  type Script,
  type StatementList,
  type SyntaxNode,
} from "./syntax.ts";
import { empty, mapText, nothing, unite, type Value } from "./value.ts";
import { Ways, type Leaving } from "./ways.ts";

/** Commands that one script may take; the longest of real Dockerfiles take some hundreds. */
const mostSteps = 20_000;
/** Characters looked at by patterns and expressions, some milliseconds' worth. */
const mostMatching = 5_000_000;
/** Functions and scripts within each other. */
const deepest = 40;

export interface InterpreterOptions {
  readonly arch: string;
  readonly hasApk: boolean;
  readonly isBash: boolean;
}

export class Interpreter implements LoopShell {
  readonly arch: string;
  readonly hasApk: boolean;
  readonly isBash: boolean;
  readonly budget = new Budget(mostSteps);
  readonly matching = new Budget(mostMatching);
  readonly ways = new Ways();
  readonly actions: Action[] = [];
  /** Files that were asked for and not there. */
  readonly wanted = new Set<string>();
  /** Variables that keep commands of apk from running. */
  readonly decisive = new Set<string>();
  #muted = 0;
  #gaveUp = false;
  #depth = 0;

  constructor({ arch, hasApk, isBash }: InterpreterOptions) {
    this.arch = arch;
    this.hasApk = hasApk;
    this.isBash = isBash;
  }

  run(list: StatementList, scope: Scope, use: Use): Status {
    let status = success;
    list.commands.forEach((statement, index) => {
      if (scope.stopped) return;
      if (!this.budget.spend()) return this.#giveUp(scope, list);
      const isLast = index === list.commands.length - 1;
      const required = (isLast && use.required) || (scope.errexit && !use.tested);
      status = this.#runStatement(statement, scope, { ...use, required });
    });
    return status;
  }

  /** A script that goes on for ever: the rest is not known. */
  #giveUp(scope: Scope, { pos, end }: StatementList): void {
    scope.stopped = true;
    if (this.#gaveUp || this.#muted > 0) return;
    this.#gaveUp = true;
    const { text } = scope.source;
    this.report<Doubt>(
      {
        kind: "doubt",
        reason: "a script that takes too long to follow",
        reach: "root",
        from: nothing,
      },
      scope,
      placeOf(scope, { pos, end: Math.min(end, text.length) }),
    );
  }

  #runStatement({ command, background }: NodeOf<"Statement">, scope: Scope, use: Use): Status {
    if (background !== true) return this.#runNode(command, scope, use);
    this.inSubshell(scope, (inner) => this.#runNode(command, inner, ignored));
    return success;
  }

  #runNode(node: CommandNode | CompoundNode, scope: Scope, use: Use): Status {
    switch (node.type) {
      case "Command":
        return runCommand(node, scope, this, use);
      case "AndOr":
        return this.#runAndOr(node, scope, use);
      case "Pipeline":
        return this.#runPipeline(node, scope, use);
      case "Redirected":
        return withRedirections(node.redirects, scope, this, placeOf(scope, node), () =>
          this.#runNode(node.command, scope, use),
        );
      case "BraceGroup":
        return this.run(node.body, scope, use);
      case "CompoundList":
        return this.run(node, scope, use);
      case "Subshell":
        return this.inSubshell(scope, (inner) => this.run(node.body, inner, use));
      case "If":
        return this.#runIf(node, scope, use);
      case "Case":
        return this.#runCase(node, scope, use);
      case "For":
        return runFor(node, scope, use, this);
      case "While":
        return runWhile(node, scope, use, this);
      case "ArithmeticFor":
      case "Select":
        return runUnknownLoop(node.body, scope, use, this);
      case "Function":
        scope.functions.set(node.name.value, { body: node.body, source: scope.source });
        return success;
      case "TestCommand":
        return readCondition(node.expression, scope, this, placeOf(scope, node).text);
      case "ArithmeticCommand":
        return unanswered(placeOf(scope, node).text);
      case "Coproc":
        this.inSubshell(scope, (inner) => this.#runNode(node.body, inner, ignored));
        return success;
    }
  }

  /**
   * `a && b || c`. Where the whole has to succeed and has no `||`, so has each part. Otherwise a command
   * that does something is taken to succeed, and the answer to a question is not known.
   */
  #runAndOr({ commands, operators }: NodeOf<"AndOr">, scope: Scope, use: Use): Status {
    const isChain = !operators.includes("||");
    const useOf = (index: number): Use =>
      index === operators.length || (isChain && use.required)
        ? { required: use.required, tested: index < operators.length || use.tested }
        : ignored;
    let status = this.#runNode(commands[0]!, scope, useOf(0));
    operators.forEach((operator, index) => {
      if (scope.stopped) return;
      const next = commands[index + 1]!;
      const run = (inner: Scope): Status => this.#runNode(next, inner, useOf(index + 1));
      const before = status;
      const runsOn = operator === "&&";
      if (before.code !== undefined) {
        if ((before.code === 0) === runsOn) status = this.#decided(before.from, scope, [], run);
        else this.#skip(before.from, scope, [next]);
      } else if (runsOn && isChain && use.required) status = run(scope);
      else if (runsOn && before.command !== undefined && before.inverted !== true)
        status = this.#runAfter(before.command, scope, run);
      else if (runsOn && !before.isTest) status = run(scope);
      else status = this.#branchOn(before, scope, runsOn, run, () => this.#skipped(before, runsOn));
    });
    return status;
  }

  /** What follows an apk command that is taken to succeed, and is not run where it fails after all. */
  #runAfter(command: ApkCommand, scope: Scope, run: (scope: Scope) => Status): Status {
    const { guards } = scope;
    const guard: Guard = {
      reason: `whether ${quoted(command.text)} succeeds`,
      from: command.from,
      command,
      succeeds: true,
      settled: false,
    };
    scope.guards = [...guards, guard];
    const status = run(scope);
    if (scope.guards.length === guards.length + 1) scope.guards = guards;
    return status;
  }

  /** Runs what a condition allowed; all that happens there depends on what the condition does. */
  #decided(
    from: ReadonlySet<string>,
    scope: Scope,
    skipped: readonly (SyntaxNode | undefined)[],
    run: (scope: Scope) => Status,
  ): Status {
    if (from.size === 0) return run(scope);
    this.#skip(from, scope, skipped);
    const guard: Guard = { reason: "", from, settled: true };
    scope.guards = [...scope.guards, guard];
    const status = run(scope);
    scope.guards = scope.guards.filter((each) => each !== guard);
    return status;
  }

  #skip(from: ReadonlySet<string>, scope: Scope, nodes: readonly (SyntaxNode | undefined)[]): void {
    for (const node of nodes) if (node !== undefined) noteSkipped(node, from, scope, this.decisive);
  }

  #skipped(before: Status, runsOn: boolean): Status {
    return runsOn ? { ...failure, text: before.text } : success;
  }

  /** Two ways: the one where `status` is a success, or where it is none, and the other. */
  #branchOn(
    status: Status,
    scope: Scope,
    succeeds: boolean,
    run: (scope: Scope) => Status,
    otherwise: (scope: Scope) => Status,
  ): Status {
    const { text, from, command, inverted = false } = status;
    const reason = `whether ${quoted(text)} succeeds`;
    const link = (holds: boolean) =>
      command === undefined ? {} : { command, succeeds: holds !== inverted };
    return this.ways.branch(scope, reason, from, [
      { run, ...link(succeeds) },
      { run: otherwise, ...link(!succeeds) },
    ]);
  }

  #runIf(node: NodeOf<"If">, scope: Scope, use: Use): Status {
    const clauses = [node, ...node.elif];
    const runClause = (index: number, inner: Scope): Status => {
      const clause = clauses[index];
      if (clause === undefined)
        return node.else === undefined ? success : this.run(node.else, inner, use);
      const status = this.run(clause.clause, inner, ignored);
      if (inner.stopped) return status;
      const then = (way: Scope): Status => this.run(clause.then, way, use);
      const otherwise = (way: Scope): Status => runClause(index + 1, way);
      if (status.code === 0)
        return this.#decided(status.from, inner, [...clauses.slice(index + 1), node.else], then);
      if (status.code !== undefined)
        return this.#decided(status.from, inner, [clause.then], otherwise);
      return this.#branchOn(status, inner, true, then, otherwise);
    };
    return runClause(0, scope);
  }

  #runCase(node: NodeOf<"Case">, scope: Scope, use: Use): Status {
    const { items, word } = node;
    const bodyOf = (index: number, inner: Scope): Status => {
      const { body, terminator } = items[index]!;
      const status = this.run(body, inner, use);
      return terminator === ";&" && index + 1 < items.length ? bodyOf(index + 1, inner) : status;
    };
    const { possible, isCertain, from } = matchCase(node, scope, this);
    if (possible.length === 0) {
      this.#skip(from, scope, items);
      return success;
    }
    if (possible.length === 1 && isCertain) {
      const others = items.filter((_, index) => index !== possible[0]);
      return this.#decided(from, scope, others, (inner) => bodyOf(possible[0]!, inner));
    }
    return this.ways.branch(scope, `what ${quoted(word.text)} is`, from, [
      ...possible.map((index) => ({ run: (inner: Scope) => bodyOf(index, inner) })),
      ...(isCertain ? [] : [{ run: () => success }]),
    ]);
  }

  #runPipeline({ commands, prefixes }: NodeOf<"Pipeline">, scope: Scope, use: Use): Status {
    const isInverted = prefixes.some(({ type }) => type === "Negation");
    const useOf = (isLast: boolean): Use => (isLast && !isInverted ? use : ignored);
    let status = success;
    if (commands.length === 1) status = this.#runNode(commands[0]!, scope, useOf(true));
    else {
      const { input, output } = scope;
      commands.forEach((command, index) => {
        const isLast = index === commands.length - 1;
        scope.output = isLast ? output : empty;
        status = this.inSubshell(scope, (inner) => this.#runNode(command, inner, useOf(isLast)));
        if (!isLast) scope.input = { content: scope.output, at: 0 };
      });
      scope.input = input;
    }
    return isInverted ? invert(status) : status;
  }

  inSubshell(scope: Scope, run: (inner: Scope) => Status): Status {
    const inner = scope.clone();
    const frame = openFrame("subshell");
    inner.frames = [...scope.frames, frame];
    const status = this.ways.close(inner, frame.left, run(inner), scope.guards);
    scope.files = inner.files;
    scope.output = inner.output;
    return status;
  }

  substitute(script: Script, scope: Scope): Value {
    const inner = scope.clone();
    inner.output = empty;
    if (script.source !== undefined) inner.source = this.#within(script.source, scope, script);
    this.inSubshell(inner, (deeper) => this.run(script, deeper, ignored));
    scope.files = inner.files;
    return mapText(inner.output, (text) => text.replace(/\n+$/, ""));
  }

  /** A text that a script brings in: its commands stand where the one stands that brought it in. */
  #within(text: string, scope: Scope, { pos }: { readonly pos: number }): SourceText {
    return { text, anchor: scope.source.anchor ?? pos };
  }

  runText(text: string, scope: Scope, use: Use, place: Place): Status | undefined {
    const script = tryParseScript(text);
    if (script === undefined || this.#depth >= deepest) return undefined;
    const { source } = scope;
    this.#depth++;
    scope.source = { text, anchor: place.offset };
    const status = this.run(script, scope, use);
    this.#depth--;
    scope.source = source;
    return status;
  }

  runWords(words: readonly Value[], scope: Scope, use: Use, place: Place): Status {
    const [first] = words;
    const called =
      first?.text === undefined || first.text.includes("/")
        ? undefined
        : scope.functions.get(first.text);
    if (called === undefined) return runNamed(words, scope, this, use, place);
    if (this.#depth >= deepest) return undecided(place.text);
    const frame = openFrame("function");
    const { frames, guards, positional, hasPositional, source } = scope;
    scope.frames = [...frames, frame];
    setPositional(scope, words.slice(1));
    scope.source = called.source;
    this.#depth++;
    const end = this.#runNode(called.body, scope, use);
    this.#depth--;
    const status = this.ways.close(scope, frame.left, end, guards);
    for (const [name, value] of frame.outer) {
      if (value === undefined) scope.variables.delete(name);
      else scope.variables.set(name, value);
    }
    Object.assign(scope, { frames, positional, hasPositional, source });
    return status;
  }

  report<Kind extends Action>(
    action: ReportedAction<Kind>,
    scope: Scope,
    { offset, text }: Place,
  ): Kind {
    const { guards } = scope;
    const from = unite(action.from, scope.conditions);
    const complete = { ...action, offset, text, guards, from } as unknown as Kind;
    if (this.#muted === 0) this.actions.push(complete);
    return complete;
  }

  mute(run: () => void): void {
    this.#muted++;
    run();
    this.#muted--;
  }

  want(path: string): void {
    this.wanted.add(path);
  }

  leave(scope: Scope, kind: Leaving, status: Status, levels: number): void {
    this.ways.leave(scope, kind, status, levels);
  }
}
