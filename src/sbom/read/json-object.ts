/** JSON objects of strangers: asked for fields without trust; what is not as it should be is undefined. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as JsonObject;
}

/** Own fields only: names such as `constructor` are nobody's. */
function ownField(object: JsonObject | undefined, name: string): unknown {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

export function objectField(object: JsonObject | undefined, name: string): JsonObject | undefined {
  return asObject(ownField(object, name));
}

/** A text that is not empty. */
export function textField(object: JsonObject | undefined, name: string): string | undefined {
  const value = ownField(object, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** None where there is no list; what it holds is not looked at. */
export function listField(object: JsonObject | undefined, name: string): readonly unknown[] {
  const value = ownField(object, name);
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

/** Seconds since 1970 of a time in RFC 3339. */
export function timeField(object: JsonObject | undefined, name: string): number | undefined {
  const text = textField(object, name);
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}
