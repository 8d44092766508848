/**
 * Language packages: what the package managers of programming languages brought, each as a file in the
 * image states it.
 */
import { formatPackageUrl } from "../package-url.ts";

export type Ecosystem = "npm" | "pypi" | "golang" | "maven" | "gem" | "cargo" | "composer";

/** What a file states about a package. */
export interface StatedPackage {
  readonly ecosystem: Ecosystem;
  /**
   * As its ecosystem writes it: `@scope/name` (npm), `group:artifact` (maven), the module path (golang),
   * `vendor/name` (composer). `stdlib` of golang is Go's own library.
   */
  readonly name: string;
  /** Empty where nothing states one, as for the main module of a Go program built from a checkout. */
  readonly version: string;
  /** As it is stated; need not be an SPDX expression. */
  readonly license?: string;
  /** Of the type `generic` for an artifact of maven whose group nothing states. */
  readonly purl: string;
}

export interface LanguagePackage extends StatedPackage {
  /** Plain path of the file that says so; for a package inside an archive that of the outermost. */
  readonly path: string;
  /** The layer that brought the file; lowest 0. */
  readonly layer?: number;
  /** Name of the apk package that owns the file. */
  readonly owner?: string;
}

/** No registry accepts longer ones. */
const longestName = 512;
const longestVersion = 256;
const longestLicense = 1024;

export interface Statement {
  readonly name: unknown;
  readonly version: unknown;
  readonly license?: unknown;
  readonly qualifiers?: Readonly<Record<string, string | undefined>>;
}

/** The package that a file states; undefined where its name or version can be none. */
export function statedPackage(
  ecosystem: Ecosystem,
  { name, version, license, qualifiers = {} }: Statement,
): StatedPackage | undefined {
  const named = ownText(name, longestName);
  const numbered = version === undefined ? "" : ownText(version, longestVersion);
  const licensed = ownText(license, longestLicense);
  if (named === undefined || named === "" || numbered === undefined) return undefined;
  return {
    ecosystem,
    name: named,
    version: numbered,
    ...(licensed === undefined || licensed === "" ? {} : { license: licensed }),
    purl: formatPackageUrl({ ...coordinates[ecosystem](named), version: numbered, qualifiers }),
  };
}

/**
 * A text without blanks around it; undefined for what is none, or too long, or holds control characters.
 * It is copied: what is cut from a text stays a window onto it, and would keep a whole file in memory.
 */
function ownText(value: unknown, longest: number): string | undefined {
  if (typeof value !== "string" || value.length > longest) return undefined;
  const text = value.trim();
  return /\p{Cc}/u.test(text) ? undefined : Buffer.from(text).toString();
}

type Coordinates = { readonly type: string; readonly namespace?: string; readonly name: string };

/** How the purl specification spells the names of each type. */
const coordinates: Readonly<Record<Ecosystem, (name: string) => Coordinates>> = {
  npm: (name) => cutLast("npm", name, "/"),
  pypi: (name) => ({ type: "pypi", name: name.toLowerCase().replaceAll("_", "-") }),
  golang: (name) => cutLast("golang", name.toLowerCase(), "/"),
  maven: (name) => (name.includes(":") ? cutLast("maven", name, ":") : { type: "generic", name }),
  gem: (name) => ({ type: "gem", name }),
  cargo: (name) => ({ type: "cargo", name }),
  composer: (name) => cutLast("composer", name.toLowerCase(), "/"),
};

function cutLast(type: string, name: string, separator: string): Coordinates {
  const at = name.lastIndexOf(separator);
  if (at === -1) return { type, name };
  return { type, namespace: name.slice(0, at), name: name.slice(at + 1) };
}
