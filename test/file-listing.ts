/** File listings: every path of a tar stream with all that a package manager decides about it. */
import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { gunzip, readTar, type TarHeader } from "../src/archive/index.ts";
import { defaultLimits, type Chunks } from "../src/base/index.ts";
import { readLayout } from "./run-bivy.ts";

/** One line for each path, without `mtime`, which packages keep and scripts do not. */
export interface FileListing {
  readonly files: ReadonlyMap<string, string>;
  readonly contents: ReadonlyMap<string, Buffer>;
  readonly times: ReadonlyMap<string, number>;
}

/** Of a layer, or of layers in their order: later ones replace and remove nothing in these tests. */
export async function listTar(...tars: readonly Chunks[]): Promise<FileListing> {
  const files = new Map<string, string>();
  const contents = new Map<string, Buffer>();
  const times = new Map<string, number>();
  for (const tar of tars)
    for await (const entry of readTar(tar, {
      subject: "listing",
      limits: defaultLimits,
    })) {
      const { header } = entry;
      const path = header.path.replace(/^\.\//, "").replace(/^\.$/, "");
      const parts: Uint8Array[] = [];
      for await (const chunk of entry.chunks()) parts.push(Uint8Array.from(chunk));
      if (header.type === "hardlink") {
        const target = header.linkPath.replace(/^\.\//, "");
        files.set(path, files.get(target) ?? `hard link of ${target}, which is missing`);
        contents.set(path, contents.get(target)!);
      } else {
        const bytes = Buffer.concat(parts);
        files.set(path, describe(header, bytes));
        if (header.type === "file") contents.set(path, bytes);
      }
      times.set(path, header.mtime);
    }
  return { files, contents, times };
}

function describe(header: TarHeader, bytes: Buffer): string {
  const { type, mode, uid, gid, linkPath, deviceMajor, deviceMinor, xattrs } = header;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const what = {
    file: `${bytes.byteLength} bytes ${sha256}`,
    symlink: `to ${linkPath}`,
    character: `${deviceMajor}:${deviceMinor}`,
    block: `${deviceMajor}:${deviceMinor}`,
    directory: "",
    hardlink: "",
    fifo: "",
  }[type];
  const attributes = [...xattrs]
    .map(([name, value]) => ` ${name}=${Buffer.from(value).toString("hex")}`)
    .sort();
  return `${type} ${mode.toString(8)} ${uid}:${gid} ${what}${attributes.join("")}`.trim();
}

/** A folder on disk, read by GNU tar as root. */
export async function listFolderAsTar(folder: string): Promise<FileListing> {
  const tar = spawn(
    "tar",
    [
      "-C",
      folder,
      "--numeric-owner",
      "--xattrs",
      "--xattrs-include=*",
      "--sort=name",
      "-cf",
      "-",
    ].concat("."),
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<number | null>((resolve) => tar.on("close", resolve));
  const listing = await listTar(tar.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`tar of ${folder} ended with ${code}`);
  return listing;
}

/** All layers of the only image in an OCI layout. */
export function listImage(layout: string): Promise<FileListing> {
  const { index, json, blob } = readLayout(layout);
  const manifest = json(index.manifests[0]!.digest);
  return listTar(
    ...manifest.layers.map(({ digest }) =>
      gunzip([blob(digest)], { subject: digest, limits: defaultLimits }),
    ),
  );
}

/** Paths that differ, with both sides; empty when the listings are equal. */
export function differences(
  expected: FileListing,
  found: FileListing,
): Record<string, { expected: string | undefined; found: string | undefined }> {
  const paths = [...new Set([...expected.files.keys(), ...found.files.keys()])].sort();
  return Object.fromEntries(
    paths
      .map(
        (path) =>
          [path, { expected: expected.files.get(path), found: found.files.get(path) }] as const,
      )
      .filter(([, { expected: a, found: b }]) => a !== b),
  );
}
