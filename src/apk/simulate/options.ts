/** The command lines of `apk add`, `del`, `fix` and `upgrade`, as apk 3 reads them. */

export const simulatedCommands = ["add", "del", "fix", "upgrade"] as const;
export type SimulatedCommand = (typeof simulatedCommands)[number];

/** How an option takes its value: none, a following word, yes or no, or yes, no or auto. */
type OptionKind = "flag" | "value" | "boolean" | "tristate";

interface OptionForm {
  readonly name: string;
  readonly kind: OptionKind;
  readonly letter?: string;
}

function forms(text: string): OptionForm[] {
  return text
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const [name, kind = "flag", letter] = word.split(":") as [string, OptionKind?, string?];
      return { name, kind, ...(letter && { letter }) };
    });
}

const globalOptions = forms(
  `allow-untrusted arch:value cache:boolean cache-dir:value cache-max-age:value
  cache-packages:boolean cache-predownload:boolean check-certificate:boolean force:flag:f
  force-binary-stdout force-broken-world force-missing-repositories force-no-chroot
  force-non-repository force-old-apk force-overwrite force-refresh help:flag:h
  interactive:tristate:i keys-dir:value legacy-info:boolean logfile:boolean network:boolean
  preserve-env:boolean pretty-print:tristate preupgrade-depends:value print-arch
  progress:tristate progress-fd:value purge:boolean quiet:flag:q repositories-file:value
  repository:value:X repository-config:value root:value:p root-tmpfs:tristate sync:tristate
  timeout:value update-cache:flag:U uvol-manager:value verbose:flag:v version:flag:V wait:value`.replaceAll(
    "\n",
    " ",
  ),
);

const commitOptions = forms(
  "clean-protected:boolean commit-hooks:boolean initramfs-diskless-boot overlay-from-stdin scripts:boolean simulate:boolean:s",
);

const commandOptions: Readonly<Record<SimulatedCommand, readonly OptionForm[]>> = {
  add: forms("initdb latest:flag:l no-chown upgrade:flag:u usermode virtual:value:t"),
  del: forms("rdepends:flag:r"),
  fix: forms("depends:flag:d directory-permissions reinstall:flag:r upgrade:flag:u xattr:flag:x"),
  upgrade: forms(
    "available:flag:a ignore latest:flag:l preupgrade:boolean preupgrade-only prune self-upgrade:boolean self-upgrade-only",
  ),
};

export interface CommandLine {
  readonly command: SimulatedCommand | undefined;
  readonly operands: readonly string[];
  /** Values of options by their full name, in the order given; flags have "yes". */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** What is wrong with the command line, in apk's words. */
  readonly error?: string;
}

/** The last value of an option that says yes or no; undefined when it was not given. */
export function switchOf(line: CommandLine, option: string): boolean | undefined {
  const value = line.values.get(option)?.at(-1);
  return value === undefined || value === "auto" ? undefined : value === "yes";
}

export function isGiven(line: CommandLine, option: string): boolean {
  return line.values.has(option);
}

/** Reads a command line without the program's name. The command may stand anywhere in it. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const command = findCommand(words);
  const known = [
    ...globalOptions,
    ...(command === undefined ? [] : [...commandOptions[command], ...commitOptions]),
  ];
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  let commandSeen = false;
  let optionsEnded = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (optionsEnded || !word.startsWith("-") || word === "-") {
      if (!commandSeen && word === command) commandSeen = true;
      else if (word !== "") operands.push(word);
    } else if (word === "--") optionsEnded = true;
    else {
      const reading = readOption(known, word, words[at + 1]);
      if (typeof reading === "string")
        return { command, operands, values, error: `command line: ${reading}` };
      for (const { name, value } of reading.settings)
        values.set(name, [...(values.get(name) ?? []), value]);
      if (reading.takesNext) at++;
    }
  }
  return { command, operands, values };
}

function findCommand(words: readonly string[]): SimulatedCommand | undefined {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word.startsWith("-") && word !== "-") {
      const reading = readOption(globalOptions, word, words[at + 1]);
      if (typeof reading !== "string" && reading.takesNext) at++;
    } else if ((simulatedCommands as readonly string[]).includes(word))
      return word as SimulatedCommand;
  }
  return undefined;
}

interface Reading {
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  readonly takesNext: boolean;
}

function readOption(
  known: readonly OptionForm[],
  word: string,
  next: string | undefined,
): Reading | string {
  return word.startsWith("--")
    ? readLong(known, word.slice(2), next)
    : readLetters(known, word.slice(1), next);
}

function readLong(
  known: readonly OptionForm[],
  text: string,
  next: string | undefined,
): Reading | string {
  const equals = text.indexOf("=");
  const key = equals === -1 ? text : text.slice(0, equals);
  const given = equals === -1 ? undefined : text.slice(equals + 1);
  const match = matchLong(known, key);
  if (typeof match === "string") return match;
  const { form, negated } = match;
  if (form.kind === "value") {
    const value = given ?? next;
    if (value === undefined) return `option '${key}' expects an argument`;
    return { settings: [{ name: form.name, value }], takesNext: given === undefined };
  }
  if (given === undefined)
    return { settings: [{ name: form.name, value: negated ? "no" : "yes" }], takesNext: false };
  if (form.kind === "flag" || negated)
    return `option '${key}' does not expect argument (got '${given}')`;
  if (!(form.kind === "tristate" ? ["yes", "no", "auto"] : ["yes", "no"]).includes(given))
    return `invalid argument for option '${key}': '${given}'`;
  return { settings: [{ name: form.name, value: given }], takesNext: false };
}

/** An option may be shortened as long as only one begins like that. */
function matchLong(
  known: readonly OptionForm[],
  key: string,
): { form: OptionForm; negated: boolean } | string {
  const partial: { form: OptionForm; negated: boolean }[] = [];
  for (const form of known) {
    const canNegate = form.kind === "boolean" || form.kind === "tristate";
    for (const negated of canNegate ? [false, true] : [false]) {
      const name = negated ? `no-${form.name}` : form.name;
      if (name === key) return { form, negated };
      if (name.startsWith(key)) partial.push({ form, negated });
    }
  }
  if (partial.length === 1) return partial[0]!;
  return `${partial.length === 0 ? "unrecognized" : "ambiguous"} option '${key}'`;
}

function readLetters(
  known: readonly OptionForm[],
  letters: string,
  next: string | undefined,
): Reading | string {
  const settings: { name: string; value: string }[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at]!;
    const form = known.find((candidate) => candidate.letter === letter);
    if (form === undefined) return `unrecognized option '${letter}'`;
    if (form.kind !== "value") {
      settings.push({ name: form.name, value: "yes" });
      continue;
    }
    const rest = letters.slice(at + 1);
    const value = rest === "" ? next : rest;
    if (value === undefined) return `option '${letter}' expects an argument`;
    settings.push({ name: form.name, value });
    return { settings, takesNext: rest === "" };
  }
  return { settings, takesNext: false };
}
