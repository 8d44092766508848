/** Builtins: commands that change the shell itself. */
import { type Doubt } from "./action.ts";
import { escapeSet, splitText } from "./expand.ts";
import { print, readFile, resolvePath } from "./files.ts";
import { setPositional, type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell, type Use } from "./shell.ts";
import { failure, success, undecided, type Status } from "./status.ts";
import { concatenate, dependingOn, known, originsOf, unknown, type Value } from "./value.ts";

const succeed: Handler = () => success;

export const builtinHandlers: Readonly<Record<string, Handler>> = {
  ":": succeed,
  true: succeed,
  false: () => failure,
  alias: succeed,
  umask: succeed,
  ulimit: succeed,
  trap: succeed,
  wait: succeed,
  shopt: succeed,
  cd: changeDirectory,
  set: setOptions,
  shift: shiftArguments,
  export: declare,
  readonly: declare,
  declare,
  typeset: declare,
  local: declareLocal,
  unset: (call, scope) => {
    for (const { text } of call.args) {
      if (text === undefined || text.startsWith("-")) continue;
      scope.variables.set(text, undefined);
      scope.functions.delete(text);
    }
    return success;
  },
  read: readLine,
  pwd: (_, scope) => {
    print(scope, concatenate([scope.directory, known("\n")]));
    return success;
  },
  eval: evaluate,
  ".": source,
  source,
  break: (call, scope, shell) => leave("break", call, scope, shell),
  continue: (call, scope, shell) => leave("continue", call, scope, shell),
  return: (call, scope, shell) => leave("return", call, scope, shell),
  exit: (call, scope, shell) => leave("exit", call, scope, shell),
};

function changeDirectory({ args, place }: Call, scope: Scope): Status {
  const target = args.find(({ text }) => text === undefined || !/^-[LP]+$/.test(text));
  const wanted = target ?? scope.variables.get("HOME") ?? unknown("the home folder");
  scope.directory =
    wanted.text === "-" || wanted.isList === true
      ? unknown("the folder before")
      : resolvePath(wanted, scope);
  return undecided(place.text);
}

function setOptions({ args }: Call, scope: Scope): Status {
  for (let at = 0; at < args.length; at++) {
    const { text } = args[at]!;
    if (text === "--") {
      setPositional(scope, args.slice(at + 1));
      return success;
    }
    if (text === undefined || !/^[-+]./.test(text)) {
      setPositional(scope, args.slice(at));
      return success;
    }
    const isOn = text.startsWith("-");
    if (/^[-+][a-zA-Z]*e/.test(text)) scope.errexit = isOn;
    if (text.endsWith("o")) {
      const name = args[at + 1]?.text;
      if (name === "errexit") scope.errexit = isOn;
      if (name !== undefined && !/^[-+]/.test(name)) at++;
    }
  }
  return success;
}

function shiftArguments({ args }: Call, scope: Scope): Status {
  const count = args.length === 0 ? 1 : Number(args[0]!.text);
  if (!Number.isInteger(count)) scope.hasPositional = false;
  else if (scope.hasPositional) scope.positional = scope.positional.slice(count);
  return success;
}

function declare({ args }: Call, scope: Scope): Status {
  for (const arg of args) setVariable(arg, scope);
  return success;
}

/** Sets `NAME=VALUE`; a name alone changes nothing that matters here. */
function setVariable(arg: Value, scope: Scope): void {
  const { text, reason, from, beginning = "" } = arg;
  const match = /^([A-Za-z_]\w*)(\+?)=/.exec(text ?? beginning);
  if (match === null) return;
  const [head, name, plus] = match;
  const added = text === undefined ? unknown(reason, from) : known(text.slice(head.length), from);
  const before = plus === "" ? undefined : scope.variables.get(name!);
  const value = before === undefined ? added : concatenate([before, added]);
  scope.variables.set(name!, dependingOn(value, scope.conditions));
}

function declareLocal(call: Call, scope: Scope): Status {
  const frame = scope.frames.findLast(({ kind }) => kind === "function");
  for (const { text: whole, beginning = "" } of call.args) {
    const text = whole ?? beginning;
    const name = /^[A-Za-z_]\w*/.exec(text)?.[0];
    if (name === undefined || frame === undefined || frame.outer.has(name)) continue;
    frame.outer.set(name, scope.variables.get(name));
    if (!text.includes("=")) scope.variables.set(name, undefined);
  }
  return declare(call, scope);
}

