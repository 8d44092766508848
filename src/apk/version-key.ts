/** Version keys: bytes whose plain order is apk's version order, so that a database can compare versions. */
import { canonicalDigits, tokenKind, VersionTokens } from "./version.ts";

/**
 * The lead byte of each token. Where two versions part, these bytes are compared, so their order is the
 * order of what may follow: a pre-release suffix is below the end, all else above it. Suffixes take
 * 0x01…0x04 (alpha beta pre rc) and 0x51…0x55 (cvs svn git hg p).
 */
const lead = {
  invalid: 0x08,
  end: 0x10,
  revision: 0x20,
  hash: 0x30,
  suffixNumber: 0x40,
  laterSuffixes: 0x50,
  letter: 0x60,
  number: 0x70,
  first: 0x78,
} as const;

/** Rank of the first suffix after the release, less one (see version.ts). */
const releaseRank = 5;

/**
 * A key of `version`: comparing two keys byte by byte (memcmp; `Buffer.compare`) gives
 * `compareVersions` of their versions. Each token is led by a byte for its kind and delimits itself:
 * a number is a length byte and its digits without leading zeros; text ends with 0. What follows an
 * invalid token is not looked at, so versions that are invalid from the same place on share a key.
 */
export function versionKey(version: string): Uint8Array {
  const key: number[] = [];
  const tokens = new VersionTokens(version);
  while (tokens.kind < tokenKind.end) {
    appendToken(key, tokens);
    tokens.next();
  }
  key.push(tokens.kind === tokenKind.end ? lead.end : lead.invalid);
  return Uint8Array.from(key);
}

function appendToken(key: number[], tokens: VersionTokens): void {
  const value = tokens.text.slice(tokens.from, tokens.to);
  switch (tokens.kind) {
    case tokenKind.first:
      key.push(lead.first);
      return appendNumber(key, value);
    case tokenKind.number:
      // A leading zero makes it a fraction, which compares as text, below any number without one.
      if (value.startsWith("0")) {
        key.push(lead.number, 0);
        return appendText(key, value);
      }
      key.push(lead.number, 1);
      return appendNumber(key, value);
    case tokenKind.letter:
      key.push(lead.letter, value.charCodeAt(0));
      return;
    case tokenKind.suffix:
      key.push(
        tokens.suffix < releaseRank
          ? tokens.suffix
          : lead.laterSuffixes + tokens.suffix - releaseRank,
      );
      return;
    case tokenKind.suffixNumber:
      key.push(lead.suffixNumber);
      return appendNumber(key, value);
    case tokenKind.hash:
      key.push(lead.hash);
      return appendText(key, value);
    case tokenKind.revision:
      key.push(lead.revision);
      return appendNumber(key, value);
  }
}

function appendNumber(key: number[], digits: string): void {
  const canonical = canonicalDigits(digits);
  key.push(canonical.length);
  for (let at = 0; at < canonical.length; at++) key.push(canonical.charCodeAt(at));
}

function appendText(key: number[], text: string): void {
  for (let at = 0; at < text.length; at++) key.push(text.charCodeAt(at));
  key.push(0);
}
