/** Versions of apk packages: their grammar and their order, as apk-tools 3 has them (docs/formats/apk-version.md). */
import { BivyError } from "../base/index.ts";

/**
 * How a dependency compares versions: `~` holds when the wanted version is a prefix of the package's;
 * `<~` and `>~` add the versions below and above; `><` compares identities instead of versions.
 */
export type Operator = "any" | "=" | "<" | "<=" | "<~" | ">" | ">=" | ">~" | "~" | "><";

/**
 * The kinds of token, in the order in which a version may have them. Where two versions are equal up
 * to here, the one whose next token is of a lower kind is the newer one; pre-release suffixes are the
 * exception.
 */
export const tokenKind = {
  first: 0,
  number: 1,
  letter: 2,
  suffix: 3,
  suffixNumber: 4,
  hash: 5,
  revision: 6,
  end: 7,
  invalid: 8,
} as const;

/** Suffixes before and after the release, in their order; the release itself is at `noSuffix`. */
const suffixes: ReadonlyMap<string, number> = new Map([
  ["alpha", 1],
  ["beta", 2],
  ["pre", 3],
  ["rc", 4],
  ["cvs", 6],
  ["svn", 7],
  ["git", 8],
  ["hg", 9],
  ["p", 10],
]);
const noSuffix = 5;

/** Reads the tokens of one version, from left to right. */
export class VersionTokens {
  readonly text: string;
  /** One of `tokenKind`. */
  kind: number = tokenKind.first;
  /** The current token's value, without what introduces it, is `text.slice(from, to)`. */
  from = 0;
  to = 0;
  /** The rank of a suffix token. */
  suffix = 0;

  constructor(text: string) {
    this.text = text;
    this.readDigits(0, tokenKind.first);
  }

  next(): void {
    const { text, to, kind } = this;
    if (to >= text.length) {
      this.kind = tokenKind.end;
      return;
    }
    const code = text.charCodeAt(to);
    if (code === 0x2e /* . */ && kind <= tokenKind.number)
      this.readDigits(to + 1, tokenKind.number);
    else if (isDigit(code) && kind === tokenKind.suffix)
      this.readDigits(to, tokenKind.suffixNumber);
    else if (isLower(code) && kind <= tokenKind.number) this.take(to, to + 1, tokenKind.letter);
    else if (code === 0x5f /* _ */ && kind <= tokenKind.suffixNumber) this.readSuffix(to + 1);
    else if (code === 0x7e /* ~ */ && kind < tokenKind.hash) this.readHash(to + 1);
    else if (
      code === 0x2d /* - */ &&
      kind < tokenKind.revision &&
      text.charCodeAt(to + 1) === 0x72 /* r */
    )
      this.readDigits(to + 2, tokenKind.revision);
    else this.kind = tokenKind.invalid;
  }

  private take(from: number, to: number, kind: number): void {
    this.from = from;
    this.to = to;
    this.kind = kind;
  }

  private readDigits(from: number, kind: number): void {
    let to = from;
    while (to < this.text.length && isDigit(this.text.charCodeAt(to))) to++;
    this.take(from, to, to === from ? tokenKind.invalid : kind);
  }

  private readSuffix(from: number): void {
    let to = from;
    while (to < this.text.length && isLower(this.text.charCodeAt(to))) to++;
    const rank = suffixes.get(this.text.slice(from, to));
    this.suffix = rank ?? 0;
    this.take(from, to, rank === undefined ? tokenKind.invalid : tokenKind.suffix);
  }

