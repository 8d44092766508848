/**
 * Package URLs (purl), read in the spellings that other tools write (ECMA-427 says how they should be
 * spelled; `formatPackageUrl` writes them so).
 */
import type { PackageUrl } from "../../inventory/index.ts";

/** Longer ones are nobody's. */
const longest = 4096;

/** The parts of a purl, decoded; undefined for what is none. Qualifiers have no prototype. */
export function tryParsePackageUrl(text: string): PackageUrl | undefined {
  if (text.length > longest || !text.startsWith("pkg:")) return undefined;
  const [beforeQuery, query = ""] = cut(cut(text.slice("pkg:".length), "#")[0]!, "?");
  const [type, path = ""] = cut(beforeQuery!.replace(/^\/+/, ""), "/");
  // An at sign that begins a segment belongs to a scope of npm, which some do not encode.
  const at = path.lastIndexOf("@");
  const hasVersion = at > 0 && path[at - 1] !== "/";
  const segments = (hasVersion ? path.slice(0, at) : path).split("/").filter(Boolean);
  const names = segments.map(tryDecode);
  const version = tryDecode(hasVersion ? path.slice(at + 1) : "");
  const qualifiers = tryParseQualifiers(query);
  const name = names.pop();
  if (name === undefined || version === undefined || qualifiers === undefined) return undefined;
  if (names.includes(undefined) || !/^[A-Za-z][A-Za-z0-9.+-]*$/.test(type!)) return undefined;
  return {
    type: type!.toLowerCase(),
    ...(names.length === 0 ? {} : { namespace: names.join("/") }),
    name,
    ...(version === "" ? {} : { version }),
    qualifiers,
  };
}

/** What is before the first separator, and what is after it, if there is one. */
function cut(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function tryParseQualifiers(query: string): Readonly<Record<string, string>> | undefined {
  const qualifiers = Object.create(null) as Record<string, string>;
  for (const pair of query.split("&")) {
    const at = pair.indexOf("=");
    if (at <= 0) continue;
    const value = tryDecode(pair.slice(at + 1));
    if (value === undefined) return undefined;
    if (value !== "") qualifiers[pair.slice(0, at).toLowerCase()] = value;
  }
  return qualifiers;
}

/** A plus stands for itself: tools that do not encode it mean no blank. */
function tryDecode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
