/** JSON objects of strangers: asked for fields without trust; what is not as it should be is undefined. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as JsonObject;
}

/** Own fields only: names such as `constructor` are nobody's. */
export function field(object: JsonObject | undefined, name: string): unknown {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

export function objectField(object: JsonObject | undefined, name: string): JsonObject | undefined {
  return asObject(field(object, name));
}

/** A text with something in it. */
export function textField(object: JsonObject | undefined, name: string): string | undefined {
  const value = field(object, name);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** None where there is no list; what it holds is not looked at. */
export function listField(object: JsonObject | undefined, name: string): readonly unknown[] {
  const value = field(object, name);
  return Array.isArray(value) ? value : [];
}

/** The objects of a list; what else it holds is passed over. */
export function objectsField(object: JsonObject | undefined, name: string): readonly JsonObject[] {
  return listField(object, name)
    .map(asObject)
    .filter((each) => each !== undefined);
}

export function textsField(object: JsonObject | undefined, name: string): readonly string[] {
  return listField(object, name).filter((each): each is string => typeof each === "string");
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
