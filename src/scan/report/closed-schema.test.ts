/**
 * Schemas that let nothing by that they do not name, for the formats whose own are not at hand. It has no
 * tests of its own; the name keeps it out of the published package.
 */
import assert from "node:assert/strict";
import { Ajv } from "ajv";

/** An object of these fields, of more that may be absent, and of no others. */
export function object(required: Readonly<Record<string, object>>, more: object = {}): object {
  return {
    type: "object",
    required: Object.keys(required),
    properties: { ...required, ...more },
    additionalProperties: false,
  };
}

/** Parses JSON that must be as the schema says. */
export function validParser(schema: object): (text: string) => ReturnType<typeof JSON.parse> {
  const validate = new Ajv({ allErrors: true, strictTypes: false }).compile(schema);
  return (text) => {
    const value = JSON.parse(text);
    const isValid: boolean = validate(value);
    assert.ok(isValid, JSON.stringify(validate.errors, null, 2));
    return value;
  };
}
