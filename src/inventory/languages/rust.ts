/**
 * Rust: the list of crates that cargo-auditable puts into an executable: zlib-compressed JSON in the
 * section `.dep-v0` (rust-secure-code/cargo-auditable, PARSING.md).
 */
import { inflateSync } from "node:zlib";
import { asObject, decodeName, objectsOf } from "../../base/index.ts";
import { tryParseJson } from "./json-document.ts";
import { statedPackage, type StatedPackage } from "./language-package.ts";

export const crateSection = ".dep-v0";

/** Unpacked bytes; what a thousand crates take is a tenth of it. */
const largestList = 8 * 1024 * 1024;

/** The crates that are in the program, without those that only built it. Undefined where it is no such list. */
export function tryParseCrates(section: Uint8Array): readonly StatedPackage[] | undefined {
  const text = tryInflate(section);
  const document = asObject(text === undefined ? undefined : tryParseJson(text));
  if (!Array.isArray(document?.["packages"])) return undefined;
  return objectsOf(document["packages"])
    .filter(({ kind, version }) => kind !== "build" && typeof version === "string")
    .map(({ name, version }) => statedPackage("cargo", { name, version }))
    .filter((each) => each !== undefined);
}

function tryInflate(bytes: Uint8Array): string | undefined {
  try {
    return decodeName(inflateSync(bytes, { maxOutputLength: largestList }));
  } catch {
    return undefined;
  }
}
