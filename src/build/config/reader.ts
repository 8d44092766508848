/**
 * Readers: what a field of a configuration file may hold. A reader turns a node into a typed value,
 * or notes a problem and gives undefined, so that one pass reports everything that is wrong.
 */
import { nearestName } from "../../base/index.ts";
import { redactCredentials } from "../../http/index.ts";
import type { ConfigNode, Problem } from "./yaml.ts";

/** One file that is being read. */
export interface Reading {
  /** The folder of the file, to which its relative paths refer; empty for the working folder. */
  readonly folder: string;
  /** The apk name of this machine's architecture. */
  readonly hostArch: string;
  readonly problems: Problem[];
}

/** `at` is the path of the field, such as `accounts.users[0].uid`. */
export type Reader<T> = (node: ConfigNode, at: string, reading: Reading) => T | undefined;

export type ReadValue<R> = R extends Reader<infer T> ? T : never;

export function note(
  reading: Reading,
  node: { readonly offset: number },
  message: string,
  hint?: string,
): undefined {
  reading.problems.push(
    hint === undefined ? { offset: node.offset, message } : { offset: node.offset, message, hint },
  );
}

/** Notes that a node is not what its field may hold. */
export function unexpected(
  reading: Reading,
  node: ConfigNode,
  at: string,
  expected: string,
  hint?: string,
): undefined {
  return note(reading, node, `${at}: expected ${expected}, found ${describe(node)}`, hint);
}

function describe(node: ConfigNode): string {
  if (node.kind === "nothing") return "nothing";
  if (node.kind !== "scalar") return `a ${node.kind}`;
  return quote(node.text);
}

