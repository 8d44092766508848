/** The shell as its commands see it. */
import { type Action } from "./action.ts";
import { shortened, type Expander } from "./expand.ts";
import { type Scope } from "./scope.ts";
import { type Status } from "./status.ts";
import { type StatementList } from "./syntax.ts";
import { type Budget } from "./budget.ts";
import { type Value } from "./value.ts";

/** What the end of a command is used for. */
export interface Use {
  /** The step fails unless it succeeds. */
  readonly required: boolean;
  /** It is a condition: `set -e` does not count. */
  readonly tested: boolean;
}

export const ignored: Use = { required: false, tested: true };

/** Where a command stands. */
export interface Place {
  readonly offset: number;
  readonly text: string;
}

/** A command with its arguments; an argument that is not known can stand for several, or for none. */
export interface Call {
  /** Without a folder. */
  readonly name: string;
  /** As it was called. */
  readonly path: string;
  readonly args: readonly Value[];
  readonly place: Place;
}

/** An action without what its place and scope say of it. */
export type ReportedAction<Kind> = Kind extends Action
  ? Omit<Kind, "guards" | "offset" | "text">
  : never;

/** Where a node of the script that runs in a scope stands. */
export function placeOf(
  { source }: Scope,
  { pos, end }: { readonly pos: number; readonly end: number },
): Place {
  return { offset: source.anchor ?? pos, text: shortened(source.text.slice(pos, end)) };
}

export interface Shell extends Expander {
  /** apk's name of the architecture. */
  readonly arch: string;
  readonly hasApk: boolean;
  readonly budget: Budget;
  run(list: StatementList, scope: Scope, use: Use): Status;
  /** Runs a text that the script brings in, as `eval` does; undefined where it cannot be read. */
  runText(text: string, scope: Scope, use: Use, place: Place): Status | undefined;
  /** Runs a command that another one was given, as `sudo` does. */
  runWords(words: readonly Value[], scope: Scope, use: Use, place: Place): Status;
  /** Runs something whose variables and folder nobody sees outside, but whose files are there. */
  inSubshell(scope: Scope, run: (inner: Scope) => Status): Status;
  report<Kind extends Action>(action: ReportedAction<Kind>, scope: Scope, place: Place): Kind;
  /** Asks the caller for a file: one that it can tell is there when the script is read again. */
  want(path: string): void;
  /** Ends the loop, function, subshell or script. */
  leave(
    scope: Scope,
    kind: "break" | "continue" | "return" | "exit",
    status: Status,
    levels: number,
  ): void;
}

export type Handler = (call: Call, scope: Scope, shell: Shell, use: Use) => Status;
