/**
 * Advisory databases: all feeds at one time, as an OCI artifact with a layer for each. So a database
 * has a digest, is verified as images are, and is kept, exported and pushed as they are.
 */
import { BivyError, collectBytes, limitExceeded, type Digest, type Limits } from "../base/index.ts";
import type { Descriptor, Image, ImageOrIndex } from "../oci/index.ts";
import { branchAdvisories, type BranchAdvisories } from "./branch-advisories.ts";
import type { ExploitProbability } from "./epss.ts";
import type { FeedAge, FeedName } from "./feed.ts";
import { historyKey, parseHistory, type AdvisoryHistory } from "./history.ts";
import { parseKev, type Exploited } from "./kev.ts";
import { openTable, type Lookup } from "./lookup-table.ts";
import { readRejectionList, type Rejection } from "./rejections.ts";
import { parseSecdb, type Secdb } from "./secdb.ts";
import { severityLevel, type Severity } from "./severity.ts";
import { parseReleases, type Releases } from "./support.ts";

export const databaseArtifactType = "application/vnd.bivy.advisories.v1";

/** The media type of a feed's layer. */
export function feedMediaType(name: FeedName | "history"): string {
  return `application/vnd.bivy.advisories.${name}.v1`;
}

/** What the annotations of a feed's layer say of it. */
export const feedAnnotations = {
  branch: "dev.bivy.advisories.branch",
  repository: "dev.bivy.advisories.repository",
  url: "dev.bivy.advisories.url",
  fetched: "dev.bivy.advisories.fetched",
  entries: "dev.bivy.advisories.entries",
} as const;

export interface AdvisoryDatabase {
  /** What messages call it. */
  readonly subject: string;
  /** The artifact that it is. */
  readonly image: Image;
  readonly digest: Digest;
  readonly feeds: readonly FeedAge[];
  /** The branches that secdb has files of, in the order of the artifact. */
  readonly branches: readonly string[];
  /** Undefined where secdb has no file of the branch. */
  branch(name: string): Promise<BranchAdvisories | undefined>;
  /** A file of secdb; undefined where it has none. */
  secdb(branch: string, repository: string): Promise<Secdb | undefined>;
  releases(): Promise<Releases | undefined>;
  rejections(): Promise<readonly Rejection[]>;
  /** What ranks vulnerabilities; each part is undefined for what no feed tells. */
  ranking(): Promise<Ranking>;
  /** The bytes of a feed's layer. */
  read(feed: FeedAge): Promise<Uint8Array>;
  /** The day since when it has a row, where it knows that. */
  history(): Promise<AdvisoryHistory>;
}

export interface Ranking {
  severity(id: string): Severity | undefined;
  epss(id: string): ExploitProbability | undefined;
  kev(id: string): Exploited | undefined;
}

