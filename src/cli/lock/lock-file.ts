/** Where the lock of a Dockerfile is, and what its relative paths mean. */
import { dirname, join, resolve } from "node:path";
import { BivyError } from "../../base/index.ts";
import type { DockerfileArgument } from "../build/argument.ts";

/** Beside the Dockerfile, under a name of its own where there may be several: `app.Dockerfile.lock`. */
export function lockFileOf({ path, folder }: DockerfileArgument, flag: string | undefined): string {
  if (flag !== undefined) return flag;
  if (path === undefined && folder === undefined)
    throw new BivyError("usage", "-: a Dockerfile from standard input has no place for its lock", {
      hint: "Name it with --lock FILE.",
    });
  const name = path?.split("/").at(-1) ?? "Dockerfile";
  const isPlain = /^(?:dockerfile|containerfile)$/i.test(name);
  const place = path === undefined ? folder! : dirname(path);
  return join(place, isPlain ? "bivy.lock" : `${name}.lock`);
}

/** Undoes `relativeTo`. */
export function absoluteFrom(lockFile: string): (location: string) => string {
  const folder = resolve(dirname(lockFile));
  return (location) =>
    /^[a-z][a-z0-9+.-]*:\/\//i.test(location) ? location : resolve(folder, location);
}
