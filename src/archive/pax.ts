/**
 * PAX extended headers: records of `LENGTH KEYWORD=VALUE\n`, where the length counts itself
 * (POSIX.1-2017, pax, "pax Extended Header").
 */
import { compareNames, concatBytes, decodeName, encodeName, encodeText } from "../base/index.ts";

/** Records by keyword; values are bytes. */
export type PaxRecords = ReadonlyMap<string, Uint8Array>;

const space = 0x20;
const newline = 0x0a;
const equals = 0x3d;
/** Digits of the longest length that is read: longer ones exceed every limit on a header. */
const longestLength = 10;

/**
 * Reads the records of one extended header; of a keyword that stands twice the last one counts, as
 * POSIX has it, except that two sizes must agree. Returns what is wrong when they are malformed.
 * The values share memory with `bytes`.
 */
export function parsePax(bytes: Uint8Array): Map<string, Uint8Array> | string {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.byteLength;) {
    let length = 0;
    let cursor = at;
    for (; cursor < at + longestLength; cursor++) {
      const digit = (bytes[cursor] ?? 0) - 0x30;
      if (digit < 0 || digit > 9 || (digit === 0 && length === 0)) break;
      length = length * 10 + digit;
    }
    if (cursor === at || bytes[cursor] !== space) return `a PAX record at byte ${at} has no length`;
    const end = at + length;
    if (end > bytes.byteLength || end <= cursor + 1)
      return `the length of a PAX record, ${length}, does not fit`;
    if (bytes[end - 1] !== newline) return "a PAX record does not end where its length says";
    const split = bytes.indexOf(equals, cursor + 1);
    if (split === -1 || split >= end) return "a PAX record has no equals sign";
    const key = decodeName(bytes.subarray(cursor + 1, split));
    if (key === "" || key.includes("\0")) return "a PAX record has no valid keyword";
    const value = bytes.subarray(split + 1, end - 1);
    const before = records.get(key);
    if (key === "size" && before !== undefined && Buffer.compare(before, value) !== 0)
      return "two PAX records state different sizes";
    records.set(key, value);
    at = end;
  }
  return records;
}

/** Writes records: first those that name the entry, then the others in the order of their bytes. */
export function encodePax(records: PaxRecords): Uint8Array {
  const keys = [...records.keys()].sort((a, b) => rank(a) - rank(b) || compareNames(a, b));
  return concatBytes(keys.map((key) => encodeRecord(key, records.get(key)!)));
}

const leading = ["hdrcharset", "path", "linkpath"];

function rank(key: string): number {
  const place = leading.indexOf(key);
  return place === -1 ? leading.length : place;
}

function encodeRecord(key: string, value: Uint8Array): Uint8Array {
  const name = encodeName(key);
  const rest = name.byteLength + value.byteLength + 3;
  let length = rest + String(rest).length;
  // The length counts its own digits, which may be one more for it.
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return concatBytes([encodeText(`${length} `), name, encodeText("="), value, encodeText("\n")]);
}

/** A decimal whole number of at least 0; undefined for anything else. */
export function parsePaxNumber(value: Uint8Array): number | undefined {
  if (value.byteLength > 16) return undefined;
  const text = decodeName(value);
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

export interface PaxTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Seconds with a fraction, such as `-1.5`; finer parts than nanoseconds are rounded down. */
export function parsePaxTime(value: Uint8Array): PaxTime | undefined {
  if (value.byteLength > 64) return undefined;
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(decodeName(value));
  if (match === null) return undefined;
  const digits = match[3] ?? "";
  const whole = Number(match[2]);
  const fraction = Number(digits.slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds: fraction };
  const below = fraction + (/[1-9]/.test(digits.slice(9)) ? 1 : 0);
  return below === 0
    ? { seconds: whole === 0 ? 0 : -whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1e9 - below };
}

export function formatPaxTime(time: PaxTime): string {
  if (time.nanoseconds === 0) return String(time.seconds);
  const negative = time.seconds < 0;
  const whole = negative ? -time.seconds - 1 : time.seconds;
  const fraction = negative ? 1e9 - time.nanoseconds : time.nanoseconds;
  return `${negative ? "-" : ""}${whole}.${String(fraction).padStart(9, "0").replace(/0+$/, "")}`;
}
