/**
 * ADD of a URL: a file that only its owner can read, called as the last part of the URL's path, and
 * dated as the server says. It goes through the cache of downloads, and is copied from there.
 */
import { randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import { join, posix } from "node:path";
import {
  BivyError,
  fileContent,
  fileError,
  startHash,
  tryParseDigest,
  type Content,
} from "../../../base/index.ts";
import { fetchCached, parseHttpUrl, showUrl, withoutUserinfo } from "../../../http/index.ts";
import { isPlainPath, type FileNode } from "../../../tree/index.ts";
import { type CopyStep } from "../steps.ts";
import { onceOnly, type RemoteFiles, type RemoteOptions, type RemoteSource } from "./remote.ts";

export async function resolveUrl(
  { checksum }: CopyStep,
  source: string,
  options: RemoteOptions,
): Promise<RemoteSource> {
  parseHttpUrl(source, "ADD");
  const wanted = checksum === undefined ? undefined : tryParseDigest(checksum);
  if (checksum !== undefined && wanted === undefined)
    throw new BivyError(
      "dockerfile-invalid",
      `--checksum=${checksum}: expected sha256: and 64 hex digits`,
      { hint: "Write the SHA-256 of the file that the URL holds." },
    );
  const fetch = onceOnly(() => fetchFile(source, wanted?.slice("sha256:".length), options));
  const files = async (): Promise<RemoteFiles> => {
    const { content, time } = await fetch();
    const node: FileNode = { kind: "file", mode: 0o600, uid: 0, gid: 0, mtime: time, content };
    return { name: nameOfUrl(source), node };
  };
  const identity = wanted ?? `sha256:${(await fetch()).sha256}`;
  return { source, identity, open: files };
}

/** Where the path has no last part, as BuildKit has it. */
const unnamed = "__unnamed__";

function nameOfUrl(source: string): string {
  let path = new URL(source).pathname;
  try {
    path = decodeURIComponent(path);
  } catch {
    // What is no UTF-8 stays as it is written.
  }
  const name = posix.basename(path);
  return name !== "" && isPlainPath(name) ? name : unnamed;
}

interface FetchedFile {
  readonly content: Content;
  readonly sha256: string;
  /** In seconds since 1970; 0 where the server does not say. */
  readonly time: number;
}

async function fetchFile(
  source: string,
  wanted: string | undefined,
  { access, scratch }: RemoteOptions,
): Promise<FetchedFile> {
  const { client, cache, limits, signal } = access;
  const key = `add ${withoutUserinfo(source)}`;
  const read = () => cache.read(key).catch(() => undefined);
  const isKnown = wanted !== undefined && (await read())?.sha256 === wanted;
  const fetched = await fetchCached({
    client,
    cache,
    url: source,
    key,
    revalidate: isKnown || client.offline ? "never" : "always",
    maxBytes: limits["download-size"],
    subject: `ADD ${showUrl(source)}`,
    ...(signal === undefined ? {} : { signal }),
  });
  const { sha256 } = fetched;
  if (wanted !== undefined && sha256 !== wanted)
    throw new BivyError(
      "digest-mismatch",
      `ADD ${showUrl(source)}: expected the checksum sha256:${wanted}, found sha256:${sha256}`,
      {
        hint: "The file changed, or is not the one that was meant. Look at it before you trust it.",
      },
    );
  const entry = await read();
  const time = entry?.sha256 === sha256 ? parseTime(entry.lastModified) : 0;
  return { content: await copyTo(scratch, fetched, sha256, source), sha256, time };
}

function parseTime(lastModified: string | undefined): number {
  const milliseconds = Date.parse(lastModified ?? "");
  return milliseconds > 0 ? Math.floor(milliseconds / 1000) : 0;
}

/** Another process may replace what is in the cache while the build still needs it. */
async function copyTo(
  scratch: string,
  content: Content,
  sha256: string,
  source: string,
): Promise<Content> {
  const path = join(scratch, `download-${randomUUID()}`);
  const hash = startHash("sha256");
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw fileError(error, "writing", path);
  });
  try {
    for await (const chunk of content.chunks()) {
      hash.update(chunk);
      await file.appendFile(chunk);
    }
  } catch (error) {
    throw fileError(error, "writing", path);
  } finally {
    await file.close();
  }
  if (hash.hex() !== sha256)
    throw new BivyError("cache-corrupt", `ADD ${showUrl(source)}: the cached copy changed`, {
      hint: "Another process replaced it; try again.",
    });
  return fileContent(path, content.size);
}
