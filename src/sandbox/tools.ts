/** Tools of the host that a sandbox is made with, found once on the PATH. */
import { accessSync, constants } from "node:fs";
import { BivyError } from "../base/index.ts";

export const sandboxTools = ["unshare", "mount", "chroot", "setpriv", "sh"] as const;
export type SandboxTool = (typeof sandboxTools)[number];
export type ToolPaths<Name extends string = SandboxTool> = Readonly<Record<Name, string>>;

/** Where system tools are even when the PATH of a plain user leaves these out. */
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function findTool(name: string, path: string): string | undefined {
  for (const folder of `${path}:${systemPath}`.split(":")) {
    if (!folder.startsWith("/")) continue;
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return `${folder}/${name}`;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The paths of all tools; an error names the ones that are missing. */
export function requireTools(path: string): ToolPaths;
export function requireTools<Name extends string>(
  path: string,
  names: readonly Name[],
): ToolPaths<Name>;
export function requireTools(
  path: string,
  names: readonly string[] = sandboxTools,
): ToolPaths<string> {
  const found = names.map((tool) => [tool, findTool(tool, path)] as const);
  const missing = found.filter(([, place]) => place === undefined).map(([tool]) => tool);
  if (missing.length === 0) return Object.fromEntries(found) as Record<string, string>;
  throw new BivyError(
    "sandbox-unavailable",
    `commands cannot be run in a root: ${missing.join(", ")} not found`,
    {
      hint: "Install util-linux and coreutils.",
    },
  );
}
