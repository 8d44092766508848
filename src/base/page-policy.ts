/**
 * The content security policy of a page in one file (https://www.w3.org/TR/CSP3/): no other script or
 * style works than its own, and nothing is loaded.
 */
import { createHash } from "node:crypto";

/** Script and style are the texts between the tags, to the byte. */
export function pagePolicy(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src ${sourceHash(script)}`,
    `style-src ${sourceHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

function sourceHash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
