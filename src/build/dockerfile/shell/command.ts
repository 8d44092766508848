/** Commands: assignments, redirections, and which handler knows what a command does. */
import { type Doubt, type FileChange } from "./action.ts";
import { apkHandlers } from "./apk.ts";
import { builtinHandlers } from "./builtin.ts";
import { conditionHandlers } from "./condition.ts";
import { expandFields, expandText } from "./expand.ts";
import { fileHandlers } from "./file-command.ts";
import { isWatched, print, readFile, resolvePath } from "./files.ts";
import { outputHandlers } from "./output.ts";
import { withRedirections } from "./redirection.ts";
import { setPositional, type Scope } from "./scope.ts";
import { sedHandlers } from "./sed.ts";
import { placeOf, type Call, type Handler, type Place, type Shell, type Use } from "./shell.ts";
import { success, unanswered, undecided, type Status } from "./status.ts";
import { type Assignment, type NodeOf, type Word } from "./syntax.ts";
import { filterHandlers } from "./text-filter.ts";
import {
  concatenate,
  dependingOn,
  empty,
  known,
  nothing,
  originsOf,
  unknown,
  type Value,
} from "./value.ts";
import { wrapperHandlers } from "./wrapper.ts";

const handlers: ReadonlyMap<string, Handler> = new Map(
  [
    apkHandlers,
    builtinHandlers,
    conditionHandlers,
    fileHandlers,
    filterHandlers,
    outputHandlers,
    sedHandlers,
    wrapperHandlers,
  ].flatMap((table) => Object.entries(table)),
);

/** Commands that are names of shell syntax or change the shell itself are not looked for in folders. */
const toolFolders = /^\/(?:usr\/)?(?:local\/)?s?bin\//;

export function runCommand(node: NodeOf<"Command">, scope: Scope, shell: Shell, use: Use): Status {
  const place = placeOf(scope, node);
  const words = [
    ...(node.name === undefined ? [] : expandFields([node.name], scope, shell)),
    ...node.args.flatMap((word) => argumentOf(word, scope, shell)),
  ];
  const assignments = node.prefix.filter((each) => each.type === "Assignment");
  return withRedirections(node.redirects, scope, shell, place, () => {
    if (words.length === 0) {
      for (const assignment of assignments) assign(assignment, scope, shell);
      return assignments.some(({ value }) => hasSubstitution(value))
        ? undecided(place.text)
        : success;
    }
    const before = assignments.map(({ name }) => [name, scope.variables.get(name)] as const);
    for (const assignment of assignments) assign(assignment, scope, shell);
    const status = shell.runWords(words, scope, use, place);
    for (const [name, value] of before) {
      if (value === undefined) scope.variables.delete(name);
      else scope.variables.set(name, value);
    }
    return status;
  });
}

function argumentOf(word: Word | Assignment, scope: Scope, shell: Shell): Value[] {
  if (word.type === "Word") return expandFields([word], scope, shell);
  const { name, append, value } = word;
  return [
    concatenate([known(`${name}${append === true ? "+=" : "="}`), valueOf(value, scope, shell)]),
  ];
}

function valueOf(value: Assignment["value"], scope: Scope, shell: Shell): Value {
  return value.type === "Word" ? expandText(value, scope, shell) : unknown("an array");
}

function hasSubstitution(value: Assignment["value"]): boolean {
  return (
    value.type === "Word" && (value.parts?.some(({ type }) => type === "CommandExpansion") ?? false)
  );
}

function assign({ name, value, append, index }: Assignment, scope: Scope, shell: Shell): void {
  const added = index === undefined ? valueOf(value, scope, shell) : unknown("an array");
  const before = append === true ? (scope.variables.get(name) ?? empty) : undefined;
  const whole = before === undefined ? added : concatenate([before, added]);
  scope.variables.set(name, dependingOn(whole, scope.conditions));
}

/** Runs a command that is no function. */
export function runNamed(
  words: readonly Value[],
  scope: Scope,
  shell: Shell,
  use: Use,
  place: Place,
): Status {
  const [first, ...args] = words;
  if (first === undefined) return success;
  if (first.text === undefined) return runUnnamed(first, args, scope, shell, place);
  const path = first.text;
  const name = path.replace(toolFolders, "");
  const call: Call = { name, path, args, place };
  const handler = handlers.get(name);
  if (handler !== undefined) return handler(call, scope, shell, use);
  return runScriptFile(call, scope, shell, use) ?? runProgram(call, scope, shell);
}

const apkCommands = new Set(["add", "del", "upgrade", "fix"]);

