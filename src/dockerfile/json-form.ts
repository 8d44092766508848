/**
 * The JSON form of arguments: `["a", "b"]`. What is no JSON array is not in this form, and is read the
 * other way that the instruction has; an array of anything but strings is an error.
 */
import { type Range, type RangedWord } from "./words.ts";

export interface JsonForm {
  readonly words: readonly RangedWord[];
  /** Whether there is nothing else in the array. */
  readonly hasOnlyStrings: boolean;
}

const jsonString = /"(?:[^"\\]|\\.)*"/g;

/** The strings of a JSON array; undefined for what is none. */
export function tryParseJsonForm(text: string, { start, end }: Range): JsonForm | undefined {
  if (text[start] !== "[" || start >= end) return undefined;
  const written = text.slice(start, end);
  const values = tryParseJson(written);
  if (!Array.isArray(values)) return undefined;
  const words = Array.from(written.matchAll(jsonString), ({ index, 0: string }) => ({
    start: start + index,
    end: start + index + string.length,
    // Go replaces what is no Unicode, such as half of a surrogate pair.
    text: (JSON.parse(string) as string).toWellFormed(),
  }));
  return { words, hasOnlyStrings: values.every((value) => typeof value === "string") };
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
