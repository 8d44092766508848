/**
 * Compiling: what a database keeps of each feed's file. secdb, releases and KEV are kept as they are;
 * scores are kept for the vulnerabilities that secdb names, which are one in ten.
 */
import { decompress, readTar } from "../archive/index.ts";
import {
  BivyError,
  collectBytes,
  decodeName,
  limitExceeded,
  type Content,
  type Limits,
} from "../base/index.ts";
import { formatProbability, formatSeverity } from "./database.ts";
import { readEpss } from "./epss.ts";
import type { FeedAge, FeedName } from "./feed.ts";
import { parseKev } from "./kev.ts";
import { writeTable } from "./lookup-table.ts";
import { parseRejections, writeRejectionList, type Rejection } from "./rejections.ts";
import { parseSecdb, type Secdb } from "./secdb.ts";
import { parseReleases } from "./support.ts";

/** What is kept of a file. */
export interface CompiledFeed {
  readonly bytes: Uint8Array;
  readonly entries: number;
}

export interface CompileOptions {
  readonly limits: Limits;
  /** Whether secdb names a vulnerability. */
  readonly isKnown: (id: string) => boolean;
}

/** Reads a file of secdb; the branch and repository in it must be those that it was fetched as. */
export async function compileSecdb(
  content: Content,
  subject: string,
  expected: Pick<FeedAge, "branch" | "repository">,
  limits: Limits,
): Promise<CompiledFeed & { readonly secdb: Secdb }> {
  const bytes = await readWhole(content, subject, limits);
  const secdb = parseSecdb(bytes, subject);
  const { branch, repository } = secdb;
  if (branch !== expected.branch || repository !== expected.repository)
    throw new BivyError(
      "advisories-invalid",
      `${subject}: expected ${expected.repository} of ${expected.branch}, found ${repository} of ${branch}`,
      { hint: "A mirror has mixed up its files: versions would be judged by another branch." },
    );
  return { bytes, entries: secdb.origins.size, secdb };
}

/** What is kept of any other feed's file. Throws `advisories-invalid` for what is none. */
export async function compileFeed(
  feed: Exclude<FeedName, "secdb">,
  content: Content,
  subject: string,
  options: CompileOptions,
): Promise<CompiledFeed> {
  const { limits } = options;
  const unpacked = () => decompress(content.chunks(), { subject, limits });
  switch (feed) {
    case "releases": {
      const bytes = await readWhole(content, subject, limits);
      return { bytes, entries: parseReleases(bytes, subject).branches.length };
    }
    case "kev": {
      const bytes = await readWhole(content, subject, limits);
      return { bytes, entries: parseKev(bytes, subject).size };
    }
    case "rejections": {
      const rejections = await readRejections(content, subject, limits);
      return { bytes: writeRejectionList(rejections), entries: rejections.length };
    }
    case "epss":
      return compileTable(
        (async function* () {
          for await (const row of readEpss(unpacked(), subject))
            yield [row.id, formatProbability(row)];
        })(),
        options,
      );
    case "osv": {
      const { readOsvArchive } = await import("./osv.ts");
      const bytes = await readWhole(content, subject, limits);
      const severities = readOsvArchive(bytes, { subject, limits });
      return compileTable(
        (async function* () {
          for (const [id, severity] of severities) yield [id, formatSeverity(severity)];
        })(),
        options,
      );
    }
    case "nvd": {
      const { readNvd } = await import("./nvd.ts");
      return compileTable(
        (async function* () {
          for await (const [id, severity] of readNvd(unpacked(), subject))
            yield [id, formatSeverity(severity)];
        })(),
        options,
      );
    }
  }
}

async function compileTable(
  rows: AsyncIterable<readonly [id: string, value: string]>,
  { isKnown }: CompileOptions,
): Promise<CompiledFeed> {
  const values = new Map<string, string>();
  for await (const [id, value] of rows) if (isKnown(id)) values.set(id, value);
  return { bytes: writeTable(values), entries: values.size };
}

async function readWhole(content: Content, subject: string, limits: Limits): Promise<Uint8Array> {
  const excess = () => limitExceeded("index-size", limits, subject);
  return collectBytes(content.chunks(), limits["index-size"], excess);
}

/** A tar of YAML files, or one such file. */
async function readRejections(
  content: Content,
  subject: string,
  limits: Limits,
): Promise<readonly Rejection[]> {
  if (/\.ya?ml$/.test(subject)) {
    const text = decodeName(await readWhole(content, subject, limits));
    return parseRejections(text, subject, subject);
  }
  const rejections: Rejection[] = [];
  const most = limits["document-size"];
  const unpacked = decompress(content.chunks(), { subject, limits });
  for await (const { header, chunks } of readTar(unpacked, { subject, limits })) {
    if (header.type !== "file" || !/\.ya?ml$/.test(header.path)) continue;
    const excess = () => limitExceeded("document-size", limits, `${subject}: ${header.path}`);
    const text = decodeName(await collectBytes(chunks(), most, excess));
    rejections.push(...(await parseRejections(text, header.path, subject)));
  }
  return rejections;
}
