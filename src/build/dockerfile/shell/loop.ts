/** Loops: unrolled where their words are known; otherwise what they change is not known. */
import { expandFields, quoted } from "./expand.ts";
import { openFrame, type Scope } from "./scope.ts";
import { ignored, type Shell, type Use } from "./shell.ts";
import { failure, success, type Status } from "./status.ts";
import { type NodeOf, type StatementList } from "./syntax.ts";
import { nothing, originsOf, unite, unknown, type Value } from "./value.ts";
import { type Ways } from "./ways.ts";

/** What loops need beside the shell. */
export interface LoopShell extends Shell {
  readonly ways: Ways;
  /** Runs something of which nothing is reported. */
  mute(run: () => void): void;
}

/** More turns than these are not followed one by one. */
const mostTurns = 500;

export function runFor(
  { name, wordlist, body }: NodeOf<"For">,
  scope: Scope,
  use: Use,
  shell: LoopShell,
): Status {
  const values =
    wordlist === undefined
      ? scope.hasPositional
        ? scope.positional
        : [unknown("the arguments")]
      : expandFields(wordlist, scope, shell);
  const missing = values.find(({ text }) => text === undefined);
  const loop = openLoop(scope);
  if (missing === undefined && values.length <= mostTurns) {
    for (const value of values) {
      if (scope.stopped) break;
      scope.variables.set(name.value, value);
      takeTurn(body, scope, use, shell, loop);
    }
    return closeLoop(scope, shell, loop);
  }
  const reason = missing?.reason ?? "a very long list";
  repeat(scope, shell, reason, originsOf(values), (inner) => {
    inner.variables.set(name.value, unknown(reason, originsOf(values)));
    takeTurn(body, inner, use, shell, { ...loop, frame: inner.frames.at(-1)! });
  });
  return closeLoop(scope, shell, loop);
}

export function runWhile(
  { kind, clause, body, pos, end }: NodeOf<"While">,
  scope: Scope,
  use: Use,
  shell: LoopShell,
): Status {
  const loop = openLoop(scope);
  const text = scope.source.text.slice(pos, end);
  for (let turn = 0; ; turn++) {
    const status = shell.run(clause, scope, ignored);
    if (scope.stopped) break;
    // That apk works is what the loop waits for.
    const code = status.code ?? (status.command && (status.inverted === true ? 1 : 0));
    if (code !== undefined && (code === 0) !== (kind === "while")) break;
    if (code === undefined || turn >= mostTurns) {
      repeat(scope, shell, `how often ${quoted(text)} repeats`, status.from, (inner) => {
        takeTurn(body, inner, use, shell, { ...loop, frame: inner.frames.at(-1)! });
        if (!inner.stopped) shell.run(clause, inner, ignored);
      });
      break;
    }
    takeTurn(body, scope, use, shell, loop);
    if (scope.stopped) break;
  }
  return closeLoop(scope, shell, loop);
}

/** A loop of another kind, of which nothing is known. */
export function runUnknownLoop(
  body: StatementList,
  scope: Scope,
  use: Use,
  shell: LoopShell,
): Status {
  const loop = openLoop(scope);
  repeat(scope, shell, "how often a loop repeats", nothing, (inner) =>
    takeTurn(body, inner, use, shell, { ...loop, frame: inner.frames.at(-1)! }),
  );
  return closeLoop(scope, shell, loop);
}

interface Loop {
  readonly frame: ReturnType<typeof openFrame>;
  readonly outer: Pick<Scope, "guards" | "frames">;
}

function openLoop(scope: Scope): Loop {
  const { guards, frames } = scope;
  const frame = openFrame("loop");
  scope.frames = [...frames, frame];
  return { frame, outer: { guards, frames } };
}

function takeTurn(
  body: StatementList,
  scope: Scope,
  use: Use,
  shell: LoopShell,
  { frame }: Loop,
): void {
  const { guards } = scope;
  const leftBefore = frame.left.length;
  const status = shell.run(body, scope, { ...use, required: false });
  const continued = frame.continued.splice(0);
  if (continued.length > 0) {
    const isStopped = scope.stopped;
    shell.ways.close(scope, continued, isStopped ? failure : status, scope.guards);
    // Only where nobody left the loop is the next turn as certain as this one.
    if (frame.left.length === leftBefore) scope.guards = guards;
  }
}

function closeLoop(scope: Scope, shell: LoopShell, { frame, outer }: Loop): Status {
  if (frame.left.length > 0 || scope.guards !== outer.guards)
    shell.ways.close(scope, frame.left, success, outer.guards);
  scope.frames = outer.frames;
  return success;
}

/** Runs something that may run any number of times. */
function repeat(
  scope: Scope,
  shell: LoopShell,
  reason: string,
  from: ReadonlySet<string>,
  turn: (scope: Scope) => void,
): void {
  const probe = scope.clone();
  probe.frames = scope.frames.map(({ kind, outer }) => ({ ...openFrame(kind), outer }));
  shell.mute(() => turn(probe));
  const seen = [
    probe,
    ...probe.frames.flatMap(({ left, continued }) =>
      [...left, ...continued].map((departure) => departure.scope),
    ),
  ];
  for (const changed of seen) forgetChanges(scope, changed, reason, from);
  shell.ways.branch(scope, reason, from, [
    { run: (inner) => (turn(inner), success) },
    { run: () => success },
  ]);
}

/** What a turn changes can be anything before the next one. */
function forgetChanges(
  scope: Scope,
  changed: Scope,
  reason: string,
  from: ReadonlySet<string>,
): void {
  const forget = (value: Value | undefined): Value =>
    unknown(value?.reason || reason, unite(from, value?.from ?? nothing));
  for (const [name, value] of changed.variables)
    if (scope.variables.get(name) !== value) scope.variables.set(name, forget(value));
  for (const [path, value] of changed.files)
    if (scope.files.get(path) !== value) scope.files.set(path, forget(value));
  if (changed.positional !== scope.positional) scope.hasPositional = false;
  if (changed.directory !== scope.directory) scope.directory = forget(changed.directory);
  if (changed.output !== scope.output) scope.output = forget(changed.output);
  if (changed.input !== scope.input)
    scope.input = { content: unknown("the standard input", from), at: 0 };
}
