/**
 * The root of Alpine's minirootfs, unpacked for the tests of this folder. It has no tests of its own;
 * the name keeps it out of the published package.
 */
import { join } from "node:path";
import { run } from "../../test/alpine-root.ts";
import { fixtures } from "../../test/requirements.ts";

const archive = join(fixtures, "minirootfs", "alpine-minirootfs-3.19.4-x86_64.tar.gz");

/** `prefix` is what tar is started with, to become another user. */
export function unpackRoot(
  folder: string,
  prefix: readonly string[] = [],
  ...flags: readonly string[]
): string {
  const lower = join(folder, "lower");
  const script = 'mkdir "$1" && shift && exec tar "$@"';
  const words = [
    ...prefix,
    "sh",
    "-c",
    script,
    "sh",
    lower,
    "-xzf",
    archive,
    "-C",
    lower,
    ...flags,
  ];
  run(words[0]!, words.slice(1));
  return lower;
}
