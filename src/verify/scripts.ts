/** Scripts: whether the database's archive of package scripts has those of the installed packages, and no others. */
import { identityKey, packageLabel } from "../apk/index.ts";
import { tarEntries } from "../archive/index.ts";
import { defaultLimits, equalBytes } from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import type { Documents } from "./documents.ts";
import type { ContentsByPackage } from "./package-contents.ts";

export interface ScriptCheck {
  /** A script that is not as its package has it. */
  readonly different?: string;
  /** A script of no installed package. */
  readonly stray?: string;
  /** Whether every script was compared with its package. */
  readonly proven: boolean;
}

/** The archive's entries are named `name-version.identity.kind`. */
export function checkScripts(
  path: string,
  subject: {
    readonly inventory: Inventory;
    readonly documents: Documents;
    readonly contents: ContentsByPackage;
  },
): ScriptCheck {
  const { inventory, documents, contents } = subject;
  const archive = documents.get(path);
  if (archive === undefined) return { proven: false };
  const scripts = new Map<string, Uint8Array>();
  const uncompared = new Set<string>();
  for (const { installed } of inventory.packages) {
    const prefix = `${packageLabel(installed)}.${installed.identity}`;
    const known = contents.get(identityKey(installed.identity));
    if (known?.kind !== "contents") uncompared.add(prefix);
    else for (const [kind, bytes] of known.scripts) scripts.set(`${prefix}.${kind}`, bytes);
  }
  let proven = true;
  for (const { header, content } of tarEntries(archive, { subject: path, limits: defaultLimits })) {
    const name = header.path;
    const expected = scripts.get(name);
    if (expected !== undefined) {
      if (!equalBytes(expected, content)) return { different: name, proven: false };
    } else if (uncompared.has(name.slice(0, name.lastIndexOf(".")))) proven = false;
    else return { stray: name, proven: false };
  }
  return { proven };
}
