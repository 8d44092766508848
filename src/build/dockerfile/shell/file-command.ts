/** Commands that write files: cp, mv, rm, install, ln, tee, wget and curl. */
import { posix } from "node:path";
import { type FileChange } from "./action.ts";
import {
  appendFile,
  isWatched,
  print,
  readFile,
  resolvePath,
  restOfInput,
  writeFile,
} from "./files.ts";
import { type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell } from "./shell.ts";
import { success, undecided, type Status } from "./status.ts";
import { known, originsOf, unknown, type Value } from "./value.ts";

export const fileHandlers: Readonly<Record<string, Handler>> = {
  cp: (call, scope, shell) => copy(call, scope, shell, /^-[tS]$/),
  mv: (call, scope, shell) => copy(call, scope, shell, /^-[tS]$/),
  ln: (call, scope, shell) => copy(call, scope, shell, /^-[tS]$/),
  install: (call, scope, shell) => copy(call, scope, shell, /^-[tSmogZ]$|^--(?:mode|owner|group)$/),
  rm: remove,
  unlink: remove,
  tee,
  wget: (call, scope, shell) => download(call, scope, shell, wgetTargets(call)),
  curl: (call, scope, shell) => download(call, scope, shell, curlTargets(call)),
};

/** Folders that are there in every Alpine root. */
const folders = new Set([
  "/",
  "/etc",
  "/etc/apk",
  "/etc/apk/keys",
  "/tmp",
  "/root",
  "/usr/local/bin",
]);

function isFolder(word: Value, path: string, scope: Scope): boolean {
  return (
    word.text!.endsWith("/") ||
    folders.has(path) ||
    Array.from(scope.files.keys()).some((each) => each.startsWith(`${path}/`))
  );
}

function operandsOf(args: readonly Value[], withValue: RegExp): readonly Value[] {
  const operands: Value[] = [];
  for (let at = 0; at < args.length; at++) {
    const { text } = args[at]!;
    if (text === "--") return [...operands, ...args.slice(at + 1)];
    if (text === undefined || !/^-./.test(text)) operands.push(args[at]!);
    else if (withValue.test(text)) at++;
  }
  return operands;
}

/** Copies, moves or links; a link has what its target has. */
function copy(call: Call, scope: Scope, shell: Shell, withValue: RegExp): Status {
  const { name, args, place } = call;
  const operands = operandsOf(args, withValue);
  const target = operands.at(-1);
  const sources = operands.slice(0, -1);
  if (args.some(({ text }) => text === "-d")) return undecided(place.text);
  const path = target && resolvePath(target, scope).text;
  if (path === undefined || target?.text === undefined) return undecided(place.text);
  const isInto = sources.length > 1 || isFolder(target, path, scope);
  for (const source of sources) {
    const from = resolvePath(source, scope).text;
    if (from === undefined) {
      if (isWatched(path)) spoil(path, source, call, scope, shell);
      continue;
    }
    const isContents = source.text!.endsWith("/.");
    const destination = isInto && !isContents ? posix.join(path, posix.basename(from)) : path;
    const inside = Array.from(scope.files).filter(([each]) => each.startsWith(`${from}/`));
    for (const [each, content] of inside)
      writeFile(
        known(posix.join(destination, each.slice(from.length))),
        content,
        scope,
        shell,
        place,
      );
    if (inside.length > 0 && name !== "mv") continue;
    writeFile(known(destination), readFile(source, scope, shell), scope, shell, place);
    if (name === "mv") writeFile(source, undefined, scope, shell, place);
  }
  return undecided(place.text);
}

/** Files whose names are not known come into a folder of apk's. */
function spoil(path: string, source: Value, { place }: Call, scope: Scope, shell: Shell): void {
  const content = unknown(source.reason, source.from);
  shell.report<FileChange>({ kind: "file", path, content, from: source.from }, scope, place);
}

function remove({ args, place }: Call, scope: Scope, shell: Shell): Status {
  for (const operand of operandsOf(args, /^$/)) {
    const path = resolvePath(operand, scope).text;
    if (path === undefined) continue;
    for (const each of Array.from(scope.files.keys()))
      if (each.startsWith(`${path === "/" ? "" : path}/`))
        writeFile(known(each), undefined, scope, shell, place);
    if (isWatched(path) || scope.files.has(path))
      writeFile(operand, undefined, scope, shell, place);
  }
  return undecided(place.text);
}

function tee({ args, place }: Call, scope: Scope, shell: Shell): Status {
  const content = restOfInput(scope);
  const appends = args.some(({ text }) => text === "-a" || text === "--append");
  for (const file of operandsOf(args, /^$/))
    (appends ? appendFile : writeFile)(file, content, scope, shell, place);
  print(scope, content);
  return success;
}

/** Where the answer goes: files, or the standard output (`-`). */
type Targets = readonly (Value | "-")[];

function download({ args, place }: Call, scope: Scope, shell: Shell, targets: Targets): Status {
  const url = args.find(({ text }) => /^(?:https?|ftp):/.test(text ?? ""));
  const content = unknown(
    url?.text === undefined ? "a download" : `what ${url.text} holds`,
    originsOf(args),
  );
  for (const target of targets) {
    if (target === "-" || target.text === "-") print(scope, content);
    else writeFile(target, content, scope, shell, place);
  }
  return undecided(place.text, originsOf(args));
}

/** The last part of an address, under which it is stored. */
function nameOf(url: Value): Value {
  const name = /^[^?#]*\/([^/?#]+)/.exec(url.text ?? "")?.[1];
  return name === undefined ? unknown("the name of a download", url.from) : known(name, url.from);
}

function urlsOf(args: readonly Value[]): readonly Value[] {
  return args.filter(({ text }) => text === undefined || /^(?:https?|ftp):/.test(text));
}

/** The value of an option: behind it, in the next word, or behind `=`. */
function optionValue(args: readonly Value[], letter: string, long: string): Value | undefined {
  for (const [at, arg] of args.entries()) {
    const { text } = arg;
    if (text === `--${long}`) return args[at + 1];
    if (text?.startsWith(`--${long}=`)) return { ...arg, text: text.slice(long.length + 3) };
    if (text === undefined || !/^-[a-zA-Z]/.test(text)) continue;
    const index = text.indexOf(letter);
    if (index === text.length - 1) return args[at + 1];
    if (index > 0 && (index === 1 || letter === "O"))
      return { ...arg, text: text.slice(index + 1) };
  }
  return undefined;
}

function wgetTargets({ args }: Call): Targets {
  const target = optionValue(args, "O", "output-document");
  if (target !== undefined) return [target];
  const folder = optionValue(args, "P", "directory-prefix");
  return urlsOf(args)
    .map(nameOf)
    .map((name) => within(folder, name));
}

function within(folder: Value | undefined, name: Value): Value {
  if (folder === undefined || folder.text === undefined || name.text === undefined) return name;
  return { ...name, text: posix.join(folder.text, name.text) };
}

function curlTargets({ args }: Call): Targets {
  const target = optionValue(args, "o", "output");
  if (target !== undefined) return [target];
  const keepsName = args.some(({ text }) => /^-[a-zA-Z]*O|^--remote-name$/.test(text ?? ""));
  return keepsName ? urlsOf(args).map(nameOf) : ["-"];
}
