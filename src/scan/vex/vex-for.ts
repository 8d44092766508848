/**
 * What VEX documents say about a finding: the newest statement about it counts. Of those of one time,
 * the one that names the package more closely counts (its name before its origin, and that before the
 * whole image), then the later one. So a later `affected` takes an earlier `not_affected` back.
 */
import type { Finding, Suppression, VexRemark } from "../finding.ts";
import type { Judgement } from "../suppress.ts";
import { closeness, productFit, type Closeness, type VexSubject } from "./fit.ts";
import type { VexDocument, VexStatement } from "./statement.ts";

/** The part of a finding by which statements are found. */
export type VexFinding = Pick<Finding, "id" | "aliases" | "package">;

/**
 * `not_affected` and `fixed` suppress, `affected` and `under_investigation` are remarked. A statement
 * without a time is older than any other.
 */
export function vexFor(
  documents: readonly VexDocument[],
  finding: VexFinding,
  subject: VexSubject,
): Judgement {
  let best: { readonly statement: VexStatement; readonly fit: Closeness } | undefined;
  for (const found of statementsAbout(documents, finding, subject))
    if (best === undefined || outweighs(found, best)) best = found;
  if (best === undefined) return {};
  const { status, text, source, justification } = best.statement;
  if (status === "affected" || status === "under_investigation")
    return { vex: { status, text, source } satisfies VexRemark };
  return {
    suppression: {
      by: "vex",
      status,
      reason: text,
      source,
      ...(justification === undefined ? {} : { justification }),
    } satisfies Suppression,
  };
}

interface Found {
  readonly statement: VexStatement;
  readonly fit: Closeness;
}

function outweighs(later: Found, earlier: Found): boolean {
  const ages = [later, earlier].map(({ statement: { time } }) => time ?? -Infinity);
  if (ages[0] !== ages[1]) return ages[0]! > ages[1]!;
  return later.fit >= earlier.fit;
}

function* statementsAbout(
  documents: readonly VexDocument[],
  { id, aliases, package: each }: VexFinding,
  subject: VexSubject,
): Generator<Found> {
  const ids = new Set([id, ...aliases].map((name) => name.toUpperCase()));
  for (const { byId } of documents) {
    const seen = new Set<VexStatement>();
    for (const name of ids) for (const statement of byId.get(name) ?? []) seen.add(statement);
    // Those that are found by several ids are not in the order of the document.
    for (const statement of [...seen].sort((a, b) => a.position - b.position)) {
      const fit = closestFit(statement, each, subject);
      if (fit !== closeness.none) yield { statement, fit };
    }
  }
}

function closestFit(
  { products }: VexStatement,
  each: VexFinding["package"],
  subject: VexSubject,
): Closeness {
  let best: Closeness = closeness.none;
  for (const product of products) {
    const fit = productFit(product, each, subject);
    if (fit > best) best = fit;
    if (best === closeness.package) break;
  }
  return best;
}

/**
 * The statements that concern none of the findings, whether suppressed or not: what they name is not
 * there, is mended, or is misspelt.
 */
export function unusedStatements(
  documents: readonly VexDocument[],
  findings: readonly VexFinding[],
  subject: VexSubject,
): readonly VexStatement[] {
  const used = new Set<VexStatement>();
  for (const finding of findings)
    for (const { statement } of statementsAbout(documents, finding, subject)) used.add(statement);
  return documents.flatMap(({ statements }) => statements.filter((each) => !used.has(each)));
}
