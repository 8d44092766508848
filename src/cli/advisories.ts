/** Advisories of a command: which database it uses, and when that is brought up to date. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { AdvisoryDatabase, DatabaseStore, UpdateFailure } from "../advisory/index.ts";
import { BivyError, isBivyError, messageOf } from "../base/index.ts";
import type { ImageLocator } from "../oci/index.ts";
import { parseAge, parseTime } from "./age.ts";
import { locate, type ImageFlags } from "./image-source.ts";
import type { Session } from "./session.ts";
import { printNote } from "./term/streams.ts";

export interface AdvisoryFlags extends ImageFlags {
  readonly db?: string;
  readonly update: boolean;
  readonly maxAge?: string;
  readonly at?: string;
}

export const databaseForms =
  "current, previous, a folder of secdb files, oci:DIR, oci-archive:FILE, a bundle, or a registry's reference";

export function addAdvisoryFlags(command: Command): Command {
  return addDatabaseFlags(command).option(
    "--no-update",
    "do not fetch advisories, however old they are",
  );
}

/** Those of commands that never fetch. */
export function addDatabaseFlags(command: Command): Command {
  return command
    .option("--db <DATABASE>", `the advisories to use: ${databaseForms} (default: current)`)
    .option(
      "--max-age <AGE>",
      "fail where advisories are older, such as 12h or 7d (default: warn after 24h)",
    )
    .option("--at <TIME>", "judge as of this day, such as 2026-11-30, instead of now");
}

/** Seconds after which advisories are fetched anew, and warned about where that fails. */
export const usualMaxAge = 86_400;

/** What time it is for a command: seconds since 1970. */
export function timeOf({ at }: Pick<AdvisoryFlags, "at">): number {
  return at === undefined ? Math.floor(Date.now() / 1000) : parseTime(at, "--at");
}

export function maxAgeOf({ maxAge }: Pick<AdvisoryFlags, "maxAge">): number {
  return maxAge === undefined ? usualMaxAge : parseAge(maxAge, "--max-age");
}

/**
 * The database that the flags name. The current one is fetched where there is none yet, and brought up
 * to date where it is old; what was named otherwise is taken as it is.
 */
export async function databaseOf(
  flags: AdvisoryFlags,
  session: Session,
): Promise<AdvisoryDatabase> {
  const database =
    flags.db === undefined || flags.db === "current"
      ? await currentDatabase(flags, session)
      : await openDatabaseArgument(flags.db, flags, session);
  requireFresh(database, flags);
  return database;
}

async function currentDatabase(flags: AdvisoryFlags, session: Session): Promise<AdvisoryDatabase> {
  const store = await databaseStore(session);
  const before = await store.current();
  const now = Math.floor(Date.now() / 1000);
  if (before !== undefined && now - oldestOf(before) <= maxAgeOf(flags)) return before;
  if (!flags.update || session.access.client.offline) {
    if (before !== undefined) return before;
    throw new BivyError(
      "advisories-missing",
      `${store.path}: there is no advisory database yet, and none may be fetched`,
      {
        hint: "Make one: bivy db update with a network, or bivy db import FILE without. Nothing was judged.",
      },
    );
  }
  if (before === undefined) printNote("There is no advisory database yet: fetching one.");
  try {
    return await updateCurrent(session, now);
  } catch (error) {
    if (!isBivyError(error) || error.code === "aborted") throw error;
    if (before === undefined) throw withoutDatabase(error);
    printNote(`warning: the advisories could not be brought up to date: ${messageOf(error)}`);
    return before;
  }
}

/** There is nothing to go on with: what a machine without a network does is said. */
function withoutDatabase(error: BivyError): BivyError {
  if (error.code !== "http-unreachable") return error;
  return new BivyError(error.code, error.message, {
    cause: error,
    hint: "Check the network; behind a proxy, set https_proxy and http_proxy. Without a network: --db FILE, or bivy db import FILE.",
  });
}

