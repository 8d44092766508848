/** Scopes: what a shell knows at one place of a script. A way that may be taken gets a copy of its own. */
import { type Guard } from "./action.ts";
import { type Status } from "./status.ts";
import { type CommandNode, type CompoundNode } from "./syntax.ts";
import { eitherOf, empty, known, unite, unknown, type Value } from "./value.ts";

export interface ShellFunction {
  readonly body: CompoundNode | CommandNode;
  readonly source: SourceText;
}

/** The text that nodes have their offsets in. */
export interface SourceText {
  readonly text: string;
  /** Where, in the step's script, the command stands that brought this text in; undefined for that script. */
  readonly anchor: number | undefined;
}

/** What `read` and xargs find at their standard input. */
export interface Input {
  readonly content: Value;
  readonly at: number;
}

/** A place where ways come together again: behind a loop, a function, a subshell or the script. */
export interface Frame {
  readonly kind: "loop" | "function" | "subshell" | "script";
  /** Those who left it: `break`, `return`, `exit`. */
  readonly left: Departure[];
  /** Those who went on with its next turn. */
  readonly continued: Departure[];
  /** What the function's local variables were outside of it. */
  readonly outer: Map<string, Value | undefined>;
}

export interface Departure {
  readonly scope: Scope;
  readonly status: Status;
}

export function openFrame(kind: Frame["kind"]): Frame {
  return { kind, left: [], continued: [], outer: new Map() };
}

export class Scope {
  /** Undefined: known not to be set. */
  variables = new Map<string, Value | undefined>();
  /** What variables depend on because of assignments that were not made. */
  taints = new Map<string, ReadonlySet<string>>();
  /** Whether a variable that is not among them is not set. */
  isEnvironmentKnown = true;
  functions = new Map<string, ShellFunction>();
  positional: readonly Value[] = [];
  /** `$0` */
  name: Value = known("sh");
  /** Whether all positional parameters are known one by one. */
  hasPositional = true;
  directory: Value = empty;
  /** Contents by absolute path, as far as the script or its caller told them. */
  files = new Map<string, Value>();
  errexit = false;
  guards: readonly Guard[] = [];
  frames: readonly Frame[] = [];
  /** What was printed since whoever wants to know began to listen. */
  output: Value = empty;
  input: Input = { content: unknown("the standard input"), at: 0 };
  source: SourceText = { text: "", anchor: undefined };
  /** Nothing more runs here: the way ended, or went on elsewhere. */
  stopped = false;

  clone(): Scope {
    const copy = new Scope();
    Object.assign(copy, this);
    copy.variables = new Map(this.variables);
    copy.taints = new Map(this.taints);
    copy.functions = new Map(this.functions);
    copy.files = new Map(this.files);
    return copy;
  }

  /** What the commands here depend on, whatever their words are. */
  get conditions(): ReadonlySet<string> {
    return unite(...this.guards.map(({ from }) => from));
  }

  become(other: Scope): void {
    Object.assign(this, other);
  }
}

/** The scope after one of several ways was taken. */
export function joinScopes(scopes: readonly Scope[], reason: string): Scope {
  const [first, ...others] = scopes;
  const joined = first!.clone();
  for (const other of others) {
    joinMaps(joined.variables, other.variables, reason);
    joinMaps(joined.files, other.files, reason);
    for (const [name, from] of other.taints)
      joined.taints.set(name, unite(from, joined.taints.get(name) ?? empty.from));
    for (const [name, called] of joined.functions)
      if (other.functions.get(name) !== called) joined.functions.delete(name);
    joined.hasPositional &&=
      other.hasPositional &&
      joined.positional.length === other.positional.length &&
      joined.positional.every((value, index) => value === other.positional[index]);
    joined.directory = eitherOf(joined.directory, other.directory, reason);
    joined.output = eitherOf(joined.output, other.output, reason);
    if (joined.input !== other.input)
      joined.input = { content: unknown("the standard input"), at: 0 };
    joined.errexit &&= other.errexit;
  }
  return joined;
}

function joinMaps(
  target: Map<string, Value | undefined>,
  other: ReadonlyMap<string, Value | undefined>,
  reason: string,
): void;
function joinMaps(
  target: Map<string, Value>,
  other: ReadonlyMap<string, Value>,
  reason: string,
): void;
function joinMaps(
  target: Map<string, Value | undefined>,
  other: ReadonlyMap<string, Value | undefined>,
  reason: string,
): void {
  for (const name of new Set([...target.keys(), ...other.keys()])) {
    const [one, two] = [target.get(name), other.get(name)];
    if (one === two && target.has(name) === other.has(name)) continue;
    target.set(
      name,
      one === undefined || two === undefined
        ? unknown(reason, unite((one ?? two)?.from ?? empty.from))
        : eitherOf(one, two, reason),
    );
  }
}

/** Sets `$1` and the rest; where an argument may be several, none of them is known. */
export function setPositional(scope: Scope, values: readonly Value[]): void {
  scope.hasPositional = values.every(({ isList }) => isList !== true);
  scope.positional = values;
}
