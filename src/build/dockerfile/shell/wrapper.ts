/** Wrappers: commands that run another one, such as sudo, env, xargs, `sh -c` and `find -exec`. */
import { type Doubt } from "./action.ts";
import { splitText } from "./expand.ts";
import { readFile, restOfInput } from "./files.ts";
import { setPositional, type Scope } from "./scope.ts";
import { ignored, type Call, type Handler, type Shell, type Use } from "./shell.ts";
import { answer, success, unanswered, undecided, type Status } from "./status.ts";
import { concatenate, known, nothing, originsOf, unknown, type Value } from "./value.ts";

/** Runs what follows the wrapper's own options; those that match take the next word too. */
function wrapping(withValue: RegExp, operands = 0): Handler {
  return (call, scope, shell, use) => {
    const { args, place } = call;
    let at = 0;
    while (/^-./.test(args[at]?.text ?? "")) {
      const { text } = args[at++]!;
      if (text === "--") break;
      if (withValue.test(text!)) at++;
    }
    const words = args.slice(at + operands);
    return words.length === 0 ? undecided(place.text) : shell.runWords(words, scope, use, place);
  };
}

const never = /^$/;

export const wrapperHandlers: Readonly<Record<string, Handler>> = {
  sudo: wrapping(/^-[ugpCDRrtTU]$/),
  doas: wrapping(/^-[uC]$/),
  nice: wrapping(/^-n$/),
  ionice: wrapping(/^-[cnpPu]$/),
  nohup: wrapping(never),
  setsid: wrapping(never),
  stdbuf: wrapping(/^-[ioe]$/),
  time: wrapping(/^-[fo]$/),
  timeout: wrapping(/^-[ks]$/, 1),
  chronic: wrapping(never),
  eatmydata: wrapping(never),
  busybox: wrapping(never),
  builtin: wrapping(never),
  command: runCommandWord,
  which: findProgram,
  type: findProgram,
  hash: findProgram,
  exec: wrapping(/^-a$/),
  env: runWithVariables,
  sh: runShell,
  ash: runShell,
  bash: runShell,
  dash: runShell,
  su: runAsUser,
  xargs: runOnInput,
  find: runOnFiles,
  chroot: runElsewhere,
};

/** `command -v x` asks; `command x` runs. */
function runCommandWord(call: Call, scope: Scope, shell: Shell, use: Use): Status {
  const { args, place } = call;
  if (!/^-[vV]/.test(args[0]?.text ?? "")) {
    const words = args[0]?.text === "-p" ? args.slice(1) : args;
    return words.length === 0 ? success : shell.runWords(words, scope, use, place);
  }
  return findProgram({ ...call, args: args.slice(1) }, scope, shell);
}

/** Asks whether there is a program, and where. */
function findProgram({ args, place }: Call, scope: Scope, shell: Shell): Status {
  const names = args.filter(({ text }) => text === undefined || !text.startsWith("-"));
  const isApk = names.length === 1 && names[0]!.text === "apk";
  const path = isApk
    ? known(shell.hasApk ? "/sbin/apk\n" : "")
    : unknown(`where ${names[0]?.text ?? "a program"} is`, originsOf(args));
  scope.output = concatenate([scope.output, path]);
  if (isApk) return answer(shell.hasApk, place.text, nothing);
  return unanswered(place.text, originsOf(args));
}

/** `env [-i] [-u NAME] [NAME=VALUE…] COMMAND`. */
function runWithVariables({ args, place }: Call, scope: Scope, shell: Shell, use: Use): Status {
  let at = 0;
  const set = new Map<string, Value>();
  for (; at < args.length; at++) {
    const { text } = args[at]!;
    if (text === "-u" || text === "-C") at++;
    else if (text?.startsWith("-")) continue;
    else {
      const assignment = /^([A-Za-z_]\w*)=/.exec(text ?? "");
      if (assignment === null) break;
      set.set(assignment[1]!, { ...args[at]!, text: text!.slice(assignment[0].length) });
    }
  }
  const words = args.slice(at);
  if (words.length === 0) {
    scope.output = concatenate([scope.output, unknown("the output of env")]);
    return success;
  }
  return shell.inSubshell(scope, (inner) => {
    for (const [name, value] of set) inner.variables.set(name, value);
    return shell.runWords(words, inner, use, place);
  });
}

/** `sh [-eux] [-o NAME] [-c SCRIPT [NAME ARGUMENT…] | FILE [ARGUMENT…]]`. */
function runShell(call: Call, scope: Scope, shell: Shell, use: Use): Status {
  const { args, place } = call;
  let at = 0;
  let [errexit, takesScript] = [false, false];
  for (; /^[-+]./.test(args[at]?.text ?? ""); at++) {
    const { text } = args[at]!;
    if (text === "--") {
      at++;
      break;
    }
    if (text!.startsWith("--")) continue;
    if (text!.includes("e")) errexit = true;
    if (text!.includes("c")) takesScript = true;
    if (text!.endsWith("o")) {
      if (args[at + 1]?.text === "errexit") errexit = true;
      at++;
    }
  }
  const [first, ...rest] = args.slice(at);
  const content = takesScript
    ? (first ?? known(""))
    : first === undefined || first.text === "-"
      ? restOfInput(scope)
      : readFile(first, scope, shell);
  return shell.inSubshell(scope, (inner) => {
    inner.functions = new Map();
    inner.errexit = errexit;
    setPositional(inner, takesScript ? rest.slice(1) : rest);
    inner.name = (takesScript ? rest[0] : first) ?? known("sh");
    const status =
      content.text === undefined ? undefined : shell.runText(content.text, inner, use, place);
    return status ?? unreadScript(content, first, call, inner, shell, takesScript);
  });
}

