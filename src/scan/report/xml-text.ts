/** XML text: words from outside as content and attributes of XML 1.0 (https://www.w3.org/TR/xml/). */
import { shownName } from "./shown-text.ts";

/** Characters that XML cannot hold at all are among those that `shownName` replaces; lines stay lines. */
export function xmlText(text: string): string {
  return text
    .split("\n")
    .map((line) => shownName(line).replaceAll(/[&<>"'\ufffe\uffff]/g, escapeCharacter))
    .join("\n");
}

/** Attributes, in double quotes; of each the value may come from outside. */
export function xmlAttributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${xmlText(String(value).replaceAll("\n", " "))}"`)
    .join("");
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code >= 0xfffe ? "\ufffd" : `&#${code};`;
}
