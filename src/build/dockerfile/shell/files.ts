/** Files, as far as a script and its caller tell what is in them. */
import { posix } from "node:path";
import { type FileChange } from "./action.ts";
import { type Scope } from "./scope.ts";
import { type Place, type Shell } from "./shell.ts";
import { concatenate, empty, nothing, unknown, type Value } from "./value.ts";

/** Where apk keeps what it goes by. */
const watched = /^\/(?:etc\/apk|(?:usr\/)?lib\/apk|usr\/share\/apk)(?:\/|$)/;

/** Whether a path is one of apk's own files. */
export function isWatched(path: string): boolean {
  return watched.test(path);
}

/** The absolute path that a word means in the scope's folder. */
export function resolvePath(word: Value, scope: Scope): Value {
  if (word.text === undefined) return word;
  if (word.text === "") return unknown("an empty path", word.from);
  const { directory } = scope;
  if (!word.text.startsWith("/") && directory.text === undefined)
    return unknown(directory.reason, directory.from);
  return { ...word, text: posix.resolve("/", directory.text ?? "", word.text) };
}

/** What is in a file. One that is not known is asked for. */
export function readFile(word: Value, scope: Scope, shell: Shell): Value {
  const path = resolvePath(word, scope);
  if (path.text === undefined) return unknown(`a file: ${path.reason}`, path.from);
  if (path.text === "/dev/null") return empty;
  if (path.text === "/dev/stdin") return restOfInput(scope);
  const content = scope.files.get(path.text);
  if (content !== undefined) return content;
  if (!/^\/(?:dev|proc|sys)\//.test(path.text)) shell.want(path.text);
  return unknown(`the content of ${path.text}`, path.from);
}

/** What is left at the standard input. */
export function restOfInput(scope: Scope): Value {
  const { content, at } = scope.input;
  return content.text === undefined ? content : { ...content, text: content.text.slice(at) };
}

/** Writes a file; `content` undefined removes it. */
export function writeFile(
  word: Value,
  content: Value | undefined,
  scope: Scope,
  shell: Shell,
  place: Place,
): void {
  const path = resolvePath(word, scope);
  if (path.text === undefined) return writeSomewhere(path, scope, shell, place);
  if (path.text.startsWith("/dev/")) return;
  const before = scope.files.get(path.text);
  scope.files.set(path.text, content ?? unknown(`the content of ${path.text}, which was removed`));
  if (!isWatched(path.text)) return;
  // That a file stays as it is, as after `touch`, is not worth an action.
  if (content !== undefined && before?.text !== undefined && before.text === content.text) return;
  const from = content?.from ?? nothing;
  shell.report<FileChange>({ kind: "file", path: path.text, content, from }, scope, place);
}

/** A file whose name is not known comes into a folder of apk's. */
function writeSomewhere(path: Value, scope: Scope, shell: Shell, place: Place): void {
  const folder = posix.dirname(`${path.beginning ?? ""}x`);
  if (!isWatched(folder)) return;
  const content = unknown(path.reason, path.from);
  shell.report<FileChange>({ kind: "file", path: folder, content, from: path.from }, scope, place);
}

export function appendFile(
  word: Value,
  content: Value,
  scope: Scope,
  shell: Shell,
  place: Place,
): void {
  const path = resolvePath(word, scope);
  if (path.text?.startsWith("/dev/") === true) return;
  const before = readFile(word, scope, shell);
  writeFile(word, concatenate([before, content]), scope, shell, place);
}

/** Adds to what the scope prints. */
export function print(scope: Scope, value: Value): void {
  scope.output = concatenate([scope.output, value]);
}
