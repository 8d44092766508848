/**
 * Package URLs (purl): names of packages that hold across ecosystems, always in their one canonical
 * spelling (ECMA-427; package-url/purl-spec).
 */
import { compareNames, encodeName } from "../base/index.ts";

export interface PackageUrl {
  /** Such as `apk`. */
  readonly type: string;
  /** Segments separated by `/`. */
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  /** What is empty or undefined is left out. */
  readonly qualifiers?: Readonly<Record<string, string | undefined>>;
}

export function formatPackageUrl(parts: PackageUrl): string {
  const { type, namespace = "", name, version = "", qualifiers = {} } = parts;
  const path = [...namespace.split("/").filter(Boolean), name].map(encodePart).join("/");
  const query = Object.entries(qualifiers)
    .filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "")
    .sort(([a], [b]) => compareNames(a, b))
    .map(([key, value]) => `${key}=${encodePart(value)}`)
    .join("&");
  const at = version === "" ? "" : `@${encodePart(version)}`;
  return `pkg:${type}/${path}${at}${query === "" ? "" : `?${query}`}`;
}

/** The colon is never encoded; bytes that are no UTF-8 stay what they are. */
function encodePart(text: string): string {
  if (/^[\w.~:-]*$/.test(text)) return text;
  let encoded = "";
  for (const byte of encodeName(text)) {
    const character = String.fromCharCode(byte);
    encoded += /[\w.~:-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
