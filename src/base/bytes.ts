/** Bytes: joining, comparing, and text that survives being decoded and encoded again. */

export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export const emptyBytes: Uint8Array = new Uint8Array(0);

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  return Buffer.concat(parts);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0;
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * Decodes file names and other text that should be UTF-8 but need not be. A byte that is not part of
 * valid UTF-8 becomes the lone surrogate U+DC80…U+DCFF (as Python's surrogateescape does), so that
 * `encodeName` gives back the same bytes.
 */
export function decodeName(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const length = utf8Length(bytes[at]!);
    const piece = bytes.subarray(at, at + length);
    try {
      text += strictDecoder.decode(piece);
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + bytes[at]!);
      at += 1;
    }
  }
  return text;
}

function utf8Length(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

const escapedByte = /[\udc80-\udcff]/u;

/** The bytes of a name that `decodeName` returned. */
export function encodeName(name: string): Uint8Array {
  if (!escapedByte.test(name)) return encoder.encode(name);
  const parts: Uint8Array[] = [];
  for (const character of name) {
    const code = character.codePointAt(0)!;
    parts.push(
      code >= 0xdc80 && code <= 0xdcff ? Uint8Array.of(code - 0xdc00) : encoder.encode(character),
    );
  }
  return concatBytes(parts);
}

/** Orders names by their bytes, as sort(1) in the C locale, tar and apk do. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x === y) continue;
    // Beyond ASCII, UTF-16 order is not byte order.
    if (x < 0x80 && y < 0x80) return x - y;
    return Buffer.compare(encodeName(a), encodeName(b));
  }
  return a.length - b.length;
}

/** Reads a stream into one array, and no more than `limit` bytes of it. */
export async function collectBytes(
  chunks: Chunks,
  limit: number,
  onExcess: () => Error,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > limit) throw onExcess();
    parts.push(chunk);
  }
  return concatBytes(parts);
}

/** Reads a stream to its end for what happens on the way, such as a comparison of checksums. */
export async function drain(items: AsyncIterable<unknown>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}
