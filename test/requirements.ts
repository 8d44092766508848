/** Requirements: what a test needs of the machine. Where it is absent the test is skipped by name; in CI it fails. */
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./run-bivy.ts";

/** Real Alpine data, beside the checkout. */
export const fixtures = join(projectFolder, "..", "shared", "fixtures");

export interface Requirements {
  readonly tools?: readonly string[];
  readonly root?: boolean;
  readonly fixtures?: boolean;
}

/** The options of a test that needs these. */
export function needs(wanted: Requirements): { skip: string | false } {
  const missing = [
    ...(wanted.tools ?? []).filter((tool) => findTool(tool) === undefined),
    ...(wanted.root === true && process.getuid?.() !== 0 ? ["root"] : []),
    ...(wanted.fixtures === true && !existsSync(fixtures) ? ["../shared/fixtures"] : []),
  ];
  if (missing.length === 0) return { skip: false };
  const reason = `needs ${missing.join(", ")}`;
  if (process.env["CI"] === undefined) return { skip: reason };
  throw new Error(`${reason}, and CI must not skip tests`);
}

/** Where a command is; system folders count too, which a plain user's PATH leaves out. */
export function findTool(name: string): string | undefined {
  const folders = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`.split(":");
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
