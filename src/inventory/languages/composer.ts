/** PHP: vendor/composer/installed.json, in which Composer lists what it installed (1 as a list, 2 as an object). */
import { asObject, objectsOf } from "../../base/index.ts";
import { tryParseJson } from "./json-document.ts";
import { statedPackage, type StatedPackage } from "./language-package.ts";

export function isComposerFile(path: string): boolean {
  return /(?:^|\/)composer\/installed\.json$/.test(path);
}

/** Undefined where the text is no such list. */
export function tryParseComposer(text: string): readonly StatedPackage[] | undefined {
  const document = tryParseJson(text);
  const list = asObject(document)?.["packages"] ?? document;
  if (!Array.isArray(list)) return undefined;
  return objectsOf(list)
    .map(({ name, version, license }) => {
      if (typeof version !== "string") return undefined;
      const stated = Array.isArray(license)
        ? license.filter((each) => typeof each === "string")
        : [];
      return statedPackage("composer", {
        name,
        version,
        license: stated.length === 0 ? undefined : stated.join(" OR "),
      });
    })
    .filter((each) => each !== undefined);
}