/** Opens the database that an artifact is. Throws `advisories-invalid` where it is something else. */
export async function openDatabase(
  image: ImageOrIndex,
  limits: Limits,
  subject = image.subject,
): Promise<AdvisoryDatabase> {
  const manifest = image.kind === "image" ? await image.manifest() : undefined;
  if (image.kind === "index" || manifest?.artifactType !== databaseArtifactType)
    throw new BivyError("advisories-invalid", `${subject}: expected an advisory database`, {
      hint: "It is some other image or artifact. Make a database with bivy db update or import.",
    });
  const layers = new Map<FeedAge, Descriptor>();
  let historyLayer: Descriptor | undefined;
  for (const layer of manifest.layers) {
    if (layer.mediaType === feedMediaType("history")) historyLayer = layer;
    const feed = readFeedAge(layer);
    if (feed !== undefined) layers.set(feed, layer);
  }
  const feeds = [...layers.keys()];
  const readLayer = (layer: Descriptor): Promise<Uint8Array> => {
    const most = limits["index-size"];
    const excess = () => limitExceeded("index-size", limits, `${subject}: ${layer.digest}`);
    if (layer.size > most) throw excess();
    return collectBytes(image.blob(layer).chunks(), most, excess);
  };
  const read = (feed: FeedAge): Promise<Uint8Array> => readLayer(layers.get(feed)!);
  const only = async (name: FeedName): Promise<Uint8Array | undefined> => {
    const feed = feeds.find((each) => each.name === name);
    return feed === undefined ? undefined : read(feed);
  };
  const subjectOf = (feed: FeedAge): string => `${subject}: ${feed.url}`;
  const secdbFeeds = feeds.filter(({ name }) => name === "secdb");
  const branches = [...new Set(secdbFeeds.map(({ branch }) => branch!))];
  const opened = new Map<string, Promise<BranchAdvisories>>();

  const readBranch = async (name: string): Promise<BranchAdvisories> => {
    const files: Secdb[] = [];
    for (const feed of secdbFeeds.filter(({ branch }) => branch === name))
      files.push(parseSecdb(await read(feed), subjectOf(feed)));
    return branchAdvisories(name, files);
  };
  return {
    subject,
    image,
    digest: image.digest,
    feeds,
    branches,
    read,
    async branch(name) {
      if (!branches.includes(name)) return undefined;
      let found = opened.get(name);
      if (found === undefined) opened.set(name, (found = readBranch(name)));
      return found;
    },
    async secdb(branch, repository) {
      const feed = secdbFeeds.find(
        (each) => each.branch === branch && each.repository === repository,
      );
      return feed === undefined ? undefined : parseSecdb(await read(feed), subjectOf(feed));
    },
    releases: once(async () => {
      const bytes = await only("releases");
      return bytes === undefined ? undefined : parseReleases(bytes, `${subject}: releases`);
    }),
    rejections: once(async () => {
      const bytes = await only("rejections");
      return bytes === undefined ? [] : readRejectionList(bytes, `${subject}: rejections`);
    }),
    ranking: once(async () => {
      const [nvd, osv, epss, kev] = await Promise.all([
        only("nvd"),
        only("osv"),
        only("epss"),
        only("kev"),
      ]);
      const severities = [
        ["NVD", tableOf(nvd)],
        ["OSV", tableOf(osv)],
      ] as const;
      const probabilities = tableOf(epss);
      const exploited = kev === undefined ? undefined : parseKev(kev, `${subject}: KEV`);
      return {
        severity: (id) =>
          severities
            .map(([source, table]) => parseSeverity(table(id), source))
            .find((severity) => severity !== undefined),
        epss: (id) => parseProbability(probabilities(id)),
        kev: (id) => exploited?.get(id),
      };
    }),
    history: once(async () =>
      historyLayer === undefined ? noHistory : parseHistory(await readLayer(historyLayer)),
    ),
  };
}

const noHistory: AdvisoryHistory = { firstSeen: () => undefined, lines: new Map() };

/** A database that is asked twice reads once. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= work());
}

function readFeedAge({ mediaType, annotations = {}, digest }: Descriptor): FeedAge | undefined {
  const name = /^application\/vnd\.bivy\.advisories\.([a-z]+)\.v1$/.exec(mediaType)?.[1];
  const fetched = Number(annotations[feedAnnotations.fetched]);
  const entries = Number(annotations[feedAnnotations.entries]);
  if (name === undefined || name === "history" || !Number.isSafeInteger(fetched)) return undefined;
  const branch = annotations[feedAnnotations.branch];
  const repository = annotations[feedAnnotations.repository];
  if (name === "secdb" && (branch === undefined || repository === undefined)) return undefined;
  return {
    name: name as FeedName,
    ...(branch === undefined ? {} : { branch }),
    ...(repository === undefined ? {} : { repository }),
    url: annotations[feedAnnotations.url] ?? name,
    fetched,
    entries: Number.isSafeInteger(entries) ? entries : 0,
    sha256: digest.slice("sha256:".length),
  };
}

function tableOf(bytes: Uint8Array | undefined): Lookup {
  return bytes === undefined ? () => undefined : openTable(bytes);
}

/** The line of a severity table: the score, then the vector where there is one. */
export function formatSeverity({ score, vector }: Severity): string {
  return vector === undefined ? String(score) : `${score} ${vector}`;
}

function parseSeverity(line: string | undefined, source: string): Severity | undefined {
  if (line === undefined) return undefined;
  const [score, vector] = line.split(" ");
  const value = Number(score);
  if (!(value >= 0 && value <= 10)) return undefined;
  const level = severityLevel(value);
  return { score: value, level, ...(vector === undefined ? {} : { vector }), source };
}

/** The line of an EPSS table. */
export function formatProbability({ probability, percentile }: ExploitProbability): string {
  return `${probability} ${percentile}`;
}

function parseProbability(line: string | undefined): ExploitProbability | undefined {
  const [probability, percentile] = (line ?? "").split(" ").map(Number);
  if (!(probability! >= 0 && probability! <= 1 && percentile! >= 0 && percentile! <= 1))
    return undefined;
  return { probability: probability!, percentile: percentile! };
}

/** The day since when a database has the row that an advisory rests on. */
export function firstSeenOf(
  history: AdvisoryHistory,
  row: { branch: string; repository: string; origin: string; fixed: string; id: string },
): string | undefined {
  return history.firstSeen(historyKey(row.branch, row.repository, row.origin, row.fixed, row.id));
}