/** A command whose very name is not known. */
function runUnnamed(
  first: Value,
  args: readonly Value[],
  scope: Scope,
  shell: Shell,
  place: Place,
): Status {
  const [command, subcommand] = args;
  // An empty variable in front, as in `$SUDO apk add`, would be the one thing that matters.
  if (
    isApk(command) ||
    apkCommands.has(command?.text ?? "") ||
    apkCommands.has(subcommand?.text ?? "")
  )
    doubt(`which command it is depends on ${first.reason}`, [first, ...args], scope, shell, place);
  print(scope, unknown(`the output of ${place.text}`));
  return undecided(place.text, first.from);
}

function isApk(word: Value | undefined): boolean {
  return word?.text === "apk" || word?.text === "/sbin/apk";
}

function doubt(
  reason: string,
  values: readonly Value[],
  scope: Scope,
  shell: Shell,
  place: Place,
): void {
  shell.report<Doubt>(
    { kind: "doubt", reason, reach: "root", from: originsOf(values) },
    scope,
    place,
  );
}

/** A shell script that the build brings in, or that its base has in a place for local programs. */
function runScriptFile(call: Call, scope: Scope, shell: Shell, use: Use): Status | undefined {
  const { path, args, place } = call;
  const paths = path.includes("/") ? [path] : [`/usr/local/bin/${path}`, `/usr/local/sbin/${path}`];
  for (const each of paths) {
    const { text } = readFile(known(each), scope, shell);
    if (text === undefined || !/^#!\s*\S*\/(?:env\s+)?(?:ba|da|a|)sh\b/.test(text)) continue;
    if (!/\bapk\b/.test(text)) return undefined;
    return shell.inSubshell(scope, (inner) => {
      setPositional(inner, args);
      const status = shell.runText(text, inner, use, place);
      if (status !== undefined) return status;
      doubt(`${each} runs apk, and cannot be read`, [], inner, shell, place);
      return undecided(place.text);
    });
  }
  return undefined;
}

/** Programs that ask something: their failure is an answer. */
const questions = new Set(
  `cmp diff expr getent hostname id ls lsmod mountpoint nc pgrep pidof ping ping6
  readlink rpm dpkg stat whoami`.split(/\s+/),
);

/** Programs that print nothing unless they are asked to, or fail. */
const quiet = new Set(
  `addgroup adduser chgrp chmod chown delgroup deluser groupadd kill ldconfig ln mkdir mkfifo mknod
  mount passwd rmdir setcap sleep sync touch umount update-ca-certificates useradd usermod`.split(
    /\s+/,
  ),
);

/** Programs that only look at files that they are given. */
const readers = new Set(
  `chgrp chmod chown cmp diff du file find ls md5sum od openssl readlink sha1sum sha256sum sha512sum stat
  strings touch wc apk mkdir realpath gpg`.split(/\s+/),
);

/** Any other program. */
function runProgram({ name, args, place }: Call, scope: Scope, shell: Shell): Status {
  const at = args.findIndex((arg) => isApk(arg));
  if (at !== -1 && args.slice(at + 1).some(({ text }) => apkCommands.has(text ?? "")))
    doubt(`whether and how apk runs, which is up to ${name}`, args, scope, shell, place);
  if (!readers.has(name)) touchWatched(name, args, scope, shell, place);
  if (!quiet.has(name)) print(scope, outputOf(name, args, scope));
  const from = originsOf(args);
  return questions.has(name) ? unanswered(place.text, from) : undecided(place.text, from);
}

/** At the end of a pipeline, what began it is what nobody knows. */
function outputOf(name: string, args: readonly Value[], scope: Scope): Value {
  const { reason } = scope.input.content;
  const isPiped = reason.startsWith("the output of");
  return unknown(isPiped ? reason : `the output of ${name}`, originsOf(args));
}

/** What a program does with a file of apk's that it is given is not known. */
function touchWatched(
  name: string,
  args: readonly Value[],
  scope: Scope,
  shell: Shell,
  place: Place,
): void {
  for (const arg of args) {
    const path = resolvePath(mentionedPath(arg), scope).text;
    if (path === undefined || !isWatched(path)) continue;
    const content = unknown(`what ${name} makes of ${path}`);
    scope.files.set(path, content);
    shell.report<FileChange>({ kind: "file", path, content, from: nothing }, scope, place);
  }
}

/** The path in an argument such as `--output=/etc/apk/keys/x`. */
function mentionedPath(arg: Value): Value {
  const match = /^-[^=]*=(\/.*)$/.exec(arg.text ?? "");
  return match === null ? arg : known(match[1]!);
}
