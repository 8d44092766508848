/**
 * JSON documents of images (manifest, index, config, index.json): decoded and checked field by
 * field, because they come from outside, and written so that the same data gives the same bytes.
 */
import { BivyError, compareNames, encodeText, type Digest, tryParseDigest } from "../base/index.ts";

export type JsonObject = Readonly<Record<string, unknown>>;
export type TextMap = Readonly<Record<string, string>>;

/** Checks one value found at `at` and returns it in the form that the rest of the code relies on. */
export type Check = (value: unknown, at: string) => unknown;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Lists and objects inside each other; writing what nests without bound overflows the stack. */
const deepestNesting = 100;

function nestsTooDeeply(bytes: Uint8Array): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < bytes.byteLength; at++) {
    const byte = bytes[at]!;
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepestNesting) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/** Parses JSON in UTF-8; `subject` names the document in messages. */
export function parseJson(bytes: Uint8Array, subject: string): unknown {
  if (nestsTooDeeply(bytes))
    throw new BivyError("image-invalid", `${subject}: nests deeper than ${deepestNesting} levels`, {
      hint: "The document is damaged or hostile.",
    });
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (error) {
    throw new BivyError("image-invalid", `${subject}: expected a JSON document`, { cause: error });
  }
}

/** Parses one JSON object. */
export function parseDocument(bytes: Uint8Array, subject: string): JsonObject {
  return checkObject(parseJson(bytes, subject), subject);
}

/** The failure of a field: what stands at `at` is not what was expected. */
export function fieldError(at: string, expected: string, found: unknown): BivyError {
  const text = found === undefined ? "nothing" : (JSON.stringify(found) ?? "nothing");
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text;
  return new BivyError("image-invalid", `${at}: expected ${expected}, found ${shown}`);
}

/** A name from outside for a message: quoted if it could disturb a terminal. */
export function showName(name: string): string {
  return /^[\x21-\x7e]{1,200}$/.test(name) ? name : JSON.stringify(name.slice(0, 200));
}

export function checkObject(value: unknown, at: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as JsonObject;
  throw fieldError(at, "an object", value);
}

export function checkText(value: unknown, at: string): string {
  if (typeof value === "string") return value;
  throw fieldError(at, "a string", value);
}

export function checkFlag(value: unknown, at: string): boolean {
  if (typeof value === "boolean") return value;
  throw fieldError(at, "true or false", value);
}

/** A whole number; durations may be negative or beyond what JavaScript holds exactly. */
export function checkInteger(value: unknown, at: string): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw fieldError(at, "a whole number", value);
}

/** A size in bytes. */
export function checkSize(value: unknown, at: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw fieldError(at, "a size in bytes", value);
}

export function checkDigest(value: unknown, at: string): Digest {
  const digest = typeof value === "string" ? tryParseDigest(value) : undefined;
  if (digest !== undefined) return digest;
  throw fieldError(at, "sha256: and 64 hex digits", value);
}

export function checkList<T>(item: (value: unknown, at: string) => T) {
  return (value: unknown, at: string): readonly T[] => {
    if (!Array.isArray(value)) throw fieldError(at, "a list", value);
    return value.map((element, index) => item(element, `${at}[${index}]`));
  };
}

/** A map from names to values of one kind. Built without assignments: a key may be `__proto__`. */
export function checkMap<T>(item: (value: unknown, at: string) => T) {
  return (value: unknown, at: string): Readonly<Record<string, T>> =>
    Object.fromEntries(
      Object.entries(checkObject(value, at)).map(([key, element]) => [
        key,
        item(element, `${at}.${key}`),
      ]),
    );
}

/**
 * Checks the known fields of an object; unknown ones are kept as they are. A null counts as absent,
 * since Go writes empty lists and maps so.
 */
export function checkFields(
  value: unknown,
  at: string,
  fields: Readonly<Record<string, Check>>,
): JsonObject {
  const checked: [string, unknown][] = [];
  for (const [key, element] of Object.entries(checkObject(value, at))) {
    const check = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (check === undefined) checked.push([key, element]);
    else if (element !== null) checked.push([key, check(element, `${at}: ${key}`)]);
  }
  return Object.fromEntries(checked);
}

/** An object with its known fields in the order given, then the others by name; undefined left out. */
export function orderFields(value: object, order: readonly string[]): JsonObject {
  const record = value as JsonObject;
  const known = order.filter((key) => Object.hasOwn(record, key));
  const others = Object.keys(record)
    .filter((key) => !order.includes(key))
    .sort(compareNames);
  return Object.fromEntries(
    [...known, ...others]
      .map((key) => [key, record[key]])
      .filter(([, field]) => field !== undefined),
  );
}

export function sortMap<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => compareNames(a, b)));
}

/** The bytes of a document whose fields are in order: JSON without spaces or a final newline. */
export function encodeDocument(value: JsonObject): Uint8Array {
  return encodeText(JSON.stringify(value));
}
