/**
 * History: since when a database has each row, (branch, repository, origin, version, id). Rows that
 * were there when the database began have no day: when they came is not known.
 */
import { encodeText, hashHex } from "../base/index.ts";
import { openTable, writeTable } from "./lookup-table.ts";

export interface AdvisoryHistory {
  /** The day, such as 2026-11-30, since when there is a row; undefined where that is not known. */
  firstSeen(key: string): string | undefined;
  /** Days by key. */
  readonly lines: ReadonlyMap<string, string>;
}

/** The key of a row: short, since there are some fifty thousand. */
export function historyKey(...row: readonly string[]): string {
  return hashHex("sha256", encodeText(row.join("\0"))).slice(0, 16);
}

export function parseHistory(bytes: Uint8Array): AdvisoryHistory {
  const find = openTable(bytes);
  return {
    firstSeen: (key) => {
      const day = find(key);
      return day !== undefined && /^\d{4}-\d\d-\d\d$/.test(day) ? day : undefined;
    },
    get lines() {
      const text = Buffer.from(bytes).toString("latin1");
      return new Map(
        text
          .split("\n")
          .filter(Boolean)
          .map((line) => line.split("\t") as [string, string]),
      );
    },
  };
}

export function writeHistory(lines: ReadonlyMap<string, string>): Uint8Array {
  return writeTable(lines);
}
