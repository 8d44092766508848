/** Refusals: checks that something fails with an error of the right code, message and hint. */
import assert from "node:assert/strict";
import { BivyError, type ErrorCode } from "../src/base/index.ts";

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: RegExp | string;
  readonly hint: RegExp | string;
}

/** Runs `action`, which must throw a BivyError, and gives it. */
export async function failure(action: () => unknown): Promise<BivyError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof BivyError) return error;
    throw new assert.AssertionError({
      message: `expected a BivyError, found ${error instanceof Error ? error.stack : String(error)}`,
    });
  }
  throw new assert.AssertionError({ message: "expected an error, found success" });
}

export async function refuses(action: () => unknown, expected: Refusal): Promise<BivyError> {
  const error = await failure(action);
  const found = `${error.code}: ${error.message} | ${error.hint}`;
  assert.equal(error.code, expected.code, found);
  assert.ok(fits(error.message, expected.message), `${found}\nexpected ${expected.message}`);
  assert.ok(fits(error.hint ?? "", expected.hint), `${found}\nexpected hint ${expected.hint}`);
  return error;
}

function fits(text: string, expected: RegExp | string): boolean {
  return typeof expected === "string" ? text.includes(expected) : expected.test(text);
}