/** A script that cannot be read; it matters where it is known to speak of apk. */
function unreadScript(
  content: Value,
  first: Value | undefined,
  { place }: Call,
  scope: Scope,
  shell: Shell,
  takesScript: boolean,
): Status {
  const speaksOfApk = /\bapk\s/.test(content.text ?? (takesScript ? place.text : ""));
  const named = first?.text === undefined || takesScript ? "a script" : first.text;
  shell.report<Doubt>(
    {
      kind: "doubt",
      reason: `${named} is run, and cannot be read: ${content.reason || "its syntax is unusual"}`,
      reach: speaksOfApk ? "root" : "none",
      from: content.from,
    },
    scope,
    place,
  );
  return undecided(place.text, content.from);
}

/** `su [-] [USER] -c SCRIPT`. */
function runAsUser(call: Call, scope: Scope, shell: Shell, use: Use): Status {
  const { args, place } = call;
  const at = args.findIndex(({ text }) => text === "-c" || text === "--command");
  const script = at === -1 ? undefined : args[at + 1];
  if (script === undefined) return undecided(place.text);
  return runShell({ ...call, name: "sh", args: [known("-c"), script] }, scope, shell, use);
}

/** `xargs [-rt] [-n N] [-I X] [-0] COMMAND`. */
function runOnInput(call: Call, scope: Scope, shell: Shell, use: Use): Status {
  const { args, place } = call;
  let at = 0;
  let separators = " \t\n";
  let replaced: string | undefined;
  let perCall: number | undefined;
  for (; /^-./.test(args[at]?.text ?? ""); at++) {
    const text = args[at]!.text!;
    if (text === "-0" || text === "--null") separators = "\0";
    else if (text === "-I") replaced = args[++at]?.text;
    else if (/^-I./.test(text)) replaced = text.slice(2);
    else if (text === "-d") separators = (args[++at]?.text ?? "\n").replace(/^\\n$/, "\n");
    else if (text === "-n" || text === "-L") perCall = Number(args[++at]?.text);
    else if (/^-[nL]\d+$/.test(text)) perCall = Number(text.slice(2));
    else if (text === "-P" || text === "-s" || text === "-a" || text === "-E") at++;
    else if (/^-[a-zA-Z]*[nI]$/.test(text)) perCall = Number(args[++at]?.text);
  }
  const words = args.slice(at);
  const content = restOfInput(scope);
  const run = (more: readonly Value[]): Status =>
    shell.runWords([...words, ...more], scope, use, place);
  if (words.length === 0) return success;
  const isQuoted = /["'\\]/.test(content.text ?? "");
  if (content.text === undefined || isQuoted || Number.isNaN(perCall))
    return run([{ ...unknown(content.reason || "quoted words", content.from), isList: true }]);
  const texts = splitText(content.text, replaced === undefined ? separators : "\n").filter(
    (text) => text !== "",
  );
  const values = texts.map((text) => known(text, content.from));
  if (replaced !== undefined) {
    let status = success;
    for (const value of values)
      status = shell.runWords(
        words.map((word) => ({
          ...word,
          ...(word.text === undefined ? {} : { text: word.text.replaceAll(replaced, value.text!) }),
        })),
        scope,
        use,
        place,
      );
    return status;
  }
  const isEmptyKept = !args.slice(0, at).some(({ text }) => /^-[a-zA-Z]*r|^--no-run/.test(text!));
  if (values.length === 0) return isEmptyKept ? run([]) : success;
  let status = success;
  const size = perCall ?? values.length;
  for (let index = 0; index < values.length; index += size)
    status = run(values.slice(index, index + size));
  return status;
}

/** `find … -exec COMMAND {} ;`: which files there are is not known. */
function runOnFiles(call: Call, scope: Scope, shell: Shell): Status {
  const { args, place } = call;
  for (const [at, { text }] of args.entries()) {
    if (text !== "-exec" && text !== "-execdir" && text !== "-ok") continue;
    const end = args.findIndex((arg, index) => index > at && /^[;+]$/.test(arg.text ?? ""));
    const words = args
      .slice(at + 1, end === -1 ? undefined : end)
      .map((word) =>
        word.text?.includes("{}") === true
          ? { ...unknown("the files that find finds"), isList: true }
          : word,
      );
    if (words.length > 0 && words[0]!.text !== undefined)
      shell.inSubshell(scope, (inner) => {
        inner.guards = [
          ...inner.guards,
          { reason: "what find finds", from: originsOf(args), settled: false },
        ];
        return shell.runWords(words, inner, ignored, place);
      });
  }
  scope.output = concatenate([scope.output, unknown("the output of find", originsOf(args))]);
  return undecided(place.text);
}

/** What runs in another root does nothing to this one's packages. */
function runElsewhere({ args, place }: Call, scope: Scope, shell: Shell): Status {
  if (args.some(({ text }) => text === "apk" || text === "/sbin/apk"))
    shell.report<Doubt>(
      {
        kind: "doubt",
        reason: "apk runs in another root",
        reach: "step",
        from: originsOf(args),
      },
      scope,
      place,
    );
  return undecided(place.text);
}
