/**
 * Updating: a new database of what a source has now and what an older database had.
 *
 * 1. The list of releases says which branches there are; without it, what the source lists, or what
 *    the database before has.
 * 2. The files of secdb. One that cannot be had, or is damaged, is replaced by that of the database
 *    before, which keeps its age; that is named, and nothing that was good is lost.
 * 3. What ranks and rejects, in the same manner; none of it is required.
 * 4. Rows that the database before did not have get today as the day since when they are known.
 *
 * The result is an artifact in memory. Whoever keeps it does so as a whole.
 */
import {
  BivyError,
  ignoreEvents,
  isBivyError,
  messageOf,
  type EventSink,
  type Limits,
} from "../base/index.ts";
import { makeArtifact, formatCreated, type ArtifactDocument, type Image } from "../oci/index.ts";
import { compileFeed, compileSecdb, type CompiledFeed } from "./compile.ts";
import {
  databaseArtifactType,
  feedAnnotations,
  feedMediaType,
  type AdvisoryDatabase,
} from "./database.ts";
import { feedUrls, nvdUrl, secdbUrl, type FeedAge, type FeedName } from "./feed.ts";
import { historyKey, writeHistory } from "./history.ts";
import { writeTable } from "./lookup-table.ts";
import { parseSecdb, type Secdb } from "./secdb.ts";
import type { FeedFile, FeedSource } from "./source/source.ts";
import { parseReleases, type Releases } from "./support.ts";

export interface UpdateOptions {
  readonly limits: Limits;
  /** Seconds since 1970. */
  readonly now: number;
  /** The database that is brought up to date; without it a new one is made. */
  readonly before?: AdvisoryDatabase;
  /** Which branches are fetched; default all. Those that only the database before has are kept. */
  readonly branches?: readonly string[];
  /** Which feeds are fetched besides secdb; default all but NVD. */
  readonly feeds?: readonly FeedName[];
  readonly events?: EventSink;
}

/** What could not be brought up to date. */
export interface UpdateFailure {
  readonly feed: FeedName;
  readonly branch?: string;
  readonly repository?: string;
  readonly url: string;
  readonly message: string;
  /** Whether an older copy is kept in its place. */
  readonly kept: boolean;
}

export interface UpdateResult {
  readonly image: Image;
  readonly feeds: readonly FeedAge[];
  readonly failures: readonly UpdateFailure[];
}

export const defaultFeeds: readonly FeedName[] = ["releases", "rejections", "epss", "kev", "osv"];
/** Those that a folder may have besides secdb. */
export const allFeeds: readonly FeedName[] = [...defaultFeeds, "nvd"];

/** The first year of NVD's feeds. */
const firstNvdYear = 2002;

/** The repositories that secdb has files of, in every branch. */
const usualRepositories = ["main", "community"];

/** Files that are fetched at once. */
const transfers = 4;

export async function updateDatabase(
  source: FeedSource,
  options: UpdateOptions,
): Promise<UpdateResult> {
  const update = new Update(source, options);
  return update.run();
}

/** One feed of the new database. */
interface Part extends CompiledFeed {
  readonly age: Omit<FeedAge, "sha256" | "entries">;
}

interface SecdbPart extends Part {
  readonly secdb: Secdb;
}

class Update {
  readonly #source: FeedSource;
  readonly #options: UpdateOptions;
  readonly #failures: UpdateFailure[] = [];

  constructor(source: FeedSource, options: UpdateOptions) {
    this.#source = source;
    this.#options = options;
  }

  async run(): Promise<UpdateResult> {
    const { feeds = defaultFeeds, events = ignoreEvents } = this.#options;
    events({ type: "phase", text: "fetching advisories" });
    const releasesPart = feeds.includes("releases")
      ? await this.#fetchOptional("releases", isAnyId)
      : await this.#keep("releases");
    const releases = releasesPart && parseReleases(releasesPart.bytes, "releases");
    const secdb = await this.#fetchBranches(releases);
    const ids = new Set(secdb.flatMap((part) => [...idsOf(part.secdb)]));
    const parts: Part[] = [...secdb, ...(releasesPart === undefined ? [] : [releasesPart])];
    for (const name of ["rejections", "kev", "epss", "osv"] as const) {
      const part = feeds.includes(name)
        ? await this.#fetchOptional(name, (id) => ids.has(id))
        : await this.#keep(name);
      if (part !== undefined) parts.push(part);
    }
    const nvd = feeds.includes("nvd") ? await this.#fetchNvd(ids) : await this.#keep("nvd");
    if (nvd !== undefined) parts.push(nvd);
    return this.#assemble(parts, secdb);
  }