/** The current database as it is, for commands that judge besides what they do; undefined where there is none. */
export async function databaseHere(session: Session): Promise<AdvisoryDatabase | undefined> {
  // Builds without a database need not load what reads one, which takes longer than this look.
  const { defaultStorePath } = await import("../oci/index.ts");
  if (!existsSync(join(dirname(defaultStorePath()), "advisories"))) return undefined;
  const store = await databaseStore(session);
  return store.current();
}

export async function databaseStore({ limits }: Session): Promise<DatabaseStore> {
  const { defaultDatabasePath, openDatabaseStore } = await import("../advisory/index.ts");
  return openDatabaseStore(defaultDatabasePath(), limits);
}

async function updateCurrent(session: Session, now: number): Promise<AdvisoryDatabase> {
  const { httpSource, openDatabase, updateDatabase } = await import("../advisory/index.ts");
  const store = await databaseStore(session);
  const before = await store.current();
  const { image, failures } = await updateDatabase(httpSource(session.access, now), {
    limits: session.limits,
    now,
    ...(before === undefined ? {} : { before }),
    events: session.progress.report,
  });
  await store.put(image);
  session.progress.end();
  for (const failure of failures) printNote(`warning: ${describeFailure(failure)}`);
  return openDatabase(image, session.limits, store.path);
}

export function describeFailure({
  feed,
  branch,
  repository,
  message,
  kept,
}: UpdateFailure): string {
  const name = [feed, branch, repository].filter((word) => word !== undefined).join(" ");
  return `${name}: ${message}${kept ? "; an older copy is kept" : ""}`;
}

function oldestOf({ feeds }: AdvisoryDatabase): number {
  const times = feeds.filter(({ name }) => name === "secdb").map(({ fetched }) => fetched);
  return Math.min(...times);
}

/** Throws `advisories-stale` where the flags ask for newer ones. */
export function requireFresh(
  database: AdvisoryDatabase,
  flags: Pick<AdvisoryFlags, "maxAge" | "at">,
): void {
  if (flags.maxAge === undefined) return;
  const age = timeOf(flags) - oldestOf(database);
  if (age <= maxAgeOf(flags)) return;
  throw new BivyError(
    "advisories-stale",
    `${database.subject}: expected advisories of at most ${flags.maxAge}, found some that are ${Math.floor(age / 3600)} hours old`,
    { hint: "Bring them up to date: bivy db update." },
  );
}

/** A database by the word that names it. */
export async function openDatabaseArgument(
  word: string,
  flags: ImageFlags,
  session: Session,
): Promise<AdvisoryDatabase> {
  const { allFeeds, folderSource, openDatabase, updateDatabase } =
    await import("../advisory/index.ts");
  const { limits } = session;
  if (word === "current" || word === "previous") {
    const store = await databaseStore(session);
    const found = word === "current" ? await store.current() : await store.previous();
    if (found !== undefined) return found;
    throw new BivyError("advisories-missing", `${store.path}: there is no ${word} database`, {
      hint: "Make one with bivy db update.",
    });
  }
  const { isLayout, openStore } = await import("../oci/index.ts");
  const facts = await stat(word).catch(() => undefined);
  if (facts?.isDirectory() === true && !(await isLayout(word))) {
    const now = Math.floor(Date.now() / 1000);
    const { image, failures } = await updateDatabase(await folderSource(word), {
      limits,
      now,
      feeds: allFeeds,
    });
    session.progress.end();
    const [failure] = failures;
    if (failure !== undefined)
      throw new BivyError("advisories-invalid", failure.message, {
        hint: "Remove or mend the file; a folder is taken as a whole.",
      });
    return openDatabase(image, limits, word);
  }
  const locator = await databaseLocator(word, facts !== undefined);
  const located = await locate(locator, openStore({ limits }), flags, session);
  if (located.kind !== "image")
    throw new BivyError("advisories-invalid", `${word}: expected an advisory database`, {
      hint: `A database is ${databaseForms}.`,
    });
  return openDatabase(located.image, limits, word);
}

/** What lies here under the word is meant, before a registry is asked for it. */
async function databaseLocator(word: string, isHere: boolean): Promise<ImageLocator> {
  const { parseImageLocator } = await import("../oci/index.ts");
  return isHere ? { kind: "path", path: word } : parseImageLocator(word);
}
