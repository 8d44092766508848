/**
 * JSON items: the objects of one list in a JSON document that is too large to be held, one after the
 * other. NVD's feed of a year has 150 MB, of which each object is a few kilobytes.
 *
 * The document is scanned for braces and brackets outside of strings. Where the wanted list begins,
 * each object at its depth is cut out and parsed by itself; all else passes by unread.
 */
import { BivyError, type Chunks, type JsonObject } from "../base/index.ts";
import { isObject } from "./feed-json.ts";

/** An object of NVD has at most some hundred kilobytes. */
const largestItem = 16 * 1024 * 1024;

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [
  0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d,
] as const;

/** The objects of the list that the field `name` of the outermost object holds. */
export async function* readJsonItems(
  chunks: Chunks,
  name: string,
  subject: string,
): AsyncGenerator<JsonObject> {
  const scanner = new ItemScanner(Buffer.from(`"${name}"`), subject);
  for await (const chunk of chunks) yield* scanner.push(chunk);
  scanner.end();
}

class ItemScanner {
  readonly #key: Buffer;
  readonly #subject: string;
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** The last string of depth 1: it is the key of a list that begins next. */
  #text: number[] = [];
  #isKey = false;
  /** The depth at which the wanted list's items are; 0 before and after it. */
  #itemDepth = 0;
  #found = false;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(key: Buffer, subject: string) {
    this.#key = key;
    this.#subject = subject;
  }

  *push(chunk: Uint8Array): Generator<JsonObject> {
    // Where in the chunk the item that is open begins.
    let begin = 0;
    for (let at = 0; at < chunk.byteLength; at++) {
      const byte = chunk[at]!;
      if (this.#inText) this.#takeText(byte);
      else if (byte === quote) this.#beginText();
      else if (byte === openBrace || byte === openBracket) {
        this.#depth++;
        if (byte === openBracket && this.#depth === 2 && this.#isKey && !this.#found) {
          this.#found = true;
          this.#itemDepth = 3;
        } else if (byte === openBrace && this.#depth === this.#itemDepth) begin = at;
      } else if (byte === closeBrace || byte === closeBracket) {
        if (byte === closeBrace && this.#depth === this.#itemDepth) {
          const item = this.#finish(chunk.subarray(begin, at + 1));
          if (item !== undefined) yield item;
          begin = at + 1;
        } else if (byte === closeBracket && this.#depth === 2) this.#itemDepth = 0;
        this.#depth--;
      }
    }
    if (this.#itemDepth === 0 || this.#depth < this.#itemDepth) return;
    this.#keep(chunk.subarray(begin));
  }

  /** Fails where the list never came, or the document ended within it. */
  end(): void {
    if (this.#found && this.#depth === 0) return;
    throw new BivyError(
      "advisories-invalid",
      `${this.#subject}: expected a JSON object with a list ${this.#key.toString()}`,
      { hint: "The download is damaged or cut off." },
    );
  }

  #beginText(): void {
    this.#inText = true;
    if (this.#depth === 1) this.#text = [quote];
  }

  #takeText(byte: number): void {
    if (this.#depth === 1 && this.#text.length <= this.#key.byteLength) this.#text.push(byte);
    if (this.#escaped) this.#escaped = false;
    else if (byte === backslash) this.#escaped = true;
    else if (byte === quote) {
      this.#inText = false;
      if (this.#depth === 1) this.#isKey = this.#key.equals(Buffer.from(this.#text));
    }
  }

  #keep(part: Uint8Array): void {
    this.#size += part.byteLength;
    if (this.#size > largestItem)
      throw new BivyError(
        "limit-exceeded",
        `${this.#subject}: one entry has more than ${largestItem} bytes`,
        { hint: "The feed is damaged or hostile." },
      );
    // Copied: a chunk may be reused by whoever reads the stream.
    this.#parts.push(Uint8Array.from(part));
  }

  #finish(last: Uint8Array): JsonObject | undefined {
    this.#keep(last);
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    try {
      const value = JSON.parse(bytes.toString("utf8")) as unknown;
      return isObject(value) ? value : undefined;
    } catch (cause) {
      throw new BivyError("advisories-invalid", `${this.#subject}: expected JSON in its list`, {
        cause,
        hint: "The download is damaged.",
      });
    }
  }
}
