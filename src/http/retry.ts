/** Retry: how long to wait before a failed request is tried again. */
import { setTimeout as sleep } from "node:timers/promises";

/** The wait before the second try, before jitter. */
const firstWaitMilliseconds = 500;
const longestWaitMilliseconds = 30_000;
/** No server may park the user for longer than this with `Retry-After`. */
const longestRetryAfterMilliseconds = 60_000;

/**
 * Exponential backoff with jitter: half of the wait is fixed, half is drawn, so that many clients that
 * failed together do not return together.
 *
 * @param attempt the try that failed, from 1.
 * @param random a number from 0 to below 1.
 * @param retryAfter what the server asked for, in milliseconds; it is the least that is waited.
 */
export function backoffMilliseconds(attempt: number, random: number, retryAfter?: number): number {
  const full = Math.min(firstWaitMilliseconds * 2 ** (attempt - 1), longestWaitMilliseconds);
  const backoff = Math.round(full / 2 + (full / 2) * random);
  return retryAfter === undefined
    ? backoff
    : Math.min(Math.max(retryAfter, backoff), longestRetryAfterMilliseconds);
}

/**
 * `Retry-After` (RFC 9110, 10.2.3) in milliseconds: seconds, or a date, which is read against the
 * answer's own `Date` where it has one, since clocks differ.
 */
export function parseRetryAfter(
  value: string | undefined,
  date: string | undefined,
): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, longestRetryAfterMilliseconds);
  if (!/[a-z]/i.test(text)) return undefined;
  const until = Date.parse(text);
  if (Number.isNaN(until)) return undefined;
  const sent = date === undefined ? Number.NaN : Date.parse(date);
  const now = Number.isNaN(sent) ? Date.now() : sent;
  return Math.min(Math.max(until - now, 0), longestRetryAfterMilliseconds);
}

/** Waits; an abort ends the wait at once, and the caller looks at the signal. */
export async function waitMilliseconds(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
