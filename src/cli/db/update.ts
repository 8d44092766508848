/** bivy db update: fetches the advisories, and says what is new in them. */
import type { Command } from "commander";
import { Option } from "commander";
import {
  allFeeds,
  type AdvisoryDatabase,
  type DatabaseDifference,
  type FeedName,
} from "../../advisory/index.ts";
import { BivyError } from "../../base/index.ts";
import { databaseStore, describeFailure, timeOf } from "../advisories.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import {
  addSessionFlags,
  collect,
  withSession,
  type Session,
  type SessionFlags,
} from "../session.ts";
import { printNote } from "../term/streams.ts";
import { countOf } from "../term/quantity.ts";
import { formatChanges } from "./changes-table.ts";

interface UpdateFlags extends SessionFlags, ResultFlags<"table" | "json"> {
  readonly branch?: readonly string[];
  readonly feed?: readonly FeedName[];
  readonly from?: string;
  readonly at?: string;
  readonly all?: boolean;
}

export function configure(command: Command): void {
  addSessionFlags(
    addResultFlags(
      command
        .option(
          "--branch <BRANCH>",
          "only this branch, such as v3.20 (may be repeated; default: all)",
          collect,
        )
        .addOption(
          new Option(
            "--feed <FEED>",
            "besides secdb only this feed (may be repeated; default: all but nvd, which is large)",
          )
            .choices(allFeeds)
            .argParser(collectFeed),
        )
        .option(
          "--from <DIR>",
          "read the files of a mirror in this folder instead of fetching them",
        )
        .addOption(new Option("--at <TIME>", "the time that counts as now").hideHelp())
        .option("--all", "show all changes instead of their beginning"),
      ["table", "json"],
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy db update
  $ bivy db update --branch v3.20 --branch edge
  $ bivy db update --feed nvd --feed epss --feed kev     severities of NVD
  $ bivy db update --from mirror                         without a network
`,
    )
    .action((flags: UpdateFlags) => withSession(flags, (session) => update(flags, session)));
}

function collectFeed(word: string, before: readonly FeedName[] | undefined): readonly FeedName[] {
  if (!(allFeeds as readonly string[]).includes(word))
    throw new BivyError("usage", `--feed ${word}: expected one of ${allFeeds.join(", ")}`);
  return [...(before ?? []), word as FeedName];
}

async function update(flags: UpdateFlags, session: Session): Promise<void> {
  const { compareDatabases, defaultFeeds, folderSource, httpSource, openDatabase, updateDatabase } =
    await import("../../advisory/index.ts");
  const { access, limits, progress } = session;
  if (flags.from === undefined && access.client.offline)
    throw new BivyError("offline", "the advisories cannot be fetched: bivy is offline", {
      hint: "Leave --offline out, or take a bundle: bivy db import FILE.",
    });
  const now = timeOf(flags);
  const store = await databaseStore(session);
  const before = await store.current();
  const source =
    flags.from === undefined ? httpSource(access, now) : await folderSource(flags.from);
  const { image, failures } = await updateDatabase(source, {
    limits,
    now,
    ...(before === undefined ? {} : { before }),
    ...(flags.branch === undefined ? {} : { branches: flags.branch }),
    feeds: flags.feed ?? (flags.from === undefined ? defaultFeeds : allFeeds),
    events: progress.report,
  });
  const after = await openDatabase(image, limits, store.path);
  const changes = before === undefined ? undefined : await compareDatabases(before, after);
  await store.put(image);
  progress.end();
  for (const failure of failures) printNote(`warning: ${describeFailure(failure)}`);
  if (flags.format === "json")
    return writeResult(
      formatJson({ digest: after.digest, feeds: after.feeds, failures, changes }),
      flags,
    );
  await writeResult(formatUpdate(after, changes, flags.all === true), flags);
}

function formatUpdate(
  after: AdvisoryDatabase,
  changes: DatabaseDifference | undefined,
  all: boolean,
): string {
  const files = after.feeds.filter(({ name }) => name === "secdb").length;
  const head = `${after.digest}\n${countOf(after.branches.length, "branch")}, ${countOf(files, "file")} of secdb, in ${after.subject}`;
  if (changes === undefined)
    return `${head}\nThis is the first database here. Next: bivy scan IMAGE`;
  return `${head}\n\n${formatChanges(changes, all)}`;
}
