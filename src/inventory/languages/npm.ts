/**
 * npm: the package.json of what is installed in a node_modules folder, for one program or for all
 * (docs.npmjs.com, "package.json" and "folders").
 */
import { asObject, objectsOf, type JsonObject } from "../../base/index.ts";
import { tryParseJson } from "./json-document.ts";
import { statedPackage, type StatedPackage } from "./language-package.ts";

/** Folders whose names begin with a dot are npm's and other tools' own. */
const installedFile = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/.@][^/]*\/package\.json$/;

export function isNpmPackageFile(path: string): boolean {
  return path.endsWith("/package.json") && installedFile.test(path);
}

/** Undefined where the text is no package.json with a name and a version. */
export function tryParseNpmPackage(text: string): StatedPackage | undefined {
  const document = asObject(tryParseJson(text));
  if (document === undefined || typeof document["version"] !== "string") return undefined;
  const { name, version } = document;
  return statedPackage("npm", { name, version, license: licenseOf(document) });
}

/** A text; before npm 2 also an object with a type, or a list of such under `licenses`. */
function licenseOf({ license, licenses }: JsonObject): string | undefined {
  const stated = [license, ...objectsOf(licenses)]
    .map((each) => (typeof each === "string" ? each : asObject(each)?.["type"]))
    .filter((each) => typeof each === "string");
  return stated.length === 0 ? undefined : stated.join(" OR ");
}
