/**
 * Table order: the order in which apk walks all names. It keeps them in a hash table of 20,000 buckets
 * by MurmurHash3 (32 bits, seed 5381) and walks it bucket by bucket. The order shows where apk lists
 * or removes several packages that nothing else puts in order.
 */
import { toByteText, type ByteText } from "../index-text.ts";

const buckets = 20_000;
const seed = 5381;

/** A rank beyond every bucket. */
export const afterTable = buckets;

/** The bucket of a name. */
export function tableRank(name: string): number {
  return murmur3(toByteText(name), seed) % buckets;
}

/** MurmurHash3_x86_32, as its author published it into the public domain. */
function murmur3(key: ByteText, start: number): number {
  let hash = start;
  const whole = key.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const block =
      key.charCodeAt(at) |
      (key.charCodeAt(at + 1) << 8) |
      (key.charCodeAt(at + 2) << 16) |
      (key.charCodeAt(at + 3) << 24);
    hash = rotateLeft(hash ^ scramble(block), 13);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = key.length - 1; at >= whole; at--) rest = (rest << 8) | key.charCodeAt(at);
  if (key.length > whole) hash ^= scramble(rest);
  hash ^= key.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  return Math.imul(rotateLeft(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