  private readHash(from: number): void {
    let to = from;
    while (to < this.text.length && isHexDigit(this.text.charCodeAt(to))) to++;
    this.take(from, to, to === from ? tokenKind.invalid : tokenKind.hash);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLower(code: number): boolean {
  return code >= 0x61 && code <= 0x7a;
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x61 && code <= 0x66);
}

/** The decimal digits of a number without leading zeros ("" for zero), modulo 2^64 as apk keeps it. */
export function canonicalDigits(digits: string): string {
  let zeros = 0;
  while (zeros < digits.length && digits.charCodeAt(zeros) === 0x30) zeros++;
  const significant = zeros === 0 ? digits : digits.slice(zeros);
  // 2^64 has 20 digits; what is shorter is below it.
  if (significant.length < 20) return significant;
  const wrapped = BigInt.asUintN(64, BigInt(significant));
  return wrapped === 0n ? "" : wrapped.toString();
}

function compareNumbers(a: string, b: string): number {
  if (a === b) return 0;
  const x = canonicalDigits(a);
  const y = canonicalDigits(b);
  if (x.length !== y.length) return x.length < y.length ? -1 : 1;
  return compareText(x, y);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareTokens(a: VersionTokens, b: VersionTokens): number {
  if (a.kind === tokenKind.suffix) return Math.sign(a.suffix - b.suffix);
  const x = a.text.slice(a.from, a.to);
  const y = b.text.slice(b.from, b.to);
  switch (a.kind) {
    case tokenKind.letter:
    case tokenKind.hash:
      return compareText(x, y);
    case tokenKind.number:
      // A later component with a leading zero is a fraction: it compares as text.
      if (x.charCodeAt(0) === 0x30 || y.charCodeAt(0) === 0x30) return compareText(x, y);
  }
  return compareNumbers(x, y);
}

/** -1, 0 or 1: whether `a` is older than, equal to, or newer than `b`. Total, also over invalid text. */
export function compareVersions(a: string, b: string): -1 | 0 | 1 {
  return a === b ? 0 : compareByTokens(a, b, false);
}

function compareByTokens(a: string, b: string, fuzzy: boolean): -1 | 0 | 1 {
  const x = new VersionTokens(a);
  const y = new VersionTokens(b);
  while (x.kind === y.kind && x.kind < tokenKind.end) {
    const order = compareTokens(x, y);
    if (order !== 0) return order as -1 | 1;
    x.next();
    y.next();
  }
  if (x.kind === y.kind || (fuzzy && y.kind === tokenKind.end)) return 0;
  if (x.kind === tokenKind.suffix && x.suffix < noSuffix) return -1;
  if (y.kind === tokenKind.suffix && y.suffix < noSuffix) return 1;
  return x.kind > y.kind ? -1 : 1;
}

/** The grammar as a pattern: the versions that `VersionTokens` reads to their end, and no others. */
export const versionPattern =
  "[0-9]+(?:\\.[0-9]+)*[a-z]?(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(?:~[0-9a-f]+)?(?:-r[0-9]+)?";

const versionForm = new RegExp(`^${versionPattern}$`);

/** No file name can have a longer one, and a pattern that repeats takes stack for each time. */
const longestVersion = 4096;

export function isValidVersion(text: string): boolean {
  return text.length <= longestVersion && versionForm.test(text);
}

export function parseVersion(text: string): string {
  if (isValidVersion(text)) return text;
  throw new BivyError("version-invalid", `version "${text}": expected one such as 1.2.3_rc1-r0`, {
    hint: "A version is numbers joined by dots, then optionally a letter, suffixes such as _rc1 or _p2, ~ and a commit, and -rN.",
  });
}

/** Whether `version` stands to `wanted` as `operator` demands. `any` always holds; `><` never does. */
export function matchesVersion(version: string, operator: Operator, wanted: string): boolean {
  switch (operator) {
    case "any":
      return true;
    case "=":
      return compareVersions(version, wanted) === 0;
    case "<":
      return compareVersions(version, wanted) < 0;
    case "<=":
      return compareVersions(version, wanted) <= 0;
    case ">":
      return compareVersions(version, wanted) > 0;
    case ">=":
      return compareVersions(version, wanted) >= 0;
    case "~":
      return compareByTokens(version, wanted, true) === 0;
    case "<~":
      return compareByTokens(version, wanted, true) <= 0;
    case ">~":
      return compareByTokens(version, wanted, true) >= 0;
    case "><":
      return false;
  }
}
