/** Finding facts: all that a finding carries, as names and sentences, for whoever looks into one. */
import type { Finding } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { remedyCommand } from "./next-steps.ts";
import { shownName, shownProse } from "./shown-text.ts";

export interface Fact {
  readonly name: string;
  /** On one line, and without what would not show. */
  readonly text: string;
}

/** Those that are known, and of those that matter that they are not. */
export function findingFacts(finding: Finding, report: ScanReport): readonly Fact[] {
  const { aliases, package: each, fixed, branch, repository, firstSeen, remedy } = finding;
  const command = remedyCommand(remedy);
  const facts: (readonly [string, string | undefined])[] = [
    ["also known as", aliases.length === 0 ? undefined : aliases.join(", ")],
    ["package", `${each.name} ${each.version}${each.arch === undefined ? "" : ` (${each.arch})`}`],
    ["origin", each.origin === each.name ? undefined : each.origin],
    ["fixed in", fixed],
    ["rests on", `Alpine's advisories for ${branch}, ${repository}, row ${each.origin}`],
    ["fix available", availabilityText(finding)],
    ["severity", severityText(finding)],
    ["EPSS", epssText(finding)],
    ["exploited", kevText(finding)],
    ["risk", riskText(finding)],
    ["layer", layerText(finding, report)],
    ["required by", pathText(finding)],
    ["installed from", originText(finding)],
    ["known here since", firstSeen],
    ["VEX", vexText(finding)],
    ["suppressed", suppressionText(finding)],
    ["remedy", shownProse(remedy.text)],
    ["command", command],
  ];
  return facts
    .filter((fact): fact is readonly [string, string] => fact[1] !== undefined)
    .map(([name, text]) => ({ name, text: shownName(text) }));
}

function availabilityText({ availability }: Finding): string {
  const { state, version, repository, reason } = availability;
  const has = version === undefined ? "has no version of it" : `has ${version}`;
  if (state === "unknown") return `not known: ${shownProse(reason ?? "no index was looked into")}`;
  const where = repository === undefined ? "the repository" : repository;
  return state === "available" ? `yes: ${where} ${has}` : `not yet: ${where} ${has}`;
}

function severityText({ severity }: Finding): string {
  if (severity === undefined) return "not known: nobody has scored it";
  const { level, score, source, vector } = severity;
  return `${level}, ${score.toFixed(1)} by ${source}${vector === undefined ? "" : `, ${vector}`}`;
}

/** A part of one in percent, so that small ones differ from none. */
export function percent(part: number): string {
  const share = 100 * part;
  if (share === 0 || share >= 9.95) return `${Math.round(share)}%`;
  return share < 0.1 ? "<0.1%" : `${share.toFixed(1)}%`;
}

function epssText({ epss }: Finding): string {
  if (epss === undefined) return "not known";
  return `${percent(epss.probability)} likely to be exploited within 30 days, at least as likely as ${percent(epss.percentile)} of all`;
}

function kevText({ kev }: Finding): string | undefined {
  if (kev === undefined) return undefined;
  const due = kev.due === undefined ? "" : `, to be mended by ${kev.due}`;
  return `yes: in CISA's catalog since ${kev.added}${due}${kev.ransomware ? ", used for ransomware" : ""}`;
}

function riskText({ risk }: Finding): string {
  const { score, severity, exploitability, impact, assumed } = risk;
  const note = assumed.length === 0 ? "" : `; assumed, as no feed tells: ${assumed.join(", ")}`;
  return `${score.toFixed(1)} of 100: severity ${severity} × exploitability ${exploitability} × impact ${impact}${note}`;
}

function layerText({ package: { layer } }: Finding, { subject }: ScanReport): string | undefined {
  if (layer === undefined) return undefined;
  const { createdBy, diffId } = subject.layers[layer] ?? {};
  const by = createdBy ?? diffId;
  return `${layer + 1} of ${subject.layers.length}${by === undefined ? "" : `: ${shownProse(by)}`}`;
}

function pathText({ package: { inWorld, path } }: Finding): string | undefined {
  if (inWorld === true) return "nothing: world names it";
  if (path !== undefined && path.length > 1) return path.join(" → ");
  return inWorld === false ? "nothing that is installed" : undefined;
}

function originText({ package: { repository } }: Finding): string | undefined {
  if (repository === undefined) return undefined;
  const { branch, name, url, evidence } = repository;
  const grounds = {
    tag: "by its tag",
    "only-branch": "the only branch of etc/apk/repositories",
    index: "its index has this build",
  }[evidence];
  return `${url ?? [branch, name].filter(Boolean).join(" ")} (${grounds})`;
}

function vexText({ vex }: Finding): string | undefined {
  if (vex === undefined) return undefined;
  return `${vex.status.replaceAll("_", " ")}: ${shownProse(vex.text)} (${vex.source})`;
}

/** Why a finding does not count, in one line. */
export function suppressionText({ suppression }: Finding): string | undefined {
  if (suppression === undefined) return undefined;
  const { by, reason, source, expires, justification } = suppression;
  const who = { "ignore-file": "by an ignore rule", vex: "by VEX", rejection: "by Alpine" }[by];
  return shownName(
    [
      `${who}: ${shownProse(reason).replace(/[.;]+$/, "") || "no reason given"}`,
      ...(justification === undefined ? [] : [justification.replaceAll("_", " ")]),
      ...(expires === undefined ? [] : [`until ${expires}`]),
      source,
    ].join("; "),
  );
}

/** Where a package is, in a few words, such as `layer 2, via curl`. */
export function shortPlace({ package: each }: Finding, { subject }: ScanReport): string {
  const { layer, inWorld, path } = each;
  const place = [
    ...(layer === undefined || subject.layers.length < 2 ? [] : [`layer ${layer + 1}`]),
    ...(inWorld === true ? ["world"] : []),
    ...(inWorld !== true && path !== undefined && path.length > 1 ? [`via ${path[0]!}`] : []),
  ];
  return shownName(place.join(", "));
}
