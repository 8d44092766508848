/** apk: its command lines, as far as their words are known. */
import { posix } from "node:path";
import { type ApkCommand, type Doubt } from "./action.ts";
import { print, readFile, resolvePath } from "./files.ts";
import { type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell, type Use } from "./shell.ts";
import { undecided, unanswered, type Status } from "./status.ts";
import { known, originsOf, unknown, type Value } from "./value.ts";

export const apkHandlers: Readonly<Record<string, Handler>> = { apk };

const subcommands = new Set(
  `adbdump adbgen adbsign add audit cache convdb convndx del dot extract fetch fix index info list
  manifest mkndx mkpkg policy query search stats update upgrade verify version`.split(/\s+/),
);

/** Those that change packages, or what is asked for. */
const changing = new Set(["add", "del", "fix", "upgrade"]);

/** Global options that take a value from the next word. */
const withValue =
  /^(?:-X|-p|--(?:arch|cache-dir|cache-max-age|keys-dir|progress-fd|repositories-file|repository|repository-config|root|timeout|wait))$/;

/** The place of the subcommand among the words. */
function findSubcommand(words: readonly Value[]): number {
  for (let at = 0; at < words.length; at++) {
    const { text } = words[at]!;
    if (text === undefined) return -1;
    if (withValue.test(text)) at++;
    else if (subcommands.has(text)) return at;
  }
  return -1;
}

function apk({ args, place }: Call, scope: Scope, shell: Shell, use: Use): Status {
  const from = originsOf(args);
  const at = findSubcommand(args);
  const subcommand = at === -1 ? undefined : args[at]!.text!;
  if (subcommand === undefined && args.some(({ text }) => text === "--print-arch")) {
    print(scope, known(`${shell.arch}\n`));
    return undecided(place.text);
  }
  print(scope, unknown(`the output of ${["apk", subcommand].join(" ").trim()}`, from));
  const missing = args.find(({ text }) => text === undefined);
  if (missing !== undefined) {
    const mayChange = subcommand === undefined || changing.has(subcommand);
    if (mayChange || subcommand === "fetch")
      shell.report<Doubt>(
        { kind: "doubt", reason: missing.reason, reach: mayChange ? "root" : "step", from },
        scope,
        place,
      );
    if (mayChange) forgetSettings(subcommand, scope);
    return mayChange ? undecided(place.text, from) : unanswered(place.text, from);
  }
  const words = args.map(({ text }) => text!);
  const command = shell.report<ApkCommand>(
    {
      kind: "apk",
      subcommand,
      words,
      tolerated: !use.required,
      files: namedFiles(args, scope, shell),
      from,
    },
    scope,
    place,
  );
  if (
    subcommand === "info" &&
    words.some((word) => /^(?:-[a-zA-Z]*e[a-zA-Z]*|--installed)$/.test(word))
  )
    return { ...unanswered(place.text, from), command };
  if (subcommand === undefined || !changing.has(subcommand))
    return subcommand === "update" || subcommand === "cache"
      ? undecided(place.text)
      : unanswered(place.text, from);
  forgetSettings(subcommand, scope);
  return { ...undecided(place.text, from), command };
}

/** The contents of files that options name. */
function namedFiles(
  args: readonly Value[],
  scope: Scope,
  shell: Shell,
): ReadonlyMap<string, Value> {
  const files = new Map<string, Value>();
  for (const [at, arg] of args.entries()) {
    const { text } = arg;
    const named = text?.startsWith("--repositories-file=")
      ? { ...arg, text: text.slice("--repositories-file=".length) }
      : text === "--repositories-file"
        ? args[at + 1]
        : undefined;
    const path = named && resolvePath(named, scope).text;
    const root = rootOf(arg, args[at + 1]);
    if (root !== undefined) {
      // Another root has repositories of its own.
      const own = posix.join(root, "/etc/apk/repositories");
      files.set(own, readFile(known(own), scope, shell));
    }
    if (named !== undefined && path !== undefined)
      files.set(named.text!, readFile(named, scope, shell));
  }
  return files;
}

/** The value of `--root`, where it is this option. */
function rootOf({ text }: Value, next: Value | undefined): string | undefined {
  if (text === "--root" || text === "-p") return next?.text;
  return text?.startsWith("--root=") === true ? text.slice("--root=".length) : undefined;
}

/** Files that packages bring, and that scripts read. */
const packageFiles = ["/etc/alpine-release", "/etc/os-release", "/usr/lib/os-release"];

/** What apk writes is not what it was. */
function forgetSettings(subcommand: string | undefined, scope: Scope): void {
  const forget = (path: string): void => {
    if (scope.files.has(path)) scope.files.set(path, unknown(`${path} after apk ran`));
  };
  forget("/etc/apk/world");
  if (subcommand === "upgrade" || subcommand === undefined) packageFiles.forEach(forget);
}
