/** The demo's repository: packages made of examples/demo, signed, indexed, and served on loopback. */
import { createServer, type Server } from "node:http";
import { readdir, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";
import {
  createIndexFile,
  createPackageFile,
  generateSigningKey,
  parseAtom,
  type CreatedPackage,
  type PackedFile,
  type PackageRecipe,
  type SigningKey,
} from "../apk/index.ts";
import { compareNames } from "../base/index.ts";
import { demoArchs, demoProgram, type DemoArch } from "./demo-program.ts";

export const demoFolder = fileURLToPath(new URL("../../examples/demo", import.meta.url));

/** 2025-01-01, so that the packages do not depend on the day. */
const buildTime = 1_735_689_600;

export interface DemoRepository {
  readonly url: string;
  readonly keyName: string;
  readonly publicPem: string;
  readonly packages: readonly CreatedPackage[];
  /** From now on one byte of this file is served changed. */
  tamperWith(path: string): void;
  close(): Promise<void>;
}

interface PackageDescription {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly depends?: readonly string[];
  readonly provides?: readonly string[];
  readonly program?: string;
}

export async function openDemoRepository(): Promise<DemoRepository> {
  const keyName = "demo@bivy.example.rsa.pub";
  const { key, publicPem } = generateSigningKey(keyName, 2048);
  const files = new Map<string, Uint8Array>();
  const packages: CreatedPackage[] = [];
  for (const arch of demoArchs) {
    const made = await packAll(arch, key);
    for (const {
      package: { name, version },
      bytes,
    } of made)
      files.set(`/${arch}/${name}-${version}.apk`, bytes);
    const records = made.map((each) => each.package);
    files.set(
      `/${arch}/APKINDEX.tar.gz`,
      createIndexFile(records, "bivy demo", [{ key, algorithm: "RSA256" }]),
    );
    if (arch === demoArchs[0]) packages.push(...made);
  }
  const tampered = new Set<string>();
  const server = serve(files, tampered);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    keyName,
    publicPem,
    packages,
    tamperWith: (path) => void tampered.add(path),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function serve(files: ReadonlyMap<string, Uint8Array>, tampered: ReadonlySet<string>): Server {
  return createServer((request, response) => {
    const path = request.url ?? "";
    const bytes = files.get(path);
    if (bytes === undefined) return void response.writeHead(404).end();
    const sent = Buffer.from(bytes);
    // Near the end: in the data section, where no signature looks.
    if (tampered.has(path)) sent[sent.length - 40]! ^= 1;
    return void response
      .writeHead(200, { "content-length": sent.length, connection: "close" })
      .end(sent);
  });
}

async function packAll(arch: DemoArch, key: SigningKey): Promise<CreatedPackage[]> {
  const folder = join(demoFolder, "packages");
  const { parse } = await import("yaml");
  const greeting = await readFile(
    join(folder, "demo-greeting/root/usr/share/demo/greeting.txt"),
    "utf8",
  );
  const names = (await readdir(folder)).sort(compareNames);
  return Promise.all(
    names.map(async (name) => {
      const description = parse(
        await readFile(join(folder, name, "package.yaml"), "utf8"),
      ) as PackageDescription;
      const files = await readTree(join(folder, name, "root"));
      if (description.program !== undefined)
        files.push(
          ...withFolders([packedFile(description.program, demoProgram(arch, greeting), 0o755)]),
        );
      return createPackageFile(recipe(description, files, arch), [{ key, algorithm: "RSA256" }]);
    }),
  );
}

function recipe(
  description: PackageDescription,
  files: readonly PackedFile[],
  arch: string,
): PackageRecipe {
  const { name, version, license, depends = [], provides = [] } = description;
  return {
    info: {
      name,
      version,
      license,
      arch,
      buildTime,
      description: description.description,
      depends: depends.map(parseAtom),
      provides: provides.map(parseAtom),
    },
    files,
  };
}

async function readTree(root: string): Promise<PackedFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(
    paths
      .sort(compareNames)
      .map(async (path) => packedFile(relative(root, path), await readFile(path), 0o644)),
  );
  return withFolders(files);
}

function packedFile(path: string, content: Uint8Array, mode: number): PackedFile {
  return { header: { path, type: "file", mode, mtime: buildTime }, content };
}

/** Each file's folders before it, each once. */
function withFolders(files: readonly PackedFile[]): PackedFile[] {
  const seen = new Set<string>();
  return files.flatMap((file) => {
    const parts = file.header.path.split("/").slice(0, -1);
    const folders = parts
      .map((_, index) => parts.slice(0, index + 1).join("/"))
      .filter((path) => !seen.has(path));
    for (const path of folders) seen.add(path);
    return [
      ...folders.map((path): PackedFile => ({
        header: { path, type: "directory", mode: 0o755, mtime: buildTime },
      })),
      file,
    ];
  });
}
