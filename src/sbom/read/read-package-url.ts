/**
 * Package URLs (purl), read in the spellings that other tools write (ECMA-427 says how they should be
 * spelled; `formatPackageUrl` writes them so).
 */
import { concatBytes, decodeName, encodeName } from "../../base/index.ts";
import type { PackageUrl } from "../../inventory/index.ts";

/** Longer ones are nobody's. */
const longest = 4096;

/** The parts of a purl, decoded; undefined for what is none. Qualifiers have no prototype. */
export function tryParsePackageUrl(text: string): PackageUrl | undefined {
  if (text.length > longest || !text.startsWith("pkg:")) return undefined;
  const [beforeQuery, query = ""] = cut(cut(text.slice("pkg:".length), "#")[0], "?");
  const [type, path = ""] = cut(beforeQuery.replace(/^\/+/, ""), "/");
  // An at sign that begins a segment belongs to a scope of npm, which some do not encode.
  const at = path.lastIndexOf("@");
  const hasVersion = at > 0 && path[at - 1] !== "/";
  const segments = (hasVersion ? path.slice(0, at) : path).split("/").filter(Boolean);
  const names = segments.map(decode);
  const version = decode(hasVersion ? path.slice(at + 1) : "");
  const name = names.pop();
  if (name === undefined || !/^[A-Za-z][A-Za-z0-9.+-]*$/.test(type)) return undefined;
  return {
    type: type.toLowerCase(),
    ...(names.length === 0 ? {} : { namespace: names.join("/") }),
    name,
    ...(version === "" ? {} : { version }),
    qualifiers: parseQualifiers(query),
  };
}

/** What is before the first separator, and what is after it, if there is one. */
function cut(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function parseQualifiers(query: string): Readonly<Record<string, string>> {
  const qualifiers = Object.create(null) as Record<string, string>;
  for (const pair of query.split("&")) {
    const at = pair.indexOf("=");
    const value = at <= 0 ? "" : decode(pair.slice(at + 1));
    if (value !== "") qualifiers[pair.slice(0, at).toLowerCase()] = value;
  }
  return qualifiers;
}

/**
 * A plus stands for itself: tools that do not encode it mean no blank. What is no UTF-8 stays what it
 * is, and so does a percent sign that encodes nothing: a package is not lost for its spelling.
 */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  const parts = text.split(/(%[0-9A-Fa-f]{2})/);
  return decodeName(
    concatBytes(
      parts.map((part, at) =>
        at % 2 === 1 ? Uint8Array.of(Number.parseInt(part.slice(1), 16)) : encodeName(part),
      ),
    ),
  );
}
