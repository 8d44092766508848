/**
 * Known files: the small text files of a stage that its scripts may read, as far as it is known what is
 * in them. Each step lays what it changes over what was there before.
 */
import { decodeName } from "../../../base/index.ts";
import { type RootReader } from "./root-reader.ts";

/** What is in a file, by its absolute path; undefined where that is not known. */
export type KnownFiles = (path: string) => Promise<string | undefined>;

/** Scripts and lists of packages are short. */
const largest = 256 * 1024;

async function readText(reader: RootReader, path: string): Promise<string | undefined> {
  const bytes = await reader.read(path, largest);
  if (bytes === undefined || bytes.byteLength > largest || bytes.includes(0)) return undefined;
  return decodeName(bytes);
}

export function filesOfRoot(reader: RootReader): KnownFiles {
  return (path) => readText(reader, path.slice(1));
}

/** Files whose content is now this, or no longer known. */
export function withWritten(
  before: KnownFiles,
  written: ReadonlyMap<string, string | undefined>,
): KnownFiles {
  if (written.size === 0) return before;
  return (path) => (written.has(path) ? Promise.resolve(written.get(path)) : before(path));
}

/** One source of a COPY, and where it comes to. */
export interface CopiedFiles {
  /** Undefined where nobody can look at what is copied. */
  readonly from: RootReader | undefined;
  /** A plain path in `from`, a file or a folder. */
  readonly source: string;
  /** Absolute, without a slash at its end. */
  readonly destination: string;
}

/**
 * Files that COPY brought in. Whether the destination was a folder already cannot always be known, so
 * each place is tried to which a file can have come; the files that were there before show through.
 */
export function withCopied(before: KnownFiles, copied: CopiedFiles): KnownFiles {
  const { from, source, destination } = copied;
  const folder = destination === "/" ? "" : destination;
  const name = source.slice(source.lastIndexOf("/") + 1);
  return async (path) => {
    if (path !== destination && !path.startsWith(`${folder}/`)) return before(path);
    if (from === undefined) return undefined;
    const candidates =
      path === destination || path === `${folder}/${name}`
        ? [source]
        : [`${source}/${path.slice(folder.length + 1)}`.replace(/^\//, "")];
    for (const candidate of candidates) {
      const text = await readText(from, candidate);
      if (text !== undefined) return text;
    }
    return before(path);
  };
}