/** Text as it is shown in a message: short, on one line, without credentials or tricks of a terminal. */
export function quote(text: string): string {
  const shown = redactCredentials(text).replace(/[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "?");
  return JSON.stringify(shown.length > 60 ? `${shown.slice(0, 59)}…` : shown);
}

/** Any scalar, as its text is written: `1.0` is "1.0" and `true` is "true". */
export const text: Reader<string> = (node, at, reading) => {
  if (node.kind !== "scalar") return unexpected(reading, node, at, "text");
  if (node.text.includes("\0") || !node.text.isWellFormed())
    return unexpected(reading, node, at, "text without NUL and without halves of characters");
  return node.text;
};

/** Text that has a form; `expected` says which, such as "a name of letters and digits". */
export function textLike(form: RegExp, expected: string, hint?: string): Reader<string> {
  return (node, at, reading) => {
    if (node.kind !== "scalar" || (form.test(node.text) && !node.text.includes("\0")))
      return text(node, at, reading);
    return unexpected(reading, node, at, expected, hint);
  };
}

/** Text with something in it, on as many lines as it likes. */
export const filledText = textLike(/\S/, "text");

/** The same on one line: names, paths and URLs, which messages may show as they are. */
export const line = textLike(/^[^\p{Cc}]*[^\s\p{Cc}][^\p{Cc}]*$/u, "text on one line");

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Reader<Word> {
  return (node, at, reading) => {
    const word =
      node.kind === "scalar" ? words.find((candidate) => candidate === node.text) : undefined;
    if (word !== undefined) return word;
    return unexpected(
      reading,
      node,
      at,
      words.length === 1 ? words[0]! : `one of ${words.join(", ")}`,
    );
  };
}

const yes = /^(?:true|yes|on)$/i;
const no = /^(?:false|no|off)$/i;

export const flag: Reader<boolean> = (node, at, reading) => {
  if (node.kind === "scalar" && yes.test(node.text)) return true;
  if (node.kind === "scalar" && no.test(node.text)) return false;
  return unexpected(reading, node, at, "true or false");
};

/** A whole number in decimal digits, or as YAML 1.2 writes other bases (0o17, 0xff). */
export function integer(least: number, most: number): Reader<number> {
  return (node, at, reading) => {
    if (
      node.kind === "scalar" &&
      /^(?:0|[1-9]\d{0,15}|0o[0-7]{1,16}|0x[0-9a-fA-F]{1,12})$/.test(node.text)
    ) {
      const value = Number(node.text);
      if (value >= least && value <= most) return value;
    }
    return unexpected(reading, node, at, `a whole number from ${least} to ${most}`);
  };
}

export function listOf<T>(item: Reader<T>): Reader<readonly T[]> {
  return (node, at, reading) => {
    if (node.kind !== "list") return unexpected(reading, node, at, "a list");
    const values: T[] = [];
    for (const [index, child] of node.items.entries()) {
      const value = item(child, `${at}[${index}]`, reading);
      if (value !== undefined) values.push(value);
    }
    return values;
  };
}

/** Names to values, in the order of the file. A name without a value has the empty text. */
export function mapOf(
  name: RegExp,
  expected: string,
  value: Reader<string> = text,
): Reader<Readonly<Record<string, string>>> {
  return (node, at, reading) => {
    if (node.kind !== "map") return unexpected(reading, node, at, "a map");
    const pairs: [string, string][] = [];
    for (const entry of node.entries) {
      if (!name.test(entry.key) || !entry.key.isWellFormed()) {
        note(reading, entry, `${at}: expected ${expected}, found ${quote(entry.key)}`);
        continue;
      }
      const found =
        entry.value.kind === "nothing" ? "" : value(entry.value, `${at}.${entry.key}`, reading);
      if (found !== undefined) pairs.push([entry.key, found]);
    }
    return Object.fromEntries(pairs);
  };
}

type Shape = Readonly<Record<string, Reader<unknown>>>;
/** What `fields` reads: only the fields that are there. */
type Fields<S extends Shape> = { readonly [Name in keyof S]?: ReadValue<S[Name]> };

/**
 * A map with known fields, or undefined when there was a problem with one: what the fields mean
 * together is only worth checking when each is sound. A field without a value counts as absent. `elsewhere` says of names that
 * people put here where they belong.
 */
export function fields<const S extends Shape>(
  shape: S,
  elsewhere: Readonly<Record<string, string>> = {},
): Reader<Fields<S>> {
  const names = Object.keys(shape).filter((name) => !refusals.has(shape[name]!));
  return (node, at, reading) => {
    if (node.kind !== "map") return unexpected(reading, node, at || "the file", "a map");
    const before = reading.problems.length;
    const values: [string, unknown][] = [];
    for (const entry of node.entries) {
      const path = at === "" ? entry.key : `${at}.${entry.key}`;
      if (!Object.hasOwn(shape, entry.key)) {
        note(
          reading,
          entry,
          unknownField(entry.key, at, names, elsewhere),
          `The fields${at === "" ? "" : ` of ${at}`} are ${names.join(", ")}.`,
        );
        continue;
      }
      if (entry.value.kind === "nothing") continue;
      const value = shape[entry.key]!(entry.value, path, reading);
      if (value !== undefined) values.push([entry.key, value]);
    }
    return reading.problems.length > before ? undefined : (Object.fromEntries(values) as Fields<S>);
  };
}

function unknownField(
  name: string,
  at: string,
  names: readonly string[],
  elsewhere: Readonly<Record<string, string>>,
): string {
  const said = `unknown field ${quote(name)}${at === "" ? "" : ` in ${at}`}`;
  if (Object.hasOwn(elsewhere, name)) return `${said}; expected ${elsewhere[name]}`;
  const near = nearestName(name, names);
  return near === undefined ? said : `${said}; did you mean ${quote(near)}?`;
}

/** Readers that only refuse: their fields are known, and never suggested. */
const refusals = new WeakSet<Reader<unknown>>();

/** A field that is known and not supported: `reason` says why, `hint` what to do instead. */
export function refused(reason: string, hint: string): Reader<never> {
  const reader: Reader<never> = (node, at, reading) =>
    note(reading, node, `${at}: ${reason}`, hint);
  refusals.add(reader);
  return reader;
}

/** Notes the fields that are missing; true when there is none. */
export function requireFields(
  reading: Reading,
  node: ConfigNode,
  at: string,
  value: object,
  names: readonly string[],
): boolean {
  const missing = names.filter((name) => !Object.hasOwn(value, name));
  if (missing.length === 0) return true;
  const said = `${missing.length === 1 ? "field" : "fields"} ${missing.join(" and ")}`;
  note(reading, node, `${at}: expected the ${said}, found none`);
  return false;
}
