/** Layered roots: images of a few small layers with an installed database, made for one test, in memory. */
import {
  createInstalled,
  createPackage,
  formatInstalled,
  parseAtoms,
  type InstalledDirectory,
  type InstalledPackage,
} from "../src/apk/index.ts";
import { tarHeader, writeTar, type TarHeader } from "../src/archive/index.ts";
import {
  baseName,
  bytesContent,
  encodeName,
  hashHex,
  parentPath,
  type Chunks,
} from "../src/base/index.ts";
import { makeImage, memoryBlobs, parsePlatform, writeLayer, type Image } from "../src/oci/index.ts";

/** A file by its text, a link by `-> target`, or a header with its text. A path that ends in `/` is a folder. */
export type LayerEntry = string | Uint8Array | (Partial<TarHeader> & { readonly text?: string });

/** The entries of a tar in their order. */
export type LayerFiles = Readonly<Record<string, LayerEntry>>;

export function layerTar(files: LayerFiles): Chunks {
  return writeTar(Object.entries(files).map(([path, entry]) => tarItem(path, entry)));
}

function tarItem(path: string, entry: LayerEntry) {
  if (path.endsWith("/"))
    return { header: tarHeader({ path: path.slice(0, -1), type: "directory" }) };
  if (typeof entry === "string" && entry.startsWith("-> "))
    return { header: tarHeader({ path, type: "symlink", linkPath: entry.slice(3) }) };
  if (typeof entry === "string" || entry instanceof Uint8Array) return fileItem(path, entry);
  const { text, ...header } = entry;
  return text === undefined
    ? { header: tarHeader({ type: "file", ...header, path }) }
    : fileItem(path, text, header);
}

function fileItem(path: string, content: string | Uint8Array, header: Partial<TarHeader> = {}) {
  const bytes = typeof content === "string" ? encodeName(content) : content;
  return {
    header: tarHeader({ ...header, path, type: "file", size: bytes.byteLength }),
    content: bytesContent(bytes),
  };
}

export interface SampleInstalled {
  readonly version?: string;
  readonly identity?: string;
  readonly origin?: string;
  /** Atoms, separated by blanks. */
  readonly depends?: string;
  readonly provides?: string;
  readonly installIf?: string;
  readonly replaces?: string;
  readonly replacesPriority?: number;
  /** Paths, separated by blanks; one that ends in `/` is a folder. Folders above are added. */
  readonly files?: string;
}

/** Packages as they stand in a database, by name; each has the identity of its own name and version. */
export function samplePackages(
  samples: Readonly<Record<string, SampleInstalled>>,
): InstalledPackage[] {
  return Object.entries(samples).map(([name, sample]) => {
    const { version = "1-r0", depends = "", provides = "", installIf = "", replaces = "" } = sample;
    const identity = sample.identity ?? identityOf(`${name}-${version}`);
    const subject = createPackage({
      name,
      version,
      identity,
      arch: "x86_64",
      origin: sample.origin ?? name,
      installedSize: 4096,
      depends: parseAtoms(depends),
      provides: parseAtoms(provides),
      installIf: parseAtoms(installIf),
      replaces: parseAtoms(replaces),
      replacesPriority: sample.replacesPriority ?? 0,
    });
    return createInstalled(subject, { directories: directoriesOf(sample.files ?? "") });
  });
}

function identityOf(label: string): string {
  return `Q1${Buffer.from(hashHex("sha1", encodeName(label)), "hex").toString("base64")}`;
}

function directoriesOf(files: string): InstalledDirectory[] {
  const folders = new Map<string, string[]>();
  const folder = (path: string): string[] => {
    if (path !== "") folder(parentPath(path));
    const names = folders.get(path) ?? [];
    folders.set(path, names);
    return names;
  };
  for (const path of files.split(" ").filter(Boolean)) {
    if (path.endsWith("/")) folder(path.slice(0, -1));
    else folder(parentPath(path)).push(baseName(path));
  }
  return [...folders]
    .filter(([path, names]) => path !== "" || names.length > 0)
    .map(([path, names]) => ({
      path,
      mode: 0o755,
      uid: 0,
      gid: 0,
      files: names.map((name) => ({ name, mode: 0o644, uid: 0, gid: 0 })),
    }));
}

/** The text of an installed database. */
export function databaseText(samples: Readonly<Record<string, SampleInstalled>>): string {
  return formatInstalled(samplePackages(samples));
}

export interface SampleStep {
  /** Without it the step makes no layer. */
  readonly files?: LayerFiles;
  readonly createdBy: string;
}

/** An image whose steps made these layers, lowest first. */
export async function layeredImage(
  steps: readonly SampleStep[],
  config: Parameters<typeof makeImage>[0]["config"] = {},
): Promise<Image> {
  const layers = [];
  for (const { files } of steps)
    if (files !== undefined) layers.push(await writeLayer(layerTar(files), memoryBlobs()));
  return makeImage({
    platform: parsePlatform("linux/amd64"),
    config,
    layers,
    history: steps.map(({ createdBy, files }) => ({
      created_by: createdBy,
      ...(files === undefined ? { empty_layer: true } : {}),
    })),
    created: 1_700_000_000,
  });
}
