/** Fields of JSON documents about vulnerabilities: texts and times; what is not as it should be is undefined. */
import { ownField, type JsonObject } from "../../base/index.ts";

/** A text with something in it. */
export function textField(object: JsonObject | undefined, name: string): string | undefined {
  const value = ownField(object, name);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** Seconds since 1970, with fractions, of a time in RFC 3339. */
export function timeField(object: JsonObject | undefined, name: string): number | undefined {
  const [, time, fraction = "", zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$/i.exec(
      textField(object, name) ?? "",
    ) ?? [];
  if (time === undefined) return undefined;
  const milliseconds = Date.parse(`${time}${zone}`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000 + Number(`0${fraction}`);
}
