/** The version of bivy, as its package says. */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

export const version: string = readVersion();

function readVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) return "0";
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version;
}
