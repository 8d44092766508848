/** Fields of bills of materials: texts, maps of them, and times; what is not as it should be is undefined. */
import { objectField, ownField, type JsonObject } from "../../base/index.ts";

/** A text that is not empty. */
export function textField(object: JsonObject | undefined, name: string): string | undefined {
  const value = ownField(object, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The entries of a map that are text; what else it holds is passed over. */
export function textMapField(
  object: JsonObject | undefined,
  name: string,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(objectField(object, name) ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
}

/** Seconds since 1970 of a time in RFC 3339. */
export function timeField(object: JsonObject | undefined, name: string): number | undefined {
  const text = textField(object, name);
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}
