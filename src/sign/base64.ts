/** Base64, as signatures and payloads are written in JSON (RFC 4648, sections 4 and 5). */

const base64Form = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** The bytes of base64 text of either alphabet; undefined for what is something else. */
export function tryDecodeBase64(text: string): Uint8Array | undefined {
  if (!base64Form.test(text)) return undefined;
  // Four characters are three bytes; padding may be left out, but is never half of it.
  const isWhole = text.endsWith("=") ? text.length % 4 === 0 : text.length % 4 !== 1;
  return isWhole ? Buffer.from(text, "base64") : undefined;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
