/** Replacing a file that the user named. */
import { realpath, stat, writeFile } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import { putInPlace } from "./keep-package.ts";

export async function replaceFile(path: string, text: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  // A pipe or a device, such as /dev/stdout, is written to; a file in its place would be a fright.
  if (found !== undefined && !found.isFile() && !found.isDirectory())
    return writeFile(path, text).catch((error: unknown) => {
      throw fileError(error, "writing", path);
    });
  // The target of a symbolic link is replaced, not the link.
  const target = found === undefined ? path : await realpath(path);
  await putInPlace(target, path, text);
}
