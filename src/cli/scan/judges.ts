/** Judges: the ignore file and the VEX documents that a scan goes by, and what is to be said of them. */
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { readUserFile } from "../../base/index.ts";
import type {
  Finding,
  IgnoreRules,
  Judgement,
  ScanReport,
  ScanSubject,
  VexDocument,
} from "../../scan/index.ts";
import { collect, type Session } from "../session.ts";
import { countOf } from "../term/quantity.ts";

export interface JudgeFlags {
  readonly ignoreFile?: readonly string[];
  readonly vex?: readonly string[];
}

/** Taken where it lies in the folder that the command runs in. */
const usualIgnoreFiles = ["bivy-ignore.yaml", ".trivyignore"];

export function addJudgeFlags(command: Command): Command {
  return command
    .option(
      "--ignore-file <FILE>",
      `findings that do not count, with reasons (may be repeated; default: ${usualIgnoreFiles.join(" or ")} if it is here)`,
      collect,
    )
    .option(
      "--vex <FILE>",
      "what others state about findings: OpenVEX, CSAF or CycloneDX (may be repeated)",
      collect,
    );
}

export interface Judges {
  judge(finding: Finding, subject: ScanSubject): Judgement;
  /** What the user should know about the files, once all reports are made: rules that expired or did nothing. */
  remarks(reports: readonly ScanReport[]): readonly string[];
}

/** `time` is in seconds since 1970: what has expired then does not count. */
export async function judgesOf(
  flags: JudgeFlags,
  time: number,
  { limits }: Session,
): Promise<Judges> {
  const ignorePaths = flags.ignoreFile ?? (await usualFiles());
  const vexPaths = flags.vex ?? [];
  if (ignorePaths.length === 0 && vexPaths.length === 0)
    return { judge: () => ({}), remarks: () => [] };
  const scan = await import("../../scan/index.ts");
  const rules: IgnoreRules[] = [];
  for (const path of ignorePaths)
    rules.push(await scan.parseIgnoreFile(await readUserFile(path), path, limits));
  const documents: VexDocument[] = [];
  for (const path of vexPaths)
    documents.push(scan.parseVex(await readUserFile(path), path, limits));
  return {
    judge(finding, subject) {
      const said = scan.vexFor(documents, finding, subject);
      for (const each of rules) {
        const suppression = scan.applyIgnore(each, finding, time);
        if (suppression !== undefined) return { ...said, suppression };
      }
      return said;
    },
    remarks(reports) {
      const findings = reports.flatMap((report) => [...report.findings, ...report.suppressed]);
      const problems = [...rules, ...documents].flatMap((each) => each.problems);
      const expired = rules.flatMap((each) => scan.expiredRules(each, findings, time));
      const unused = rules.flatMap((each) => scan.unusedRules(each, findings));
      const stated = documents.flatMap((document) => {
        const used = reports.some(
          ({ subject, findings: own, suppressed }) =>
            scan.unusedStatements([document], [...own, ...suppressed], subject).length <
            document.statements.length,
        );
        return used || document.statements.length === 0 ? [] : [document];
      });
      return [
        ...problems,
        ...expired.map(
          ({ source, ids, expires }) =>
            `${source}: ${ids.join(", ")}: this has expired on ${expires}, and counts again`,
        ),
        ...unused.map(({ source, ids }) => `${source}: ${ids.join(", ")}: nothing here has it`),
        ...stated.map(
          ({ subject, statements }) =>
            `${subject}: none of its ${countOf(statements.length, "statement")} is about anything found here`,
        ),
      ];
    },
  };
}

async function usualFiles(): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of usualIgnoreFiles)
    if ((await stat(name).catch(() => undefined))?.isFile() === true) found.push(name);
  return found;
}
