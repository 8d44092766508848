/** Judging: what ignore files and VEX documents say about the findings of a scan, together. */
import { applyIgnore, expiredRules, unusedRules, type IgnoreRules } from "./ignore-rules.ts";
import { quote } from "./quote.ts";
import type { ScanReport, ScanWarning } from "./report.ts";
import type { ScanOptions } from "./scan.ts";
import type { VexDocument } from "./vex/statement.ts";
import { unusedStatements, vexFor } from "./vex/vex-for.ts";

export interface Exceptions {
  readonly ignore: readonly IgnoreRules[];
  /** Of two of the same time the later counts. */
  readonly vex: readonly VexDocument[];
}

/**
 * The option `judge` of a scan. The ignore file comes first, since who scans wrote it; what VEX remarks
 * is kept beside it. `time` is in seconds since 1970.
 */
export function judgeBy(
  { ignore, vex }: Exceptions,
  time: number,
): NonNullable<ScanOptions["judge"]> {
  return (finding, subject) => {
    const said = vexFor(vex, finding, subject);
    for (const rules of ignore) {
      const suppression = applyIgnore(rules, finding, time);
      if (suppression !== undefined) return { ...said, suppression };
    }
    return said;
  };
}

/** What is wrong with the files, and what in them does nothing for this report, as its warnings. */
export function* exceptionWarnings(
  { ignore, vex }: Exceptions,
  report: Pick<ScanReport, "findings" | "suppressed" | "subject" | "time">,
): Generator<ScanWarning> {
  const findings = [...report.findings, ...report.suppressed];
  for (const rules of ignore) {
    for (const text of rules.problems) yield { code: "ignore-file", text };
    for (const { ids, source, expires } of expiredRules(rules, findings, report.time))
      yield {
        code: "expired-ignore",
        text: `${source}: the rule for ${ids.join(", ")} has expired; its last day was ${expires}`,
        hint: "Look at it again: mend it, or set another day.",
      };
    for (const { ids, source } of unusedRules(rules, findings))
      yield {
        code: "unused-ignore",
        text: `${source}: no finding is ${ids.join(", ")}`,
        hint: "It is mended, or misspelt.",
      };
  }
  for (const { problems } of vex) for (const text of problems) yield { code: "vex", text };
  const unused = unusedStatements(vex, findings, report.subject);
  for (const [source, statements] of Map.groupBy(unused, (each) => each.source))
    yield {
      code: "unused-vex",
      text: `${source}: ${statements.length === 1 ? "a statement concerns" : `${statements.length} statements concern`} no finding, such as that about ${quote(statements[0]!.ids[0]!)}`,
    };
}
