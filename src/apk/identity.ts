/** Identities: the checksum that names one build of a package (`C:`), and file checksums, which are written alike. */

/** The last digits of `Q1` and 20 bytes in base64, when the spare bits are zero as they should be. */
const lastDigits = "AEIMQUYcgkosw048";

/**
 * The key under which two records are the same package: the first 20 bytes of the checksum. apk writes
 * `Q1` with base64 (SHA-1), and reads `Q2` (SHA-256) and `X1`, `X2` with hex too; spare bits in the
 * last digit do not count. Other text is its own key.
 */
export function identityKey(identity: string): string {
  if (identity.length === 30 && identity.startsWith("Q1") && lastDigits.includes(identity[28]!))
    return identity;
  const bytes = tryParseChecksum(identity);
  return bytes === undefined
    ? identity
    : `Q1${Buffer.from(bytes.subarray(0, 20)).toString("base64")}`;
}

/**
 * The bytes of a checksum as apk writes it: `Q` and base64, or `X` and hex; undefined when it is not
 * one or has fewer than 20 bytes. A `Q1` that holds a whole SHA-256 is read as that.
 */
export function tryParseChecksum(text: string): Uint8Array | undefined {
  const bytes = decodeChecksum(text);
  return bytes === undefined || bytes.length < 20 ? undefined : bytes;
}

function decodeChecksum(text: string): Buffer | undefined {
  if (/^Q[12][A-Za-z0-9+/]+=*$/.test(text)) return Buffer.from(text.slice(2), "base64");
  if (/^X[12](?:[0-9a-fA-F]{2})+$/.test(text)) return Buffer.from(text.slice(2), "hex");
  return undefined;
}

/** A checksum of 20 bytes as apk writes it: `Q1` and base64. */
export function formatChecksum(bytes: Uint8Array): string {
  return `Q1${Buffer.from(bytes).toString("base64")}`;
}
