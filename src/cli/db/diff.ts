/** bivy db diff: what one advisory database has and another has not, and which images that makes vulnerable. */
import type { Command } from "commander";
import type { AdvisoryDatabase, DatabaseDifference } from "../../advisory/index.ts";
import type { RebuildPlan, ScanSubject } from "../../scan/index.ts";
import { databaseForms, maxAgeOf, openDatabaseArgument, timeOf } from "../advisories.ts";
import { addImageFlags, type ImageFlags } from "../image-source.ts";
import { addResultFlags, formatJson, writeResult, type ResultFlags } from "../result.ts";
import { describeOutcome, forEachTarget, subjectOf } from "../scan/subjects.ts";
import { collect, withSession, type Session } from "../session.ts";
import { printNote } from "../term/streams.ts";
import { version } from "../version.ts";
import { formatChanges } from "./changes-table.ts";
import { formatRebuilds } from "./rebuild-table.ts";

interface DiffFlags extends ImageFlags, ResultFlags<"table" | "json"> {
  readonly images?: readonly string[];
  readonly impact?: readonly string[];
  readonly all?: boolean;
  readonly at?: string;
}

export function configure(command: Command): void {
  addImageFlags(
    addResultFlags(
      command
        .argument("<OLD>", databaseForms)
        .argument("<NEW>", "another one")
        .option(
          "--images <IMAGE...>",
          "say which of these images, roots or SBOMs the newer one makes vulnerable, and in which order to rebuild them",
        )
        .option(
          "--impact <[IMAGE=]LEVEL>",
          "what the loss of an image would mean: low, medium, high, critical, or 0 to 1 (may be repeated)",
          collect,
        )
        .option("--at <TIME>", "judge as of this day instead of now")
        .option("--all", "show all changes instead of their beginning"),
      ["table", "json"],
    ),
  )
    .addHelpText(
      "before",
      `Examples:
  $ bivy db diff previous current
  $ bivy db diff previous current --images app:1 api:2 sbom.json
  $ bivy db diff secdb/2024-10-15 secdb/2024-11-15 --images rootfs.tar.gz
`,
    )
    .action((old: string, now: string, flags: DiffFlags) =>
      withSession(flags, (session) => diff(old, now, flags, session)),
    );
}

async function diff(old: string, now: string, flags: DiffFlags, session: Session): Promise<void> {
  const { compareDatabases } = await import("../../advisory/index.ts");
  const before = await openDatabaseArgument(old, flags, session);
  const after = await openDatabaseArgument(now, flags, session);
  const changes = await compareDatabases(before, after);
  const plan =
    flags.images === undefined ? undefined : await rebuildsOf(flags, before, after, session);
  session.progress.end();
  if (flags.format === "json") return writeResult(formatJson({ changes, rebuild: plan }), flags);
  const text = formatDifference(changes, plan, flags.all === true);
  await writeResult(text, flags);
}

async function rebuildsOf(
  flags: DiffFlags,
  before: AdvisoryDatabase,
  after: AdvisoryDatabase,
  session: Session,
): Promise<RebuildPlan> {
  const { impactsOf } = await import("../scan/impact-flags.ts");
  const { planRebuilds } = await import("../../scan/index.ts");
  const images = flags.images!;
  const impactOf = await impactsOf(flags.impact ?? [], images);
  const subjects: ScanSubject[] = [];
  const unread: { name: string; reason: string }[] = [];
  for (const outcome of await forEachTarget(images, (image) => subjectOf(image, flags, session))) {
    if ("value" in outcome) subjects.push(outcome.value);
    else {
      process.exitCode = 3;
      printNote(describeOutcome(outcome.target, outcome.error));
      unread.push({ name: outcome.target, reason: outcome.error.message });
    }
  }
  const plan = await planRebuilds(subjects, before, after, {
    time: timeOf(flags),
    version,
    maxAge: maxAgeOf({}),
    impactOf: ({ name }) => impactOf(name),
  });
  return { ...plan, notJudged: [...plan.notJudged, ...unread] };
}

function formatDifference(
  changes: DatabaseDifference,
  plan: RebuildPlan | undefined,
  all: boolean,
): string {
  const parts = plan === undefined ? [] : [formatRebuilds(plan)];
  return [...parts, formatChanges(changes, all)].join("\n\n");
}
