/**
 * The flags of the mount that a file of the host lies on. A bind mount that is given flags of its own
 * loses these, and in a user namespace the kernel refuses to let go of them (mount_namespaces(7)).
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileError } from "../base/index.ts";

const kept = ["ro", "nosuid", "nodev", "noexec"];

/** O_PATH, which Node does not name: it opens sockets too, and reads nothing. */
const pathOnly = 0o10000000;

export function mountFlagsOf(path: string): readonly string[] {
  const id = mountIdOf(path);
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((candidate) => candidate.startsWith(`${id} `));
  const flags = line?.split(" ")[5]?.split(",") ?? [];
  return kept.filter((flag) => flags.includes(flag));
}

function mountIdOf(path: string): string | undefined {
  try {
    const descriptor = openSync(path, pathOnly);
    try {
      const text = readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8");
      return /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileError(error, "opening to mount it", path);
  }
}
