/** Values: text as far as it is known before a script runs, and what it depends on. */

export interface Value {
  /** Undefined where only a run can tell. */
  readonly text: string | undefined;
  /** Why the text is not known, as a noun, such as `the output of scanelf`; "" where it is known. */
  readonly reason: string;
  /** The variables of the step that the text, or whether there is one, depends on. */
  readonly from: ReadonlySet<string>;
  /** How a text that is not known begins, where that is known. */
  readonly beginning?: string;
  /** A field that is not known, and may turn out to be several, or none. */
  readonly isList?: boolean;
}

/** No variables. */
export const nothing: ReadonlySet<string> = new Set();

/** Scripts can double a text again and again; no command line or settings file is this long. */
const longest = 1 << 18;

export function known(text: string, from: ReadonlySet<string> = nothing): Value {
  if (text.length > longest) return unknown("a very long text", from);
  return { text, reason: "", from };
}

export function unknown(reason: string, from: ReadonlySet<string> = nothing): Value {
  return { text: undefined, reason, from };
}

export const empty: Value = known("");

export function isKnown(value: Value): value is Value & { readonly text: string } {
  return value.text !== undefined;
}

export function unite(...sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const filled = sets.filter(({ size }) => size > 0);
  if (filled.length === 0) return nothing;
  return filled.length === 1 ? filled[0]! : new Set(filled.flatMap((set) => Array.from(set)));
}

/** What the values depend on together. */
export function originsOf(values: readonly Value[]): ReadonlySet<string> {
  return unite(...values.map(({ from }) => from));
}

/** The values one behind the other; not known where one of them is not. */
export function concatenate(values: readonly Value[]): Value {
  const [first] = values;
  if (values.length === 1) return first!;
  const from = originsOf(values);
  const at = values.findIndex((value) => !isKnown(value));
  if (at === -1) return known(values.map(({ text }) => text).join(""), from);
  const { reason, beginning = "" } = values[at]!;
  const before = values.slice(0, at).map(({ text }) => text);
  return { ...unknown(reason, from), beginning: `${before.join("")}${beginning}` };
}

/** A value made of a text; what is not known stays so. */
export function mapText(value: Value, change: (text: string) => string | undefined): Value {
  if (!isKnown(value)) return value;
  const text = change(value.text);
  return text === undefined ? unknown("a computation", value.from) : known(text, value.from);
}

/** The value after one of two ways was taken. */
export function eitherOf(one: Value, other: Value, reason: string): Value {
  if (one === other) return one;
  const from = unite(one.from, other.from);
  return isKnown(one) && one.text === other.text
    ? known(one.text, from)
    : unknown(one.reason || other.reason || reason, from);
}

/** The same value, depending on more. */
export function dependingOn(value: Value, from: ReadonlySet<string>): Value {
  return from.size === 0 ? value : { ...value, from: unite(value.from, from) };
}
