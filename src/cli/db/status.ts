/** bivy db status: what the advisory database holds, how old each part is, and until when branches are supported. */
import type { Command } from "commander";
import { supportEnded, type AdvisoryDatabase, type FeedAge } from "../../advisory/index.ts";
import {
  addDatabaseFlags,
  maxAgeOf,
  openDatabaseArgument,
  requireFresh,
  timeOf,
  type AdvisoryFlags,
} from "../advisories.ts";
import { formatAge } from "../age.ts";
import { addImageFlags } from "../image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import { withSession, type Session } from "../session.ts";
import { printable } from "../term/streams.ts";
import { formatTable } from "../term/table.ts";

interface StatusFlags extends Omit<AdvisoryFlags, "update">, ResultFlags<"table" | "json"> {
  readonly all?: boolean;
}

export function configure(command: Command): void {
  addImageFlags(
    addDatabaseFlags(
      addResultFlags(command.option("--all", "each branch and repository on a line of its own"), [
        "table",
        "json",
      ]),
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy db status
  $ bivy db status --all --format json
  $ bivy db status --db advisories.tar
`,
    )
    .action((flags: StatusFlags) => withSession(flags, (session) => status(flags, session)));
}

async function status(flags: StatusFlags, session: Session): Promise<void> {
  const database = await openDatabaseArgument(flags.db ?? "current", flags, session);
  session.progress.end();
  requireFresh(database, flags);
  const now = timeOf(flags);
  const releases = await database.releases();
  const files = database.feeds.filter(({ name }) => name === "secdb");
  const groups = Map.groupBy(files, ({ branch, repository }) =>
    flags.all === true && flags.format === "table" ? `${branch} ${repository}` : branch!,
  );
  const branches = Array.from(groups.values(), (ages): BranchStatus => {
    const branch = ages[0]!.branch!;
    const support = releases?.branches.find((each) => each.branch === branch);
    return {
      branch,
      repositories: ages.map(({ repository }) => repository!),
      origins: ages.reduce((sum, { entries }) => sum + entries, 0),
      fetched: Math.min(...ages.map(({ fetched }) => fetched)),
      ...(support?.ends === undefined ? {} : { supportEnds: support.ends }),
      ...(support === undefined ? {} : { supported: !supportEnded(support, now) }),
    };
  });
  if (flags.format === "json") {
    const { digest, subject, feeds } = database;
    return writeResult(formatJson({ database: subject, digest, feeds, branches }), flags);
  }
  await writeResult(formatStatus(database, branches, now, maxAgeOf(flags)), flags);
}

interface BranchStatus {
  readonly branch: string;
  readonly repositories: readonly string[];
  readonly origins: number;
  readonly fetched: number;
  readonly supportEnds?: string;
  readonly supported?: boolean;
}

function formatStatus(
  { digest, subject, feeds }: AdvisoryDatabase,
  branches: readonly BranchStatus[],
  now: number,
  maxAge: number,
): string {
  const rows = branches.map(
    ({ branch, repositories, origins, fetched, supportEnds, supported }) => [
      printable(branch),
      printable(repositories.join(", ")),
      String(origins),
      ageText(now - fetched, maxAge),
      supported === undefined
        ? "not known"
        : supported
          ? `until ${supportEnds ?? "ever"}`
          : `ended ${supportEnds}`,
    ],
  );
  const others = feeds.filter(({ name }) => name !== "secdb");
  const otherRows = others.map((feed) => [
    feed.name,
    describe(feed),
    String(feed.entries),
    ageText(now - feed.fetched, maxAge),
  ]);
  return [
    `${printable(subject)}\n${digest}`,
    formatTable(
      [
        { title: "BRANCH" },
        { title: "REPOSITORIES" },
        { title: "ORIGINS", align: "right" },
        { title: "AGE" },
        { title: "SUPPORT" },
      ],
      rows,
    ),
    otherRows.length === 0
      ? "Nothing besides secdb: no severities, EPSS or KEV. bivy db update fetches them."
      : formatTable(
          [
            { title: "FEED" },
            { title: "WHAT IT TELLS" },
            { title: "ENTRIES", align: "right" },
            { title: "AGE" },
          ],
          otherRows,
        ),
  ].join("\n\n");
}

function ageText(seconds: number, maxAge: number): string {
  return `${formatAge(seconds)}${seconds > maxAge ? " (old)" : ""}`;
}

function describe({ name }: FeedAge): string {
  const texts: Readonly<Record<string, string>> = {
    releases: "end of support",
    rejections: "what Alpine rejects",
    epss: "how likely exploited",
    kev: "known to be exploited",
    osv: "severity",
    nvd: "severity",
  };
  return texts[name] ?? name;
}
