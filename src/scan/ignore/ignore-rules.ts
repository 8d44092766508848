/**
 * Ignore rules: which findings a user has decided to leave aside, why, and until when. A finding that a
 * rule leaves aside is still reported, and does not count.
 */
import type { Finding, Suppression } from "../finding.ts";
import type { VexJustification } from "../vex/statement.ts";

export interface IgnoreRule {
  /** Vulnerabilities, by any of their names. */
  readonly ids: readonly string[];
  /** A package or an origin; absent where the rule holds for all. */
  readonly package?: string;
  /** "" where the format has no reasons. */
  readonly reason: string;
  /** The last day on which it holds, in UTC, such as 2026-12-31. */
  readonly expires?: string;
  /** With one, the rule says that the package is not affected, and VEX documents say so too. */
  readonly justification?: VexJustification;
  /** `available`: only as long as no repository has the fixed version. */
  readonly until?: "available";
  /** Where it stands, such as `bivy-ignore.yaml:3`. */
  readonly source: string;
}

export interface IgnoreRules {
  /** The file, as messages call it. */
  readonly subject: string;
  /** In the order of the file. */
  readonly rules: readonly IgnoreRule[];
  /** The same by each of their ids in upper case. */
  readonly byId: ReadonlyMap<string, readonly IgnoreRule[]>;
  /** What a reader should know of the file, though it can be used. */
  readonly problems: readonly string[];
}

/** The part of a finding by which rules are found. */
export type IgnorableFinding = Pick<Finding, "id" | "aliases" | "package" | "availability">;

export function ignoreRules(
  subject: string,
  rules: readonly IgnoreRule[],
  problems: readonly string[] = [],
): IgnoreRules {
  const byId = new Map<string, IgnoreRule[]>();
  for (const rule of rules)
    for (const id of new Set(rule.ids.map((each) => each.toUpperCase()))) {
      const list = byId.get(id);
      if (list === undefined) byId.set(id, [rule]);
      else list.push(rule);
    }
  return { subject, rules, byId, problems };
}

/** What the first rule that holds says; `time` is in seconds since 1970. */
export function applyIgnore(
  rules: IgnoreRules,
  finding: IgnorableFinding,
  time: number,
): Suppression | undefined {
  const rule = rulesFor(rules, finding).find(
    (each) => !hasExpired(each, time) && isWaiting(each, finding),
  );
  if (rule === undefined) return undefined;
  const { reason, source, expires, justification } = rule;
  return {
    by: "ignore-file",
    reason,
    source,
    ...(expires === undefined ? {} : { expires }),
    ...(justification === undefined ? {} : { justification }),
  };
}

/** Rules that would leave one of the findings aside, had they not expired. */
export function expiredRules(
  rules: IgnoreRules,
  findings: readonly IgnorableFinding[],
  time: number,
): readonly IgnoreRule[] {
  const used = usedRules(rules, findings);
  return rules.rules.filter((rule) => used.has(rule) && hasExpired(rule, time));
}

/** Rules that are about none of the findings, whether suppressed or not: mended, or misspelt. */
export function unusedRules(
  rules: IgnoreRules,
  findings: readonly IgnorableFinding[],
): readonly IgnoreRule[] {
  const used = usedRules(rules, findings);
  return rules.rules.filter((rule) => !used.has(rule));
}

function usedRules(
  rules: IgnoreRules,
  findings: readonly IgnorableFinding[],
): ReadonlySet<IgnoreRule> {
  return new Set(findings.flatMap((finding) => rulesFor(rules, finding)));
}

/** In the order of the ids, then of the file. */
function rulesFor(
  { byId }: IgnoreRules,
  { id, aliases, package: { name, origin } }: IgnorableFinding,
): readonly IgnoreRule[] {
  return [id, ...aliases]
    .flatMap((each) => byId.get(each.toUpperCase()) ?? [])
    .filter((rule) => rule.package === undefined || [name, origin].includes(rule.package));
}

const day = 86_400;

function hasExpired({ expires }: IgnoreRule, time: number): boolean {
  return expires !== undefined && time >= Date.parse(`${expires}T00:00:00Z`) / 1000 + day;
}

/** Where nobody looked whether the fix is there, a rule that waits for it does not hold. */
function isWaiting({ until }: IgnoreRule, { availability }: IgnorableFinding): boolean {
  return until === undefined || availability.state === "not-available";
}

/** Whether a text is a day of the calendar, such as 2026-12-31. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