  async #fetchBranches(releases: Releases | undefined): Promise<readonly SecdbPart[]> {
    const { before, branches: wanted } = this.#options;
    const known =
      wanted ??
      releases?.branches.map(({ branch }) => branch) ??
      (await this.#source.listBranches()) ??
      before?.branches;
    if (known === undefined || known.length === 0)
      throw new BivyError(
        "advisories-missing",
        `${this.#source.subject}: expected Alpine's branches, found neither a list of releases nor files of secdb`,
        { hint: "Check the network or the folder, or name branches with --branch." },
      );
    const files = known.flatMap((branch) => repositoriesOf(branch, releases));
    const parts = await mapAtOnce(files, transfers, (file) => this.#fetchSecdb(file));
    const found = parts.filter((part) => part !== undefined);
    // Older branches that no list names any more are still what old images are judged by.
    for (const branch of before?.branches ?? [])
      if (!known.includes(branch))
        for (const feed of before!.feeds)
          if (feed.branch === branch) found.push(await this.#keepSecdb(feed));
    if (found.length === 0)
      throw new BivyError(
        "advisories-missing",
        this.#failures[0]?.message ??
          `${this.#source.subject}: there is no file of secdb for ${known.join(", ")}`,
        { hint: "Check the network, the mirrors, or the names of the branches." },
      );
    const missing = (wanted ?? []).filter(
      (branch) => !found.some((part) => part.age.branch === branch),
    );
    if (missing.length > 0)
      throw new BivyError(
        "advisories-missing",
        `${missing.join(", ")}: ${this.#source.subject} has no file of secdb for it`,
        { hint: "A branch is called v3.20, or edge." },
      );
    return found;
  }

  async #fetchSecdb(file: FeedFile): Promise<SecdbPart | undefined> {
    const { limits } = this.#options;
    const old = this.#oldFeed("secdb", file.branch, file.repository);
    try {
      const fetched = await this.#source.fetch(file);
      if (fetched === undefined) return old && (await this.#keepSecdb(old));
      const compiled = await compileSecdb(fetched.content, fetched.url, file, limits);
      return { ...compiled, age: ageOf(file, fetched.url, fetched.fetched) };
    } catch (error) {
      this.#fail(error, file, old !== undefined);
      return old && this.#keepSecdb(old);
    }
  }

  /** A feed that is not required: without it, or with an older copy, the rest is as good. */
  async #fetchOptional(
    name: keyof typeof feedUrls,
    isKnown: (id: string) => boolean,
  ): Promise<Part | undefined> {
    const file: FeedFile = { feed: name, url: feedUrls[name], names: folderNames[name] };
    const { limits } = this.#options;
    try {
      const fetched = await this.#source.fetch(file);
      if (fetched === undefined) return await this.#keep(name);
      const compiled = await compileFeed(name, fetched.content, fetched.url, { limits, isKnown });
      return { ...compiled, age: ageOf(file, fetched.url, fetched.fetched) };
    } catch (error) {
      const old = await this.#keep(name);
      this.#fail(error, file, old !== undefined);
      return old;
    }
  }

  /** One table of all years. */
  async #fetchNvd(ids: ReadonlySet<string>): Promise<Part | undefined> {
    const { limits, now } = this.#options;
    const lastYear = new Date(now * 1000).getUTCFullYear();
    const values = new Map<string, string>();
    let fetchedAt = now;
    let entries = 0;
    for (let year = firstNvdYear; year <= lastYear; year++) {
      const stem = `nvdcve-2.0-${year}.json`;
      const file: FeedFile = { feed: "nvd", url: nvdUrl(year), names: [`${stem}.gz`, stem] };
      try {
        const fetched = await this.#source.fetch(file);
        if (fetched === undefined) continue;
        const isKnown = (id: string) => ids.has(id);
        const { bytes } = await compileFeed("nvd", fetched.content, fetched.url, {
          limits,
          isKnown,
        });
        for (const line of Buffer.from(bytes).toString("utf8").split("\n").filter(Boolean)) {
          const [id, value] = line.split("\t");
          values.set(id!, value!);
          entries++;
        }
        fetchedAt = Math.min(fetchedAt, fetched.fetched);
      } catch (error) {
        const old = await this.#keep("nvd");
        this.#fail(error, file, old !== undefined);
        return old;
      }
    }
    if (entries === 0) return this.#keep("nvd");
    const age = { name: "nvd" as const, url: nvdUrl(lastYear), fetched: fetchedAt };
    return { age, bytes: writeTable(values), entries: values.size };
  }

