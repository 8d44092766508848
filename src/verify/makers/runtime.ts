/**
 * Container runtimes and builders: what they leave in a layer where they mount their own things while a
 * command runs. All of it is empty, or a link into the mounted file systems.
 */
import type { Maker, Recognition } from "./maker.ts";

/** Empty files. */
const stubs: ReadonlySet<string> = new Set([
  ".dockerenv",
  "dev/console",
  "etc/hostname",
  "etc/hosts",
  "etc/resolv.conf",
  "run/.containerenv",
]);

const folders: ReadonlySet<string> = new Set(["dev/mqueue", "dev/pts", "dev/shm", "proc", "sys"]);

const links: Readonly<Record<string, string>> = {
  "dev/core": "/proc/kcore",
  "dev/fd": "/proc/self/fd",
  "dev/ptmx": "pts/ptmx",
  "dev/stderr": "/proc/self/fd/2",
  "dev/stdin": "/proc/self/fd/0",
  "dev/stdout": "/proc/self/fd/1",
  "etc/mtab": "/proc/mounts",
};

/** Folders over which file systems are mounted whenever the image runs: how they are does not matter. */
export function isMountedOver(path: string): boolean {
  return /^(?:dev|proc|sys)(?:\/|$)/.test(path);
}

export const runtimeFiles: Maker = (path, node) => {
  switch (node.kind) {
    case "file":
      return stubs.has(path) && node.content.size === 0 ? recognised : undefined;
    case "directory":
      return folders.has(path) && node.children.size === 0 ? recognised : undefined;
    case "symlink":
      return Object.hasOwn(links, path) && links[path] === node.target ? recognised : undefined;
    default:
      return undefined;
  }
};

const recognised: Recognition = {
  maker: "runtime",
  verified: true,
  reason: "an empty place for what the container runtime puts there",
};
