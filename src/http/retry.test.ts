/** Tests of the waits between tries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMilliseconds, parseRetryAfter } from "./retry.ts";

for (const [attempt, random, retryAfter, expected] of [
  [1, 0, undefined, 250],
  [1, 0.5, undefined, 375],
  [2, 0, undefined, 500],
  [3, 1, undefined, 2000],
  [99, 1, undefined, 30_000],
  [1, 0, 0, 250],
  [1, 0, 9000, 9000],
  [1, 0, 90_000, 60_000],
] as const)
  test(`after try ${attempt}, drawing ${random}, asked for ${retryAfter}: ${expected} ms`, () => {
    assert.equal(backoffMilliseconds(attempt, random, retryAfter), expected);
  });

const date = "Wed, 21 Oct 2015 07:28:00 GMT";
for (const [value, expected] of [
  ["0", 0],
  [" 12 ", 12_000],
  ["999999999999999999999", 60_000],
  ["Wed, 21 Oct 2015 07:28:05 GMT", 5000],
  ["Wed, 21 Oct 2015 07:27:00 GMT", 0],
  ["Wed, 21 Oct 2025 07:27:00 GMT", 60_000],
  ["-5", undefined],
  ["soon", undefined],
  ["", undefined],
  [undefined, undefined],
] as const)
  test(`Retry-After: ${value}`, () => assert.equal(parseRetryAfter(value, date), expected));
