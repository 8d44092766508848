/** Documents: the JSON text of a bill of materials, and the name that tells it from all others. */
import { BivyError, encodeText, hashBytes } from "../base/index.ts";

/** The same data gives the same text. A name that is no UTF-8 loses what JSON cannot carry. */
export function documentText(document: object): string {
  try {
    return `${JSON.stringify(document, toWellFormed, 2)}\n`;
  } catch (cause) {
    // What is read is bounded, but a text that names thousands of packages for each of thousands is not.
    if (!(cause instanceof RangeError)) throw cause;
    throw new BivyError(
      "limit-exceeded",
      "the bill of materials: it would be longer than a text can be",
      { cause, hint: "So many dependencies between packages are damaged or hostile." },
    );
  }
}

function toWellFormed(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}

/** A UUID of a document's data: version 8 of a SHA-256 (RFC 9562, section 5.8). */
export function documentUuid(document: object): string {
  const bytes = Buffer.from(hashBytes("sha256", encodeText(documentText(document)))).subarray(
    0,
    16,
  );
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export interface Author {
  readonly kind: "Person" | "Organization" | "Tool";
  readonly name: string;
}

/** Who states what the document says; `Person: NAME` tells a person from an organization. */
export function authorOf({ author }: { readonly author?: string }): Author {
  if (author === undefined) return { kind: "Tool", name: "bivy" };
  const [, kind, name] = /^(Person|Organization): (.+)$/s.exec(author) ?? [];
  if (name === undefined) return { kind: "Organization", name: author };
  return { kind: kind as "Person", name };
}
