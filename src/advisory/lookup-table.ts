/**
 * Lookup tables: values by vulnerability id, as text that is searched and never parsed as a whole: a
 * scan asks for some of twenty thousand. Each line is an id, a tab and a value; lines are sorted by
 * their bytes.
 */
import { compareNames, encodeText } from "../base/index.ts";

/** The text of a table; the same values give the same bytes. */
export function writeTable(values: ReadonlyMap<string, string>): Uint8Array {
  const lines = Array.from(values)
    .sort(([a], [b]) => compareNames(a, b))
    .map(([id, value]) => `${id}\t${value}\n`);
  return encodeText(lines.join(""));
}

/** Finds the value of an id; undefined where the table has none. */
export type Lookup = (id: string) => string | undefined;

/** Searches a table, by halves. */
export function openTable(bytes: Uint8Array): Lookup {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return (id) => {
    let low = 0;
    let high = text.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // Before the first character there is none, though lastIndexOf takes -1 for 0.
      const begin = middle === 0 ? 0 : text.lastIndexOf("\n", middle - 1) + 1;
      const tab = text.indexOf("\t", begin);
      const found = text.indexOf("\n", begin);
      const end = found === -1 ? text.length : found;
      if (tab === -1 || tab > end) return undefined;
      const key = text.slice(begin, tab);
      if (key === id) return text.slice(tab + 1, end);
      if (key < id) low = end + 1;
      else high = begin;
    }
    return undefined;
  };
}

/** How many lines a table has. */
export function tableSize(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 0x0a) count++;
  return count;
}
