/**
 * Packages, roots and folders for the tests of this folder. It has no tests of its own; the name keeps
 * it out of the published package.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  createPackageFile,
  CursorPool,
  installPackages,
  readRootText,
  type InstalledPackage,
  type PackageRecipe,
  type PackedFile,
} from "../apk/index.ts";
import { defaultLimits, encodeText, type BivyEvent } from "../base/index.ts";
import { TreeRoot, type Root } from "../tree/index.ts";
import { applyImageConfig, type ApplyOptions } from "./apply/apply.ts";
import { parseImageConfig } from "./config/image-config.ts";

/** The date of what is applied; packages are older. */
export const sampleTime = 1_700_000_000;
const packageTime = 1_600_000_000;

/**
 * A package in short: `path/` is a directory, `path -> target` a symlink, `path => first` a hard link,
 * and anything else a file with its text.
 */
export interface SamplePackage {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly info?: Partial<PackageRecipe["info"]>;
}

function packSample(name: string, text: string): PackedFile {
  const header = { mtime: packageTime };
  const [link, target] = name.split(" -> ");
  if (target !== undefined)
    return { header: { ...header, path: link!, type: "symlink", linkPath: target } };
  const [second, first] = name.split(" => ");
  if (first !== undefined)
    return { header: { ...header, path: second!, type: "hardlink", linkPath: first } };
  if (name.endsWith("/"))
    return { header: { ...header, path: name.slice(0, -1), type: "directory" } };
  return { header: { ...header, path: name, type: "file" }, content: encodeText(text) };
}

/** Installs the packages in order; the size of a package without one is that of its files. */
export async function installSamples(
  root: Root,
  samples: readonly SamplePackage[],
): Promise<readonly InstalledPackage[]> {
  const installations = samples.map(({ name, files, info }) => {
    const created = createPackageFile(
      {
        info: { name, version: "1.0-r0", arch: "noarch", installedSize: 1, ...info },
        files: Object.entries(files).map(([path, text]) => packSample(path, text)),
      },
      [],
    );
    return {
      package: created.package,
      source: { subject: `${name}.apk`, open: () => [created.bytes] },
      trust: { by: "identity", identity: created.package.identity } as const,
    };
  });
  const { database } = await installPackages(root, installations, {
    world: [],
    archs: ["x86_64"],
    limits: defaultLimits,
    time: packageTime,
    cursors: new CursorPool(),
  });
  return database.installed;
}

/** A tree with packages in it. */
export async function sampleTree(...samples: readonly SamplePackage[]): Promise<TreeRoot> {
  const tree = new TreeRoot();
  await installSamples(tree, samples);
  return tree;
}

/** What Alpine's first package brings, as far as it matters here. */
export const baselayout: SamplePackage = {
  name: "baselayout",
  files: {
    "etc/": "",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:root\nwheel:x:10:root\n",
    "etc/shadow": "root:*::0:::::\n",
    "run/": "",
    "tmp/": "",
    "var/": "",
    "var/run -> ../run": "",
  },
};

export async function textAt(root: Root, path: string): Promise<string> {
  return readRootText(root, path, defaultLimits);
}

/** Applies a configuration in YAML, and gives the events. */
export async function applyYaml(
  root: Root,
  yaml: string,
  options: Partial<ApplyOptions> = {},
): Promise<readonly BivyEvent[]> {
  const events: BivyEvent[] = [];
  const config = await parseImageConfig(yaml, { subject: "i.yaml", hostArch: "x86_64" });
  await applyImageConfig(root, config, {
    arch: "x86_64",
    time: sampleTime,
    limits: defaultLimits,
    keys: [],
    contextFolder: "/nonexistent",
    events: (event) => events.push(event),
    ...options,
  });
  return events;
}

/** `kind mode uid:gid mtime`, the mode in octal; what a test compares. */
export function attributesAt(root: Root, path: string): string {
  const entry = root.lookup(path);
  if (entry === undefined) return "nothing";
  const { kind, mode, uid, gid, mtime } = entry;
  const when = mtime === sampleTime ? "now" : mtime === packageTime ? "then" : mtime;
  return `${kind} ${mode.toString(8)} ${uid}:${gid} ${when}`;
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "bivy-build-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
