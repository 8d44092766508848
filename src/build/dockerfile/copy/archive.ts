/**
 * Archives that ADD unpacks: tar, plain or compressed, told by content and not by name, as BuildKit
 * does. A file of which not even the first entry can be read is no archive, and is copied.
 */
import { decompress, readTar, type TarEntry } from "../../../archive/index.ts";
import { isBivyError, type Chunks, type Content, type Limits } from "../../../base/index.ts";
import { filterThrough, type FilterProgram } from "./filter-program.ts";

export interface ArchiveOptions {
  readonly limits: Limits;
  readonly signal?: AbortSignal | undefined;
}

/** The entries of an archive; undefined where a file is none. */
export async function openArchive(
  content: Content,
  subject: string,
  options: ArchiveOptions,
): Promise<AsyncIterable<TarEntry> | undefined> {
  const program = programFor(await firstBytes(content));
  const open = () => readTar(unpacked(content, program, subject, options), { subject, ...options });
  return (await hasEntry(open())) ? open() : undefined;
}

/** What begins the data of compressions that Node does not know; gzip and zstd it does. */
const signatures: Readonly<Record<FilterProgram, Buffer>> = {
  bzip2: Buffer.from("BZh", "latin1"),
  xz: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
};

const longestSignature = 6;

async function firstBytes(content: Content): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.chunks()) {
    parts.push(chunk.subarray(0, longestSignature));
    size += chunk.byteLength;
    if (size >= longestSignature) break;
  }
  return Buffer.concat(parts);
}

function programFor(first: Buffer): FilterProgram | undefined {
  return (["bzip2", "xz"] as const).find((name) =>
    first.subarray(0, signatures[name].byteLength).equals(signatures[name]),
  );
}

function unpacked(
  content: Content,
  program: FilterProgram | undefined,
  subject: string,
  options: ArchiveOptions,
): Chunks {
  if (program !== undefined) return filterThrough(program, content.chunks(), subject, options);
  return decompress(content.chunks(), { subject, ...options });
}

async function hasEntry(entries: AsyncIterable<TarEntry>): Promise<boolean> {
  try {
    for await (const _ of entries) return true;
    return false;
  } catch (error) {
    if (
      isBivyError(
        error,
        "tar-invalid",
        "tar-truncated",
        "gzip-invalid",
        "gzip-truncated",
        "zstd-invalid",
        "zstd-truncated",
      )
    )
      return false;
    throw error;
  }
}