/** Takes a line of the standard input apart into variables. */
function readLine({ args, place }: Call, scope: Scope): Status {
  const names = args.filter(({ text }) => text === undefined || !text.startsWith("-"));
  const { content, at } = scope.input;
  const takesOptions = args.some(({ text }) => /^-[^r]/.test(text ?? ""));
  if (content.text === undefined || takesOptions || names.some(({ text }) => text === undefined)) {
    for (const { text } of names)
      if (text !== undefined)
        scope.variables.set(text, unknown(content.reason || "a line that is read", content.from));
    return undecided(place.text, content.from);
  }
  const end = content.text.indexOf("\n", at);
  const line = content.text.slice(at, end === -1 ? undefined : end);
  scope.input = { content, at: end === -1 ? content.text.length : end + 1 };
  const fields = splitFields(line, scope, names.length);
  names.forEach(({ text }, index) =>
    scope.variables.set(text!, known(fields[index] ?? "", content.from)),
  );
  return { ...(end === -1 ? failure : success), from: content.from };
}

/** As many fields as there are names; the last one takes the rest of the line. */
function splitFields(line: string, scope: Scope, count: number): string[] {
  const separators = scope.variables.get("IFS")?.text ?? " \t\n";
  if (separators === "" || count === 0) return [line];
  const trimmed = separators.includes(" ") ? line.trim() : line;
  if (count === 1) return [trimmed];
  const fields = splitText(trimmed, separators);
  if (fields.length <= count) return fields;
  const first = fields.slice(0, count - 1);
  let rest = trimmed;
  for (const field of first) rest = rest.slice(rest.indexOf(field) + field.length);
  return [...first, rest.replace(new RegExp(`^[${escapeSet(separators)}]+`), "")];
}

function evaluate({ args, place }: Call, scope: Scope, shell: Shell, use: Use): Status {
  const text = concatenate(args.flatMap((arg, index) => (index === 0 ? [arg] : [known(" "), arg])));
  if (args.length === 0) return success;
  const status = text.text === undefined ? undefined : shell.runText(text.text, scope, use, place);
  if (status !== undefined) return status;
  if (mentionsApk(args, place.text))
    shell.report<Doubt>(
      {
        kind: "doubt",
        reason: `eval runs ${text.reason || "a script that cannot be read"}`,
        reach: "root",
        from: originsOf(args),
      },
      scope,
      place,
    );
  return undecided(place.text, originsOf(args));
}

function mentionsApk(args: readonly Value[], text: string): boolean {
  return /\bapk\b/.test(text) || args.some((arg) => /\bapk\b/.test(arg.text ?? ""));
}

function source({ args, place }: Call, scope: Scope, shell: Shell, use: Use): Status {
  const [path] = args;
  if (path === undefined) return undecided(place.text);
  const content = readFile(path, scope, shell);
  const status =
    content.text === undefined ? undefined : shell.runText(content.text, scope, use, place);
  if (status !== undefined) return status;
  // Whatever variables it sets are not known from here on.
  for (const [name, value] of scope.variables)
    if (value?.text !== undefined && !isOrdinary(name))
      scope.variables.set(name, unknown(content.reason || `what ${place.text} sets`, value.from));
  return undecided(place.text);
}

/** Variables that no profile or list of settings changes in a way that would matter. */
function isOrdinary(name: string): boolean {
  return name === "PATH" || name === "HOME" || name === "IFS";
}

function leave(
  kind: "break" | "continue" | "return" | "exit",
  { args, place }: Call,
  scope: Scope,
  shell: Shell,
): Status {
  const [first] = args;
  if (kind === "break" || kind === "continue") {
    const levels = Number(first?.text ?? 1);
    shell.leave(scope, kind, success, Number.isInteger(levels) && levels > 0 ? levels : 1);
    return success;
  }
  const code =
    first === undefined
      ? undefined
      : /^\d+$/.test(first.text ?? "")
        ? Number(first.text)
        : undefined;
  const status =
    first === undefined ? undecided(place.text) : { ...undecided(place.text, first.from), code };
  shell.leave(scope, kind, status, 1);
  return status;
}
