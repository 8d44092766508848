/** A real Alpine root to compare with: the minirootfs of 3.19, in which the real apk runs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fixtures } from "./requirements.ts";
import type { Workspace } from "./run-bivy.ts";

/** Runs a client, which must succeed, and gives what it printed. */
export function run(command: string, words: readonly string[], exitCode = 0): string {
  const result = spawnSync(command, words, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const said = result.error?.message ?? `${result.stderr}${result.stdout}`;
  assert.equal(result.status, exitCode, `${command} ${words.join(" ")}: ${said}`);
  return result.stdout;
}

export interface AlpineRoot {
  readonly folder: string;
  run(command: string, ...words: readonly string[]): string;
}

/** Unpacks the minirootfs, with the keys of the fixtures' repositories in /keys. */
export function openAlpineRoot(workspace: Workspace): AlpineRoot {
  const folder = workspace.path("alpine");
  mkdirSync(folder);
  const archive = join(fixtures, "minirootfs", "alpine-minirootfs-3.19.4-x86_64.tar.gz");
  run("tar", ["-xzf", archive, "-C", folder, "--numeric-owner"]);
  cpSync(join(fixtures, "repo", "keys"), join(folder, "keys"), { recursive: true });
  return {
    folder,
    run: (command, ...words) => run("chroot", [folder, command, ...words]),
  };
}

/**
 * Lets the real apk install into a new root, and gives the folder and what apk printed.
 *
 * @param repository of the fixtures, such as `v3.19`.
 */
export function installWithApk(
  alpine: AlpineRoot,
  repository: string,
  packages: readonly string[],
  options: { readonly flags?: readonly string[]; readonly exitCode?: number } = {},
): { folder: string; output: string } {
  cpSync(join(fixtures, "repo", repository), join(alpine.folder, "repository"), {
    recursive: true,
  });
  const output = run(
    "chroot",
    [
      alpine.folder,
      "/sbin/apk",
      "add",
      "--root",
      "/out",
      "--initdb",
      "--no-network",
      "--no-cache",
      "--keys-dir",
      "/keys",
      "--repository",
      "/repository/main",
      ...(options.flags ?? []),
      ...packages,
    ],
    options.exitCode,
  );
  return { folder: join(alpine.folder, "out"), output };
}
