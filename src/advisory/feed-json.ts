/** The JSON of feeds: decoded, and told apart from what is none, before a field of it is read. */
import { asObject, BivyError, type JsonObject } from "../base/index.ts";

export function isObject(value: unknown): value is JsonObject {
  return asObject(value) !== undefined;
}

/** A feed that is one JSON object; throws `advisories-invalid`. */
export function parseFeedJson(bytes: Uint8Array, subject: string): JsonObject {
  let document: unknown;
  try {
    // Bytes that are no UTF-8 become U+FFFD in a text, which harms nothing; a strict decoder is slow.
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    document = JSON.parse(buffer.toString("utf8")) as unknown;
  } catch (cause) {
    throw new BivyError("advisories-invalid", `${subject}: expected a JSON document`, {
      cause,
      hint: "The download is damaged, or the server answered with a page.",
    });
  }
  if (isObject(document)) return document;
  throw new BivyError("advisories-invalid", `${subject}: expected a JSON object`, {
    hint: "This is not the feed that it was taken for.",
  });
}
