/** Signed repositories: a few small packages with their index, made for one test, in memory and on disk. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createIndexFile,
  createPackageFile,
  generateSigningKey,
  parseAtom,
  type CreatedPackage,
  type PackageRecipe,
  type PackedFile,
  type ScriptKind,
  type SigningKey,
} from "../src/apk/index.ts";
import type { TarHeader } from "../src/archive/index.ts";
import { compareNames, encodeText } from "../src/base/index.ts";

/** 2024-03-09 16:00 UTC */
export const buildTime = 1_710_000_000;

/** A file is given by its text, or by its tar header and text; folders above it are added, all in order. */
export type SampleFile = string | (Partial<TarHeader> & { readonly text?: string | Uint8Array });

export interface SamplePackage {
  readonly name: string;
  readonly version?: string;
  readonly arch?: string;
  /** Default `buildTime`. */
  readonly built?: number;
  readonly depends?: readonly string[];
  readonly provides?: readonly string[];
  readonly replaces?: readonly string[];
  readonly replacesPriority?: number;
  readonly triggers?: readonly string[];
  readonly files?: Readonly<Record<string, SampleFile>>;
  readonly scripts?: Readonly<Partial<Record<ScriptKind, string>>>;
}

export interface SampleKey {
  readonly key: SigningKey;
  readonly publicPem: string;
}

const keys = new Map<string, SampleKey>();

/** The key of a name; made once for all tests of a file, since that takes its time. */
export function sampleKey(name = "sample.rsa.pub"): SampleKey {
  const known = keys.get(name) ?? generateSigningKey(name, 2048);
  keys.set(name, known);
  return known;
}

/** The files of a repository by their path, such as `x86_64/APKINDEX.tar.gz`. */
export type RepositoryFiles = Map<string, Buffer>;

export function packSample(sample: SamplePackage, { key }: SampleKey): CreatedPackage {
  const { name, version = "1.0-r0", arch = "x86_64", files = {} } = sample;
  const recipe: PackageRecipe = {
    info: {
      name,
      version,
      arch,
      buildTime: sample.built ?? buildTime,
      // A package of this size 0 has no files for apk, whatever is in it.
      installedSize: Object.keys(files).length * 4096,
      description: `the package ${name}`,
      license: "MIT",
      depends: (sample.depends ?? []).map(parseAtom),
      provides: (sample.provides ?? []).map(parseAtom),
      replaces: (sample.replaces ?? []).map(parseAtom),
      ...(sample.replacesPriority === undefined
        ? {}
        : { replacesPriority: sample.replacesPriority }),
      ...(sample.triggers === undefined ? {} : { triggers: sample.triggers }),
    },
    files: packFiles(files),
    ...(sample.scripts === undefined ? {} : { scripts: sample.scripts }),
  };
  return createPackageFile(recipe, [{ key, algorithm: "RSA256" }]);
}

function packFiles(files: Readonly<Record<string, SampleFile>>): PackedFile[] {
  const named = new Set(Object.keys(files));
  const packed: PackedFile[] = [];
  for (const [path, file] of Object.entries(files).sort(([a], [b]) => compareNames(a, b))) {
    const parts = path.split("/").slice(0, -1);
    for (const [index] of parts.entries()) {
      const folder = parts.slice(0, index + 1).join("/");
      if (folder === "" || folder === ".." || named.has(folder)) continue;
      named.add(folder);
      packed.push({ header: { path: folder, type: "directory", mode: 0o755, mtime: buildTime } });
    }
    const { text, ...header } = typeof file === "string" ? { text: file } : file;
    packed.push({
      header: { type: "file", mtime: buildTime, ...header, path },
      ...(text === undefined
        ? {}
        : { content: typeof text === "string" ? encodeText(text) : text }),
    });
  }
  return packed;
}

/** Packs and indexes packages; one index for each architecture among them. */
export function makeRepository(
  samples: readonly SamplePackage[],
  key: SampleKey = sampleKey(),
): RepositoryFiles {
  const files: RepositoryFiles = new Map();
  const archs = new Map<string, CreatedPackage["package"][]>();
  for (const sample of samples) {
    const created = packSample(sample, key);
    const { name, version, arch = "x86_64" } = created.package;
    files.set(`${arch}/${name}-${version}.apk`, Buffer.from(created.bytes));
    archs.set(arch, [...(archs.get(arch) ?? []), created.package]);
  }
  for (const [arch, packages] of archs) {
    const index = createIndexFile(packages, "sample", [{ key: key.key, algorithm: "RSA256" }]);
    files.set(`${arch}/APKINDEX.tar.gz`, Buffer.from(index));
  }
  return files;
}

/** Lays a repository out on disk. */
export function writeRepository(folder: string, files: RepositoryFiles): string {
  for (const [path, bytes] of files) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

/** Three small packages that depend on each other; `app` brings `library` and `base`. */
export const smallWorld: readonly SamplePackage[] = [
  {
    name: "base",
    files: { "etc/base.conf": "base\n", "bin/tool": { mode: 0o755, text: "#!/bin/sh\n" } },
  },
  { name: "library", depends: ["base"], files: { "usr/lib/library.so": "library\n".repeat(500) } },
  {
    name: "app",
    depends: ["library"],
    files: { "usr/bin/app": { mode: 0o4755, text: "application\n" } },
  },
];

export interface SampleConfig {
  readonly repositories: readonly unknown[];
  readonly packages: readonly string[];
  readonly archs?: readonly string[];
}

/** An image configuration, whose key stands in it. */
export function sampleConfig(
  { repositories, packages, archs = ["x86_64"] }: SampleConfig,
  key: SampleKey = sampleKey(),
  more: object = {},
): string {
  const keyring = [{ name: key.key.name, content: key.publicPem }];
  return JSON.stringify(
    { contents: { build_repositories: repositories, keyring, packages }, archs, ...more },
    null,
    2,
  );
}
