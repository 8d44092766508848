/** Fields of bills of materials: texts and times; what is not as it should be is undefined. */
import { ownField, type JsonObject } from "../../base/index.ts";

/** A text that is not empty. */
export function textField(object: JsonObject | undefined, name: string): string | undefined {
  const value = ownField(object, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Seconds since 1970 of a time in RFC 3339. */
export function timeField(object: JsonObject | undefined, name: string): number | undefined {
  const text = textField(object, name);
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}
