/** Flags: which ones each instruction takes, and what values they have. */
import { nearestName } from "../base/index.ts";
import { type Report } from "./problem.ts";
import { quoted, shownShort } from "./source.ts";
import { type Flag, type InstructionNode, type Word } from "./syntax.ts";

/** `switch`: alone, or `=true` or `=false`. `values` may be given several times. */
type FlagKind = "switch" | "value" | "values";

const transferFlags = {
  chown: "value",
  chmod: "value",
  link: "switch",
  exclude: "values",
} as const;

const flagsOf: Readonly<Record<string, Readonly<Record<string, FlagKind>>>> = {
  ADD: { ...transferFlags, checksum: "value", "keep-git-dir": "switch", unpack: "switch" },
  COPY: { ...transferFlags, from: "value", parents: "switch" },
  FROM: { platform: "value" },
  HEALTHCHECK: {
    interval: "value",
    timeout: "value",
    "start-period": "value",
    "start-interval": "value",
    retries: "value",
  },
  RUN: { mount: "values", network: "value", security: "value", device: "values" },
};

/** The flags of an instruction that passed the check. */
export interface CheckedFlags {
  value(name: string): Word | undefined;
  values(name: string): readonly Word[];
  /** Undefined where the flag is not given. */
  switch(name: string): boolean | undefined;
}

/** Checks the flags of an instruction; those that it does not take are reported and left out. */
export function checkFlags(node: InstructionNode, report: Report): CheckedFlags {
  const kinds = Object.hasOwn(flagsOf, node.name) ? flagsOf[node.name]! : {};
  const valid = new Map<string, Flag[]>();
  for (const flag of node.flags) {
    const kind = Object.hasOwn(kinds, flag.name) ? kinds[flag.name]! : undefined;
    if (kind === undefined) reportUnknown(node, flag, Object.keys(kinds), report);
    else if (valid.has(flag.name) && kind !== "values")
      report(
        "flag-repeated",
        flag,
        `--${flag.name} is given for the second time`,
        "Keep one of them.",
      );
    else if (hasValidValue(flag, kind, report)) {
      const given = valid.get(flag.name);
      if (given === undefined) valid.set(flag.name, [flag]);
      else given.push(flag);
    }
  }
  return {
    value: (name) => valid.get(name)?.[0]?.value,
    values: (name) => valid.get(name)?.map(({ value }) => value!) ?? [],
    switch(name) {
      const flag = valid.get(name)?.[0];
      return flag && flag.value?.text.toLowerCase() !== "false";
    },
  };
}

function hasValidValue(flag: Flag, kind: FlagKind, report: Report): boolean {
  const { name, value } = flag;
  if (kind !== "switch") {
    if (value !== undefined) return true;
    report(
      "flag-value",
      flag,
      `--${name} expects a value`,
      `Write --${name}=VALUE, without a blank.`,
    );
    return false;
  }
  if (value === undefined || /^(?:true|false)$/i.test(value.text)) return true;
  const found = value.text === "" ? "nothing" : quoted(value.text);
  report("flag-value", value, `--${name} expects true or false, found ${found}`);
  return false;
}

const commandInstructions: ReadonlySet<string> = new Set(["CMD", "ENTRYPOINT"]);

function reportUnknown(
  { name }: InstructionNode,
  flag: Flag,
  known: readonly string[],
  report: Report,
): void {
  const flagName = shownShort(flag.name);
  const message = `${name} has no flag --${flagName}`;
  const near = nearestName(flag.name, known);
  if (near !== undefined) {
    report("flag-unknown", flag, `${message}; did you mean --${near}?`);
    return;
  }
  const list = known.map((each) => `--${each}`).join(", ");
  const hint = commandInstructions.has(name)
    ? `Words after ${name} that begin with -- are for the builder. Use the JSON form: ${name} ["--${flagName}"].`
    : known.length > 0
      ? `Its flags are ${list}.`
      : `${name} takes no flags.`;
  report("flag-unknown", flag, message, hint);
}
