/**
 * Rebuilds: which images a newer database makes vulnerable, and in which order to rebuild them: by the
 * risk of the worst that is new, then by how much is new. An image that others are built on comes before
 * them, for their rebuild would bring it in again.
 */
import type { AdvisoryDatabase } from "../advisory/index.ts";
import { compareNames, isBivyError, type BivyError } from "../base/index.ts";
import type { Finding } from "./finding.ts";
import type { ScanReport } from "./report.ts";
import { scanSubject, type ScanOptions } from "./scan.ts";
import type { ScanSubject } from "./subject.ts";

export interface AffectedImage {
  readonly name: string;
  /** From 1: the order in which to rebuild. */
  readonly position: number;
  /** Of the worst new finding. */
  readonly risk: number;
  /** The findings that the older database did not give, by risk. */
  readonly added: readonly Finding[];
  /** Those that the newer one does not give any more. */
  readonly withdrawn: readonly Finding[];
  /** The images of the list that this one is built on. */
  readonly builtOn: readonly string[];
}

export interface RebuildPlan {
  /** Those with new findings, in the order in which to rebuild them. */
  readonly affected: readonly AffectedImage[];
  /** Those without. */
  readonly unaffected: readonly string[];
  /** Those that one of the databases has no advisories for, which is not "not affected". */
  readonly notJudged: readonly { readonly name: string; readonly reason: string }[];
}

/** What each subject is judged by are the findings of its scan with one database and with the other. */
export async function planRebuilds(
  subjects: readonly ScanSubject[],
  before: AdvisoryDatabase,
  after: AdvisoryDatabase,
  options: Omit<ScanOptions, "database" | "impact"> & {
    /** What the loss of a subject would mean; undefined for what its label says. */
    readonly impactOf?: (subject: ScanSubject) => number | undefined;
  },
): Promise<RebuildPlan> {
  const affected: Omit<AffectedImage, "position">[] = [];
  const unaffected: string[] = [];
  const notJudged: { name: string; reason: string }[] = [];
  for (const subject of subjects) {
    const impact = options.impactOf?.(subject);
    const own = { ...options, ...(impact === undefined ? {} : { impact }) };
    const judge = (database: AdvisoryDatabase) => scanSubject(subject, { ...own, database });
    const reports = await tryEach([before, after], judge);
    if (isBivyError(reports)) {
      notJudged.push({ name: subject.name, reason: reports.message });
      continue;
    }
    const [old, now] = reports as [ScanReport, ScanReport];
    const added = notIn(now.findings, old.findings);
    if (added.length === 0) {
      unaffected.push(subject.name);
      continue;
    }
    affected.push({
      name: subject.name,
      risk: added[0]!.risk.score,
      added,
      withdrawn: notIn(old.findings, now.findings),
      builtOn: basesOf(subject, subjects),
    });
  }
  return { affected: inOrder(affected), unaffected: unaffected.sort(compareNames), notJudged };
}

/** The results; or the error that says that there is nothing to judge by. */
async function tryEach<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[] | BivyError> {
  const results: R[] = [];
  for (const item of items)
    try {
      results.push(await work(item));
    } catch (error) {
      if (isBivyError(error, "advisories-missing", "nothing-to-scan")) return error;
      throw error;
    }
  return results;
}

/** By the row of secdb too: a vulnerability that is fixed once more is a new one. */
function notIn(findings: readonly Finding[], others: readonly Finding[]): readonly Finding[] {
  const known = new Set(others.map(rowKey));
  return findings.filter((finding) => !known.has(rowKey(finding)));
}

function rowKey({ id, package: { name }, fixed }: Finding): string {
  return `${id} ${name} ${fixed}`;
}

/** The images whose layers are the lower ones of this image. */
function basesOf(subject: ScanSubject, all: readonly ScanSubject[]): readonly string[] {
  const own = subject.layers.map(({ diffId }) => diffId);
  return all
    .filter(({ layers }) => {
      const isShorter = layers.length > 0 && layers.length < own.length;
      return (
        isShorter && layers.every(({ diffId }, at) => diffId !== undefined && diffId === own[at])
      );
    })
    .map(({ name }) => name);
}

/** By risk, but each after the bases that it is built on. */
function inOrder(images: readonly Omit<AffectedImage, "position">[]): readonly AffectedImage[] {
  const byRisk = [...images].sort(
    (a, b) => b.risk - a.risk || b.added.length - a.added.length || compareNames(a.name, b.name),
  );
  const byName = new Map(byRisk.map((image) => [image.name, image]));
  const ordered = new Set<Omit<AffectedImage, "position">>();
  for (const image of byRisk) {
    // Fewer layers first: bases are prefixes of each other, so there are no circles.
    const bases = image.builtOn
      .map((name) => byName.get(name))
      .filter((base) => base !== undefined)
      .sort((a, b) => a.builtOn.length - b.builtOn.length);
    for (const each of [...bases, image]) ordered.add(each);
  }
  return Array.from(ordered, (image, at) => ({ ...image, position: at + 1 }));
}
