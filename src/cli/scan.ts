/** bivy scan: which known vulnerabilities images, roots and SBOMs really have, and what mends them. */
import { Option, type Command } from "commander";
import type { AdvisoryDatabase } from "../advisory/index.ts";
import type { BivyError } from "../base/index.ts";
import type { FailOn, ScanFailure, ScanOptions, ScanReport } from "../scan/index.ts";
import {
  addAdvisoryFlags,
  databaseOf,
  maxAgeOf,
  timeOf,
  type AdvisoryFlags,
} from "./advisories.ts";
import { keepCompiled } from "./compile-cache.ts";
import { addImageFlags } from "./image-source.ts";
import { targetForms } from "./read-target.ts";
import { addResultFlags, writeResult, type ResultFlags } from "./result.ts";
import { availabilityOf } from "./scan/availability.ts";
import { describeFailing, filterReport, parseFilter, type FilterFlags } from "./scan/filter.ts";
import { impactsOf } from "./scan/impact-flags.ts";
import { checkFormat, formatScan, scanFormats, type ScanFormat } from "./scan/formats.ts";
import { addJudgeFlags, judgesOf, type JudgeFlags } from "./scan/judges.ts";
import { describeOutcome, forEachTarget, mapOutcomes, subjectOf } from "./scan/subjects.ts";
import { collect, withSession, type Session } from "./session.ts";
import { printNote } from "./term/streams.ts";
import { version } from "./version.ts";

export interface ScanFlags extends AdvisoryFlags, ResultFlags<ScanFormat>, FilterFlags, JudgeFlags {
  readonly branch?: string;
  readonly failOn?: readonly string[];
  readonly impact?: readonly string[];
  readonly index: boolean;
  readonly compare?: boolean;
  readonly explain?: string;
  readonly all?: boolean;
  readonly showSuppressed?: boolean;
}

export function configure(command: Command): void {
  const judged = addJudgeFlags(
    addAdvisoryFlags(
      addResultFlags(command.argument("<TARGET...>", targetForms), scanFormats)
        .option(
          "--fail-on <WORDS>",
          "exit with 1 for findings such as high, kev, risk>=20, any, or for end-of-support, stale",
          collect,
        )
        .option("--severity <LEVEL>", "leave out what is less severe, such as high")
        .option("--risk <N>", "leave out what has less risk, from 0 to 100")
        .option("--only-fixed", "leave out what no repository has a fix for yet"),
    ),
  );
  addImageFlags(judged)
    .option(
      "--impact <[TARGET=]LEVEL>",
      "what the loss of a target would mean: low, medium, high, critical, or 0 to 1 (default: its label dev.bivy.impact, else medium)",
      collect,
    )
    .option("--branch <BRANCH>", "judge by this branch instead of that of the release files")
    .option("--no-index", "do not look into the repositories whether fixes can be had")
    .option("--show-suppressed", "list what is suppressed, and by what")
    .option("--all", "show whole lists instead of their beginning")
    .addOption(
      new Option("--compare", "compare two targets: what the second mends and brings in").conflicts(
        "explain",
      ),
    )
    .option("--explain <ID>", "show all that is known about one finding")
    .addHelpText(
      "before",
      `Examples:
  $ bivy scan alpine:3.20
  $ bivy scan my-app --fail-on high,kev
  $ bivy scan app:1 api:2 dir:/mnt/root sbom.json --format html -o report.html
  $ bivy scan --compare app:1 app:2
  $ bivy scan my-app --explain CVE-2024-9143
  $ bivy scan my-app --db advisories.tar --offline
`,
    )
    .action((targets: string[], flags: ScanFlags) => {
      keepCompiled(flags.cacheDir);
      return withSession(flags, (session) => scan(targets, flags, session));
    });
}

async function scan(targets: readonly string[], flags: ScanFlags, session: Session): Promise<void> {
  checkFormat(flags, targets);
  // The targets are read while the rest is loaded, and the advisories are: neither needs the other.
  const reading = forEachTarget(targets, (target) => subjectOf(target, flags, session));
  reading.catch(() => undefined);
  const { compareScans, parseFailOn, scanSubject } = await import("../scan/index.ts");
  // What is wrong with the flags is said before anything is fetched.
  const failOn = parseFailOn(flags.failOn ?? []);
  const filter = await parseFilter(flags);
  const impactOf = await impactsOf(flags.impact ?? [], targets);
  const judges = await judgesOf(flags, timeOf(flags), session);
  const database = await databaseOf(flags, session);
  const shared = optionsOf(flags, database);
  const outcomes = await mapOutcomes(await reading, async (subject, target) => {
    const impact = impactOf(target);
    const report = await scanSubject(subject, {
      ...shared,
      ...(impact === undefined ? {} : { impact }),
      availability: await availabilityOf(subject, flags, session),
      judge: judges.judge,
    });
    return filterReport(report, filter);
  });
  session.progress.end();
  const reports: ScanReport[] = [];
  const failures: ScanFailure[] = [];
  // A table names what failed at its top; of a file or another format nobody need see anything.
  const isTableShown = flags.format === "table" && flags.output === undefined;
  for (const outcome of outcomes)
    if ("value" in outcome) reports.push(outcome.value);
    else if (targets.length === 1 || flags.compare === true) throw outcome.error;
    else {
      failures.push(describeFailure(outcome.target, outcome.error));
      if (!isTableShown) printNote(describeOutcome(outcome.target, outcome.error));
    }
  if (failures.length > 0) process.exitCode = 3;
  for (const remark of judges.remarks(reports)) printNote(`warning: ${remark}`);

  const comparison = flags.compare === true ? compareScans(reports[0]!, reports[1]!) : undefined;
  await writeResult(await formatScan(reports, failures, comparison, flags), flags);
  // Of a comparison the new one is asked about.
  failIf(comparison === undefined ? reports : reports.slice(1), failOn);
}

function describeFailure(name: string, { code, message, hint }: BivyError): ScanFailure {
  return { name, code, text: message, ...(hint === undefined ? {} : { hint }) };
}

function optionsOf(flags: ScanFlags, database: AdvisoryDatabase): Omit<ScanOptions, "impact"> {
  return {
    database,
    time: timeOf(flags),
    version,
    maxAge: maxAgeOf(flags),
    ...(flags.branch === undefined ? {} : { branch: flags.branch }),
  };
}

function failIf(reports: readonly ScanReport[], failOn: FailOn): void {
  const texts = reports.flatMap((report) => {
    const { findings, warnings } = failOn.failing(report);
    return describeFailing(report.subject.name, findings.length, warnings);
  });
  if (texts.length === 0) return;
  for (const text of texts) printNote(`--fail-on ${failOn.words.join(",")}: ${text}`);
  process.exitCode ??= 1;
}
