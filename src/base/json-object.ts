/** JSON objects of strangers: asked for fields without trust; what is not as it should be is undefined. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as JsonObject;
}

/** Own fields only: names such as `constructor` are nobody's. */
export function ownField(object: JsonObject | undefined, name: string): unknown {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

export function objectField(object: JsonObject | undefined, name: string): JsonObject | undefined {
  return asObject(ownField(object, name));
}

/** None where there is no list; what it holds is not looked at. */
export function listField(object: JsonObject | undefined, name: string): readonly unknown[] {
  const value = ownField(object, name);
  return Array.isArray(value) ? value : [];
}

/** The objects of a list; what else it holds is passed over. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.map(asObject).filter((each) => each !== undefined);
}

export function objectsField(object: JsonObject | undefined, name: string): readonly JsonObject[] {
  return objectsOf(ownField(object, name));
}

export function textsField(object: JsonObject | undefined, name: string): readonly string[] {
  return listField(object, name).filter((each): each is string => typeof each === "string");
}