  #oldFeed(name: FeedName, branch?: string, repository?: string): FeedAge | undefined {
    return this.#options.before?.feeds.find(
      (feed) => feed.name === name && feed.branch === branch && feed.repository === repository,
    );
  }

  /** The part of the database before, with the age that it has there. */
  async #keep(name: FeedName): Promise<Part | undefined> {
    const old = this.#oldFeed(name);
    if (old === undefined) return undefined;
    const { sha256: _, entries, ...age } = old;
    return { age, bytes: await this.#options.before!.read(old), entries };
  }

  async #keepSecdb(old: FeedAge): Promise<SecdbPart> {
    const { sha256: _, entries, ...age } = old;
    const bytes = await this.#options.before!.read(old);
    return { age, bytes, entries, secdb: parseSecdb(bytes, old.url) };
  }

  #fail(error: unknown, file: FeedFile, kept: boolean): void {
    if (!isBivyError(error) || error.code === "aborted") throw error;
    const { feed, branch, repository, url } = file;
    this.#failures.push({
      feed,
      ...(branch === undefined ? {} : { branch }),
      ...(repository === undefined ? {} : { repository }),
      url,
      message: messageOf(error),
      kept,
    });
  }

  async #assemble(parts: readonly Part[], secdb: readonly SecdbPart[]): Promise<UpdateResult> {
    const { limits, now } = this.#options;
    const documents: ArtifactDocument[] = parts.map(({ age, bytes, entries }) => ({
      mediaType: feedMediaType(age.name),
      bytes,
      annotations: {
        ...(age.branch === undefined ? {} : { [feedAnnotations.branch]: age.branch }),
        ...(age.repository === undefined ? {} : { [feedAnnotations.repository]: age.repository }),
        [feedAnnotations.url]: age.url,
        [feedAnnotations.fetched]: String(age.fetched),
        [feedAnnotations.entries]: String(entries),
      },
    }));
    documents.push({ mediaType: feedMediaType("history"), bytes: await this.#writeHistory(secdb) });
    const image = await makeArtifact(
      {
        artifactType: databaseArtifactType,
        documents,
        annotations: { "org.opencontainers.image.created": formatCreated(now) },
        name: "advisories",
      },
      limits,
    );
    const { layers } = await image.manifest();
    const feeds = parts.map(({ age, entries }, at) => ({
      ...age,
      entries,
      sha256: layers[at]!.digest.slice("sha256:".length),
    }));
    return { image, feeds, failures: this.#failures };
  }

  async #writeHistory(secdb: readonly SecdbPart[]): Promise<Uint8Array> {
    const { before, now } = this.#options;
    const lines = new Map((await before?.history())?.lines);
    if (before === undefined) return writeHistory(lines);
    const today = new Date(now * 1000).toISOString().slice(0, 10);
    for (const { secdb: file } of secdb) {
      const { branch, repository } = file;
      const old = await before.secdb(branch, repository);
      // What a file that is new here says was said before, only not heard.
      if (old === undefined) continue;
      const known = new Set(keysOf(old));
      for (const key of keysOf(file)) if (!known.has(key) && !lines.has(key)) lines.set(key, today);
    }
    return writeHistory(lines);
  }
}

function isAnyId(): boolean {
  return true;
}

/** Under which names a folder has the files that are not secdb's. */
const folderNames: Readonly<Record<keyof typeof feedUrls, readonly string[]>> = {
  releases: ["releases.json"],
  rejections: ["security-rejections*.tar.gz", "security-rejections*.yaml", "rejections.yaml"],
  epss: ["epss_scores-*.csv.gz", "epss_scores-*.csv", "epss.csv.gz", "epss.csv"],
  kev: ["known_exploited_vulnerabilities.json"],
  osv: ["Alpine/all.zip", "osv/Alpine/all.zip", "all.zip"],
};

function repositoriesOf(branch: string, releases: Releases | undefined): readonly FeedFile[] {
  const listed = releases?.branches.find((each) => each.branch === branch)?.repositories.keys();
  const names = new Set([...usualRepositories, ...(listed ?? [])]);
  return [...names].map((repository) => {
    const name = `${branch}/${repository}.json`;
    return { feed: "secdb", branch, repository, url: `${secdbUrl}/${name}`, names: [name] };
  });
}

function ageOf(
  { feed, branch, repository }: FeedFile,
  url: string,
  fetched: number,
): Omit<FeedAge, "sha256" | "entries"> {
  return {
    name: feed,
    ...(branch === undefined ? {} : { branch }),
    ...(repository === undefined ? {} : { repository }),
    url,
    fetched,
  };
}

function* idsOf({ origins }: Secdb): Generator<string> {
  for (const { fixes } of origins.values())
    for (const { vulnerabilities } of fixes)
      for (const { id, aliases } of vulnerabilities) {
        yield id;
        yield* aliases;
      }
}

function* keysOf({ branch, repository, origins }: Secdb): Generator<string> {
  for (const [origin, { fixes }] of origins)
    for (const { version, vulnerabilities } of fixes)
      for (const { id } of vulnerabilities)
        yield historyKey(branch, repository, origin, version, id);
}

/** As Promise.all over a list, of which no more than so many are worked at once; results in order. */
async function mapAtOnce<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
