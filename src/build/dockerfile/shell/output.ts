/** Output: echo, printf, and commands that print what is known of the machine. */
import { print } from "./files.ts";
import { type Scope } from "./scope.ts";
import { type Call, type Handler, type Shell } from "./shell.ts";
import { success, type Status } from "./status.ts";
import { concatenate, known, originsOf, unknown, type Value } from "./value.ts";

export const outputHandlers: Readonly<Record<string, Handler>> = {
  echo,
  printf,
  arch: (_, scope, shell) => printMachine(scope, shell),
  uname,
  basename: (call, scope) =>
    printPath(call, scope, (path) => /[^/]*$/.exec(path.replace(/(?<=[^/])\/+$/, ""))![0]),
  dirname: (call, scope) =>
    printPath(
      call,
      scope,
      (path) => path.replace(/\/*[^/]*\/*$/, "") || (path.startsWith("/") ? "/" : "."),
    ),
  seq,
};

function echo({ args }: Call, scope: Scope): Status {
  let at = 0;
  let endsLine = true;
  let readsEscapes = false;
  for (; /^-[neE]+$/.test(args[at]?.text ?? ""); at++) {
    const { text } = args[at]!;
    if (text!.includes("n")) endsLine = false;
    readsEscapes = text!.includes("E") ? false : readsEscapes || text!.includes("e");
  }
  const words = args.slice(at);
  const text = concatenate([
    known(""),
    ...words.flatMap((word, index) => (index === 0 ? [word] : [known(" "), word])),
    known(endsLine ? "\n" : ""),
  ]);
  print(
    scope,
    readsEscapes && text.text !== undefined ? { ...text, text: unescape(text.text) } : text,
  );
  return success;
}

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** Reads `\n`, `\t`, `\0101` and the like; `\c` ends the text. */
export function unescape(text: string): string {
  const end = /(?<!\\)(?:\\\\)*\\c/.exec(text);
  const whole = end === null ? text : text.slice(0, end.index + end[0].length - 2);
  return whole.replace(
    /\\(?:(0[0-7]{1,3}|[0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))/gs,
    (all, octal, hex, letter) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      return Object.hasOwn(escapes, letter) ? escapes[letter]! : all;
    },
  );
}

function printf({ args }: Call, scope: Scope): Status {
  const words = args[0]?.text === "--" ? args.slice(1) : args;
  const [format, ...values] = words;
  if (format === undefined) return success;
  const from = originsOf(words);
  const missing = words.find(({ text }) => text === undefined);
  if (missing !== undefined) print(scope, unknown(missing.reason, from));
  else {
    const text = formatted(
      format.text!,
      values.map((value) => value.text!),
    );
    print(scope, text === undefined ? unknown("the output of printf", from) : known(text, from));
  }
  return success;
}

/** Undefined for a format with anything but `%s`, `%b`, `%d`, `%i`, `%c` and `%%`. */
function formatted(format: string, values: readonly string[]): string | undefined {
  let text = "";
  let at = 0;
  do {
    const before = at;
    for (const [part] of format.matchAll(/%%|%[^a-zA-Z%]*[a-zA-Z]?|[^%]+/gs)) {
      if (part === "%%") text += "%";
      else if (!part.startsWith("%")) text += unescape(part);
      else if (part === "%s") text += values[at++] ?? "";
      else if (part === "%b") text += unescape(values[at++] ?? "");
      else if (part === "%c") text += (values[at++] ?? "").slice(0, 1);
      else if (part === "%d" || part === "%i") {
        const value = values[at++] ?? "0";
        if (!/^-?\d+$/.test(value)) return undefined;
        text += String(Number(value));
      } else return undefined;
    }
    if (at === before) break;
  } while (at < values.length);
  return text;
}

/** The kernel's name of a machine, by apk's. */
const machines: Readonly<Record<string, string>> = {
  x86_64: "x86_64",
  aarch64: "aarch64",
  ppc64le: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
  loongarch64: "loongarch64",
  mips64: "mips64",
  armv7: "armv7l",
};

function machineOf({ arch }: Shell): Value {
  // What a 32-bit system says depends on the kernel that it runs under.
  return Object.hasOwn(machines, arch)
    ? known(machines[arch]!)
    : unknown("the kernel's name of the machine");
}

function printMachine(scope: Scope, shell: Shell): Status {
  print(scope, concatenate([machineOf(shell), known("\n")]));
  return success;
}

function uname({ args }: Call, scope: Scope, shell: Shell): Status {
  const [option, ...more] = args;
  if (more.length === 0 && (option?.text === "-m" || option?.text === "--machine"))
    return printMachine(scope, shell);
  const isSystem = args.length === 0 || (more.length === 0 && option?.text === "-s");
  print(scope, isSystem ? known("Linux\n") : unknown("the output of uname"));
  return success;
}

function printPath({ name, args }: Call, scope: Scope, change: (path: string) => string): Status {
  const [path] = args;
  const isPlain = args.length === 1 && path!.text !== undefined;
  print(
    scope,
    isPlain
      ? known(`${change(path!.text!)}\n`, path!.from)
      : unknown(`the output of ${name}`, originsOf(args)),
  );
  return success;
}

function seq({ args }: Call, scope: Scope): Status {
  const numbers = args.map(({ text }) =>
    /^-?\d{1,6}$/.test(text ?? "") ? Number(text) : undefined,
  );
  const [first, last] = numbers.length === 1 ? [1, numbers[0]] : [numbers[0], numbers[1]];
  if (numbers.length > 2 || first === undefined || last === undefined || last - first > 1000)
    print(scope, unknown("the output of seq", originsOf(args)));
  else {
    let text = "";
    for (let number = first; number <= last; number++) text += `${number}\n`;
    print(scope, known(text, originsOf(args)));
  }
  return success;
}
