/**
 * Globs as Go's `filepath.Match` reads them (https://pkg.go.dev/path/filepath#Match), for the sources
 * of COPY and ADD. `*` and `?` do not match a slash; a set `[…]` may; `\` escapes; `[^…]` negates.
 *
 * A pattern is cut into chunks, each with or without stars before it. A chunk is put at the first
 * place where it fits and never moved again, which is enough, because the next star makes up for it:
 * matching takes at most pattern × name steps. Errors are found as Go finds them, when a chunk is
 * looked at: a pattern whose first part does not fit is not read to its end.
 *
 * Characters are code points. (Go's star also stops between the bytes of one, so that `*??` matches a
 * single "☺" there.)
 */
import { BivyError } from "../base/index.ts";
import { shorten } from "./shorten.ts";

/** Makes the error for a pattern that is malformed. */
type Fail = (reason: string) => BivyError;

/**
 * Whether `pattern` matches the whole of `name`. A malformed pattern is `pattern-invalid`, or what `fail`
 * makes of the reason.
 */
export function matchGlob(
  pattern: string,
  name: string,
  fail: Fail = (reason) => malformed(pattern, reason),
): boolean {
  let at = 0;
  for (let next = 0; next < pattern.length;) {
    const start = skipStars(pattern, next);
    const chunk: Chunk = { pattern, start, end: chunkEnd(pattern, start), fail };
    const hasStar = start > next;
    const isLast = chunk.end === pattern.length;
    next = chunk.end;
    if (hasStar && start === next) return !name.includes("/", at);
    const fits = (place: number | undefined) =>
      place !== undefined && (!isLast || place === name.length);
    let after = matchChunk(chunk, name, at);
    while (!fits(after)) {
      if (!hasStar || at >= name.length || name[at] === "/") return false;
      at += lengthAt(name, at);
      after = matchChunk(chunk, name, at);
    }
    at = after!;
  }
  return at === name.length;
}

function malformed(pattern: string, reason: string): BivyError {
  return new BivyError(
    "pattern-invalid",
    `${shorten(pattern)}: syntax error in pattern: ${reason}`,
    {
      hint: 'Put a backslash before "[", "]", "-" or "\\" where it stands for itself.',
    },
  );
}

/** A part of a pattern without stars. */
interface Chunk {
  readonly pattern: string;
  readonly start: number;
  readonly end: number;
  readonly fail: Fail;
}

function skipStars(pattern: string, at: number): number {
  while (pattern[at] === "*") at++;
  return at;
}

/** Where the chunk from `start` ends: at the next star that is neither escaped nor in a set. */
function chunkEnd(pattern: string, start: number): number {
  let inSet = false;
  for (let at = start; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === "\\") at++;
    else if (character === "[") inSet = true;
    else if (character === "]") inSet = false;
    else if (character === "*" && !inSet) return at;
  }
  return pattern.length;
}

/**
 * Where the chunk's match from `at` ends, or undefined. A chunk is read to its end even when it has
 * failed, so that its errors do not depend on the name.
 */
function matchChunk(chunk: Chunk, name: string, at: number): number | undefined {
  const { pattern, start, end, fail } = chunk;
  let failed = false;
  for (let next = start; next < end;) {
    failed ||= at >= name.length;
    let character = pattern[next]!;
    if (character === "[") {
      const set = readSet(chunk, next + 1, failed ? 0 : name.codePointAt(at)!);
      failed ||= !set.matches;
      if (!failed) at += lengthAt(name, at);
      next = set.end;
      continue;
    }
    if (character === "?") {
      failed ||= name[at] === "/";
      if (!failed) at += lengthAt(name, at);
      next += 1;
      continue;
    }
    if (character === "\\") {
      next += 1;
      if (next >= end) throw fail("nothing follows the last backslash");
      character = pattern[next]!;
    }
    failed ||= character !== name[at];
    at += 1;
    next += 1;
  }
  return failed ? undefined : at;
}

/** Reads the set whose `[` stands before `at`, and says whether `code` is in it. */
function readSet(
  chunk: Chunk,
  at: number,
  code: number,
): { readonly matches: boolean; readonly end: number } {
  const { pattern, end } = chunk;
  const negated = at < end && pattern[at] === "^";
  if (negated) at += 1;
  let found = false;
  for (let first = true; first || at >= end || pattern[at] !== "]"; first = false) {
    const low = readMember(chunk, at);
    let high = low;
    if (pattern[low.end] === "-") high = readMember(chunk, low.end + 1);
    found ||= low.code <= code && code <= high.code;
    at = high.end;
  }
  return { matches: found !== negated, end: at + 1 };
}

function readMember({ pattern, end, fail }: Chunk, at: number) {
  if (at >= end) throw fail('a "[" is not closed');
  if (pattern[at] === "]") throw fail('a "]" comes first in a set');
  if (pattern[at] === "-") throw fail('a "-" in a set has no beginning or no end');
  if (pattern[at] === "\\") at += 1;
  const length = at < end ? lengthAt(pattern, at) : 0;
  if (at + length >= end) throw fail('a "[" is not closed');
  return { code: pattern.codePointAt(at)!, end: at + length };
}

/** UTF-16 units of the code point at `at`. */
function lengthAt(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}
