/**
 * Extended attributes of files on disk. Node has no call for them, so they are read and set by GNU tar,
 * which every Linux host has: an archive of the files goes through a pipe, with the attributes in PAX
 * records `SCHILY.xattr.*`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readTar } from "../archive/index.ts";
import { BivyError, encodeName, messageOf, type Chunks, type Limits } from "../base/index.ts";

export type ExtendedAttributes = ReadonlyMap<string, Uint8Array>;

/**
 * The extended attributes of these paths below `folder`: plain paths, `.` for the folder itself. Paths
 * without any are absent.
 */
export async function readExtendedAttributes(
  folder: string,
  paths: readonly string[],
  limits: Limits,
): Promise<ReadonlyMap<string, ExtendedAttributes>> {
  const found = new Map<string, ExtendedAttributes>();
  if (paths.length === 0) return found;
  const list = Buffer.concat(paths.map((path) => Buffer.from(`${pathOnDisk(path)}\0`, "latin1")));
  const words = ["--create", "--no-recursion", "--null", "--verbatim-files-from"];
  const tar = startTar(folder, [...words, "--files-from=-", "--file=-"]);
  tar.child.stdin.end(list);
  for await (const { header } of readTar(tar.child.stdout as Chunks, { subject: folder, limits }))
    if (header.xattrs.size > 0) {
      const path = header.path.replace(/^\.\//, "");
      const own = Array.from(header.xattrs, ([name, value]) => [name, value.slice()] as const);
      found.set(path === "" ? "." : path, new Map(own));
    }
  await tar.ended;
  return found;
}

/** Unpacks a tar into a folder, with the extended attributes of its entries. */
export async function unpackWithExtendedAttributes(folder: string, chunks: Chunks): Promise<void> {
  const tar = startTar(folder, ["--extract", "--overwrite", "--numeric-owner", "--file=-"]);
  const { stdin } = tar.child;
  stdin.on("error", () => undefined);
  for await (const chunk of chunks) if (!stdin.write(chunk)) await once(stdin, "drain");
  stdin.end();
  await tar.ended;
}

/** Names that are not UTF-8 are bytes, each of them one character of Latin-1 here. */
function pathOnDisk(path: string): string {
  const bytes = Buffer.from(encodeName(path === "." ? "." : `./${path}`));
  return bytes.toString("latin1");
}

function startTar(folder: string, words: readonly string[]) {
  const child = spawn(
    "tar",
    ["--xattrs", "--xattrs-include=*", `--directory=${folder}`, ...words],
    { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C" } },
  );
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4096)));
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", (error) => reject(unable(messageOf(error), error)));
    child.on("close", (code) => (code === 0 ? resolve() : reject(unable(said.trim()))));
  });
  ended.catch(() => undefined);
  return { child, ended };
}

function unable(reason: string, cause?: unknown): BivyError {
  return new BivyError(
    "io-failed",
    `extended attributes of files cannot be read or set: ${reason}`,
    { cause, hint: "GNU tar does it: install the package tar." },
  );
}
