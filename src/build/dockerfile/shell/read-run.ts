/** Reading RUN: from a step of a plan to what it does to packages. */
import { posix } from "node:path";
import { type RunStep } from "../steps.ts";
import { type Action, type Doubt } from "./action.ts";
import { shortened } from "./expand.ts";
import { Interpreter } from "./interpreter.ts";
import { openFrame, Scope } from "./scope.ts";
import { type Use } from "./shell.ts";
import { success } from "./status.ts";
import { tryParseScript } from "./syntax.ts";
import { known, nothing, unknown, type Value } from "./value.ts";

export interface RunContext {
  /** apk's name of the architecture, such as `x86_64`. */
  readonly arch: string;
  /** What is in files of the root, by absolute path, as far as it is known. */
  readonly files: ReadonlyMap<string, string>;
  /** Whether the root has apk. */
  readonly hasApk: boolean;
  /** Whether the environment is whole: false where the config of the base image is not known. */
  readonly isEnvironmentKnown: boolean;
}

export interface ReadRun {
  /** In the order in which they happen. */
  readonly actions: readonly Action[];
  /** Files of the root that would have told more. */
  readonly wanted: ReadonlySet<string>;
  /** What is in the files that the script writes afterwards; undefined where that is not known. */
  readonly written: ReadonlyMap<string, string | undefined>;
  /** Variables that keep commands of apk from running; those of commands that run stand with the actions. */
  readonly variables: ReadonlySet<string>;
}

const whole: Use = { required: true, tested: false };

/** Reads what a RUN step does to packages. It is read again with more files where they are wanted. */
export function readRun(step: RunStep, context: RunContext): ReadRun {
  const script = scriptOf(step);
  const [shell] = step.words;
  const interpreter = new Interpreter({
    arch: context.arch,
    hasApk: context.hasApk,
    isBash: posix.basename(interpreterOf(step) ?? shell ?? "") === "bash",
  });
  const scope = openScope(step, context);
  const before = new Map(scope.files);
  const text = script ?? step.words.join(" ");
  const place = { offset: 0, text: shortened(text) };
  scope.source = { text, anchor: script === undefined ? 0 : undefined };
  const parsed = script === undefined ? undefined : tryParseScript(script);
  if (isForeign(step, text, script !== undefined && parsed === undefined))
    interpreter.report<Doubt>(
      {
        kind: "doubt",
        reason:
          parsed === undefined && script !== undefined
            ? "its syntax is unusual"
            : "it is no shell script",
        reach: "root",
        from: nothing,
      },
      scope,
      place,
    );
  else if (parsed !== undefined) interpreter.run(parsed, scope, whole);
  else if (script === undefined)
    interpreter.runWords(
      step.words.map((word) => known(word)),
      scope,
      whole,
      place,
    );
  const [frame] = scope.frames;
  interpreter.ways.close(scope, frame!.left, success, []);
  return {
    actions: interpreter.actions,
    wanted: interpreter.wanted,
    written: writtenFiles(scope, before),
    variables: interpreter.decisive,
  };
}

function writtenFiles(
  scope: Scope,
  before: ReadonlyMap<string, Value>,
): ReadonlyMap<string, string | undefined> {
  const written = new Map<string, string | undefined>();
  for (const [path, value] of scope.files)
    if (before.get(path) !== value) written.set(path, value.text);
  return written;
}

/** Whether a step speaks of apk in a language that is not read here. */
function isForeign(step: RunStep, text: string, isUnreadable: boolean): boolean {
  const { file } = step;
  if (file === undefined) return isUnreadable && /\bapk\b/.test(text);
  return !isShell(interpreterOf(step)) && /\bapk\b/.test(file.content);
}

function openScope(step: RunStep, { files, isEnvironmentKnown }: RunContext): Scope {
  const scope = new Scope();
  scope.frames = [openFrame("script")];
  scope.directory = known(step.directory === "" ? "/" : step.directory);
  scope.errexit = step.words.slice(1, -1).some((word) => /^-[a-zA-Z]*e/.test(word));
  scope.isEnvironmentKnown = isEnvironmentKnown;
  for (const [path, text] of files) scope.files.set(path, known(text));
  if (step.file !== undefined) scope.files.set(step.file.path, known(step.file.content));
  scope.variables.set("HOME", isRoot(step) ? known("/root") : unknown("the home folder"));
  for (const variable of step.environment) {
    const at = variable.indexOf("=");
    const name = at === -1 ? variable : variable.slice(0, at);
    scope.variables.set(name, known(at === -1 ? "" : variable.slice(at + 1), new Set([name])));
  }
  return scope;
}

function isRoot({ user }: RunStep): boolean {
  return /^(?:|root|0)(?::|$)/.test(user);
}

/** What a file of the Dockerfile says it is to be read by. */
function interpreterOf({ file }: RunStep): string | undefined {
  const line = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(file?.content ?? "");
  if (line === null) return undefined;
  return line[1]!.endsWith("/env") ? line[2] : line[1];
}

/** The script, where a shell reads it; undefined for a command in exec form, and for an unusual SHELL. */
function scriptOf({ words, script }: RunStep): string | undefined {
  return words.length > 1 && words.at(-1) === script && isShell(words[0]) ? script : undefined;
}

function isShell(word: string | undefined): boolean {
  return /^(?:.*\/)?(?:ba|da|a|)sh$/.test(word ?? "");
}
