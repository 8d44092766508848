/**
 * Reference: the real apk, of the Alpine minirootfs among the fixtures, run in a chroot. It needs
 * Linux on x86_64 and root.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const shared = fileURLToPath(new URL("../../shared/", import.meta.url));
/** The root of Alpine 3.19.4 as Alpine publishes it. */
export const minirootfs = join(
  shared,
  "fixtures/minirootfs/alpine-minirootfs-3.19.4-x86_64.tar.gz",
);

/** A large index that Alpine signed: aarch64 of 3.17, main. */
export const largeIndex = join(shared, "fixtures/apk/alpine-317/APKINDEX.tar.gz");
/** Names that make a plan of several hundred packages from it. */
export const largeWorld = join(shared, "conformance/apk-plan/W.txt");
/** The packages of the 3.19 root, and the key that signed them. */
export const rootRepository = join(shared, "fixtures/repo/v3.19/main");
/** 180 packages of 3.17 with their dependencies, and stand-ins for their files; signed by the same key. */
export const stubRepository = join(shared, "fixtures/repo/v3.17-stub/main");
export const rootKey = join(shared, "fixtures/repo/keys/fixture@bivy-6743a001.rsa.pub");

/** Why the real apk cannot run here; undefined when it can. */
export function whyNoReference(): string | undefined {
  if (!existsSync(minirootfs)) return "../shared with Alpine's minirootfs is not there";
  if (process.platform !== "linux" || process.arch !== "x64")
    return "the minirootfs is for Linux on x86_64";
  if (process.geteuid?.() !== 0) return "a chroot into the minirootfs needs root";
  return undefined;
}

/** An Alpine root in a temporary directory. */
export interface Reference {
  readonly root: string;
  /** The command line of apk in it. */
  apk(...words: readonly string[]): string[];
}

/** Lends a fresh Alpine root to `work`, and removes it afterwards. */
export async function withReference<T>(
  work: (reference: Reference, folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "bivy-bench-"));
  try {
    const root = join(folder, "alpine");
    mkdirSync(root);
    const unpacked = spawnSync("tar", ["-xzf", minirootfs, "-C", root], { encoding: "utf8" });
    if (unpacked.status !== 0) throw new Error(`the minirootfs: ${unpacked.stderr}`);
    return await work({ root, apk: (...words) => ["chroot", root, "/sbin/apk", ...words] }, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The architecture of the large index. */
export const largeIndexArch = "aarch64";

/**
 * Makes an empty root below the reference that knows the large index as its only repository and trusts
 * Alpine's keys for that architecture; the global flags that make apk use it.
 */
export function addEmptyRoot({ root }: Reference): readonly string[] {
  const repository = join(root, "index", largeIndexArch);
  mkdirSync(repository, { recursive: true });
  copyFileSync(largeIndex, join(repository, "APKINDEX.tar.gz"));
  const etc = join(root, "empty/etc/apk");
  mkdirSync(etc, { recursive: true });
  mkdirSync(join(root, "empty/lib/apk/db"), { recursive: true });
  mkdirSync(join(root, "empty/tmp"), { recursive: true });
  const keys = join(root, "usr/share/apk/keys", largeIndexArch);
  mkdirSync(join(etc, "keys"));
  for (const name of readdirSync(keys)) copyFileSync(join(keys, name), join(etc, "keys", name));
  writeFileSync(join(etc, "arch"), `${largeIndexArch}\n`);
  writeFileSync(join(etc, "world"), "");
  writeFileSync(join(etc, "repositories"), "/index\n");
  writeFileSync(join(root, "empty/lib/apk/db/installed"), "");
  return ["--root", "/empty", "--no-network"];
}
