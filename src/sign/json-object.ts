/**
 * JSON objects that were signed, or that carry a signature. They come from strangers: what is not as
 * it should be is undefined, so that one damaged signature does not hide the others.
 */
import { asObject, objectField, ownField, type JsonObject } from "../base/index.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** One JSON object in UTF-8. */
export function tryParseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    return asObject(JSON.parse(decoder.decode(bytes)));
  } catch {
    return undefined;
  }
}

export function textField(object: JsonObject | undefined, name: string): string | undefined {
  const value = ownField(object, name);
  return typeof value === "string" ? value : undefined;
}

/** Characters of a map that are kept; honest ones have some hundreds. */
const largestMap = 64 * 1024;

/**
 * The entries of a map whose values are text, numbers or flags, each as text; others are left out, and
 * so is what is more than anybody needs.
 */
export function textMapField(
  object: JsonObject | undefined,
  name: string,
): Readonly<Record<string, string>> {
  const kept: [string, string][] = [];
  let size = 0;
  for (const [key, value] of Object.entries(objectField(object, name) ?? {})) {
    if (!["string", "number", "boolean"].includes(typeof value)) continue;
    const text = String(value);
    size += key.length + text.length;
    if (size > largestMap) break;
    kept.push([key, text]);
  }
  return Object.fromEntries(kept);
}
