/**
 * Real Alpine data from beside the checkout, for unit tests. Where it is absent they are skipped by
 * name; in CI they run all the same, and fail.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { parseKey, type Key, type PackageSource } from "../src/apk/index.ts";
import { gunzip, readTar } from "../src/archive/index.ts";
import { bytesContent, collectBytes, defaultLimits, parseEntryPath } from "../src/base/index.ts";
import { TreeRoot } from "../src/tree/index.ts";
import { sourceOf } from "./package-parts.ts";
import { temporaryFolder } from "./root-installation.ts";

const fixtures = fileURLToPath(new URL("../../shared/fixtures/", import.meta.url));

/** The options of a test that needs the fixtures. */
export const withFixtures = skipUnless(existsSync(fixtures), "../shared/fixtures is not there");

/** The options of a test that runs the real apk in Alpine's own root. */
export const withRealApk =
  withFixtures.skip === false
    ? skipUnless(process.getuid?.() === 0, "chroot needs root")
    : withFixtures;

/** The options of a test that needs something of the machine. */
export function skipUnless(given: boolean, reason: string): { skip: false | string } {
  return { skip: given || process.env["CI"] !== undefined ? false : reason };
}

export function fixturePath(path: string): string {
  return join(fixtures, path);
}

export function readFixture(path: string): Buffer {
  return readFileSync(fixturePath(path));
}

/** A package of the fixtures, named by its file. */
export function fixturePackage(path: string): PackageSource {
  return sourceOf(path.slice(path.lastIndexOf("/") + 1), readFixture(path));
}

export function fixtureKey(path: string, repository?: string): Key {
  return parseKey(path.slice(path.lastIndexOf("/") + 1), readFixture(path).toString(), repository);
}

const minirootfs = (version: string) => `minirootfs/alpine-minirootfs-${version}-x86_64.tar.gz`;

/** Alpine's minirootfs as a tree. */
export async function readMinirootfs(version: "3.10.9" | "3.19.4"): Promise<TreeRoot> {
  const root = new TreeRoot();
  const subject = minirootfs(version);
  for await (const entry of entriesOf(subject)) {
    const { header } = entry;
    const path = parseEntryPath(header.path, subject);
    if (header.type === "directory") root.makeDirectory(path, header);
    else if (header.type === "symlink") root.makeSymlink(path, header.linkPath, header);
    else if (header.type === "hardlink") root.makeLink(path, parseEntryPath(header.linkPath, path));
    else {
      const bytes = await collectBytes(entry.chunks(), 1e9, () => new Error(path));
      await root.writeFile(path, header, bytesContent(bytes));
    }
  }
  return root;
}

function entriesOf(subject: string) {
  return readTar(gunzip([readFixture(subject)], { subject, limits: defaultLimits }), { subject });
}

/** Unpacks Alpine's 3.19 root, whose apk is 2.14, without repositories, into a folder that is removed when the test ends. */
export function openRealAlpine(context: TestContext): RealAlpine {
  const folder = temporaryFolder(context);
  runTool("tar", ["-xzf", join(fixtures, minirootfs("3.19.4")), "-C", folder]);
  writeFileSync(join(folder, "etc/apk/repositories"), "");
  return { folder, run: (...words) => runTool("chroot", [folder, ...words]) };
}

export interface RealAlpine {
  readonly folder: string;
  /** Runs a command in the root, and gives what it printed on both streams. */
  run(...words: readonly string[]): { status: number | null; output: string };
}

function runTool(command: string, words: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: "utf8" });
  if (error !== undefined) throw error;
  return { status, output: `${stdout}${stderr}` };
}
