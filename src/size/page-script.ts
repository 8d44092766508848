/**
 * The page's script: the modules that the page runs, joined to one.
 *
 * They are read from where they stand beside this one: as TypeScript when bivy runs from its sources, as
 * JavaScript once it is built. Their types are taken away, then their imports and exports, so that what
 * remains are functions and constants side by side.
 */
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import type * as main from "./page/main.ts";

/** What each needs stands before it. */
const moduleNames = [
  "treemap",
  "page/text",
  "page/tree",
  "page/cells",
  "page/treemap-view",
  "page/main",
];

const start: keyof typeof main = "openPage";

export async function pageScript(): Promise<string> {
  const modules = await Promise.all(moduleNames.map(readModule));
  return `"use strict";\n{\n${modules.join("\n")}\n${start}(document, window);\n}\n`;
}

async function readModule(name: string): Promise<string> {
  const isSource = import.meta.url.endsWith(".ts");
  // The bundled command line stands in a folder beside this one's, too.
  const place = new URL(`../size/${name}.${isSource ? "ts" : "js"}`, import.meta.url);
  const text = await readFile(place, "utf8");
  return (isSource ? stripTypeScriptTypes(text) : text)
    .replaceAll(/^import\b[^;]*;\n?/gm, "")
    .replaceAll(/^export (?=function|const)/gm, "");
}
