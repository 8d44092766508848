/**
 * Python: the core metadata of an installed distribution, a header of fields before a description
 * (packaging.python.org, "Core metadata", "Recording installed projects").
 */
import { statedPackage, type StatedPackage } from "./language-package.ts";

/** A wheel's METADATA; PKG-INFO of setuptools, in a folder of its own, as the file itself, or in an egg. */
const metadataFile =
  /(?:^|\/)(?:[^/]+\.dist-info\/METADATA|[^/]+\.egg-info\/PKG-INFO|[^/]+\.egg\/EGG-INFO\/PKG-INFO|[^/]+\.egg-info)$/;

export function isPythonMetadataFile(path: string): boolean {
  return metadataFile.test(path);
}

/** Undefined where the text is no metadata with a name and a version. */
export function tryParsePythonMetadata(text: string): StatedPackage | undefined {
  const fields = readFields(text);
  const [name] = fields.get("name") ?? [];
  const [version] = fields.get("version") ?? [];
  if (version === undefined) return undefined;
  return statedPackage("pypi", { name, version, license: licenseOf(fields) });
}

/** The fields of a header by their name in lower case; a field goes on in lines that begin with a blank. */
function readFields(text: string): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  let last: string[] | undefined;
  const [header = ""] = text.split(/\r?\n\r?\n/, 1);
  for (const line of header.split(/\r?\n/)) {
    if (/^[ \t]/.test(line)) {
      if (last !== undefined) last.push(`${last.pop()}\n${line}`);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon === -1) continue;
    const name = line.slice(0, colon).toLowerCase();
    last = fields.get(name) ?? [];
    fields.set(name, last);
    last.push(line.slice(colon + 1).trim());
  }
  return fields;
}

/** An expression; else a short text, where many have the whole licence; else the classifiers. */
function licenseOf(fields: ReadonlyMap<string, readonly string[]>): string | undefined {
  const [expression] = fields.get("license-expression") ?? [];
  if (expression !== undefined) return expression;
  const [text] = fields.get("license") ?? [];
  if (text !== undefined && text !== "" && text !== "UNKNOWN" && !text.includes("\n")) return text;
  const classes = (fields.get("classifier") ?? [])
    .map((each) => each.split(" :: "))
    .filter((parts) => parts[0] === "License" && parts.length > 1)
    .map((parts) => parts.at(-1)!);
  return classes.length === 0 ? undefined : classes.join(", ");
}
