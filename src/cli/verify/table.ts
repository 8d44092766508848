/** A verify report as text: the counts, then the findings, the most serious first, then a verdict. */
import { findingKinds, summarize } from "../../verify/index.ts";
import type { Finding, FindingKind, VerifyReport, VerifySummary } from "../../verify/index.ts";
import type { Verdict } from "../../sign/index.ts";
import { countOf } from "../term/progress.ts";
import { printable } from "../term/streams.ts";
import { layerText } from "./layer-text.ts";
import { placesOf } from "./places.ts";
import { wrapText } from "./wrap.ts";

const titles: Readonly<Record<FindingKind, string>> = {
  replaced: "REPLACED PACKAGES",
  forged: "EDITED IN THE DATABASE",
  changed: "CHANGED",
  missing: "MISSING",
  "impostor-key": "KEYS UNDER THE NAME OF ONE OF ALPINE'S",
  "unknown-key": "UNKNOWN KEYS",
  unsigned: "NOT SIGNED",
  unowned: "OF NO PACKAGE",
  unprovable: "WITHOUT A CHECKSUM",
  outdated: "PACKAGES NOT IN THE INDEX ANY MORE",
  unknown: "UNKNOWN PACKAGES",
  unproven: "PACKAGES NOT PROVEN",
  setuid: "SET-USER-ID AND SET-GROUP-ID PROGRAMS",
  capabilities: "FILES WITH CAPABILITIES",
  device: "DEVICES",
  "world-writable": "WRITABLE BY ANYBODY",
  "foreign-repository": "REPOSITORIES THAT ARE NOT ALPINE'S",
  "plain-http": "REPOSITORIES WITHOUT TLS",
};

/** Lines of a section unless all are asked for. */
const mostLines = 10;

/** `failing` is how many findings are of the kinds that the check fails on. */
export function formatFindings(report: VerifyReport, all: boolean, failing: number): string {
  const byKind = Map.groupBy(report.findings, ({ kind }) => kind);
  return [
    formatSummary(report, summarize(report)),
    formatSignatures(report),
    formatRepositories(report),
    ...findingKinds.map((kind) =>
      formatSection(kind, byKind.get(kind) ?? [], report, all ? Infinity : mostLines),
    ),
    formatHarmless(report),
    formatNotes(report.notes, all),
    formatVerdict(report, failing),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function formatSummary(report: VerifyReport, summary: VerifySummary): string {
  const { subject, digest, distribution, archs, layers } = report;
  const system =
    distribution && [distribution.name, distribution.version].filter(Boolean).join(" ");
  const facts = [system, ...archs, countOf(layers.length, "layer"), digest].filter(Boolean);
  const rows: [string, string][] = [
    ["packages", describeCounts(summary.packages, {})],
    ["files", describeCounts(summary.files, {})],
    ["keys", describeCounts(summary.keys, keyWords)],
  ];
  return [
    printable(subject),
    ...wrapText(printable(facts.join(", ")), 0),
    "",
    ...rows.map(([name, text]) => `${name.padEnd(12)}${text}`),
  ].join("\n");
}

const keyWords: Readonly<Partial<Record<string, string>>> = {
  alpine: "of Alpine",
  named: "named by you",
  packaged: "of proven packages",
  impostor: "under the name of one of Alpine's",
};

function describeCounts(
  counts: Readonly<Partial<Record<string, number>>>,
  words: Readonly<Partial<Record<string, string>>>,
): string {
  const present = Object.entries(counts).map(([state, count = 0]) => ({ state, count }));
  const total = present.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return "none";
  return `${total}: ${present.map(({ state, count }) => `${count} ${words[state] ?? state}`).join(", ")}`;
}

function formatSignatures({ signatures: report }: VerifyReport): string {
  if (report === undefined) return "";
  const { signatures, attestations } = report;
  const lines = [...signatures, ...attestations].flatMap(({ source, verdict, predicateType }) => [
    `  ${printable(source)}`,
    ...wrapText(printable([predicateType, describeVerdict(verdict)].filter(Boolean).join(": ")), 6),
  ]);
  return lines.length === 0 ? "" : ["SIGNATURES AND ATTESTATIONS", ...lines].join("\n");
}

function describeVerdict(verdict: Verdict): string {
  switch (verdict.status) {
    case "valid": {
      const { signer } = verdict;
      return signer.kind === "key"
        ? `valid, by the key ${signer.name}`
        : `valid, by ${signer.identity} of ${signer.issuer}`;
    }
    case "invalid":
      return `not valid: ${verdict.reason}`;
    case "unchecked":
      return "not checked";
  }
}

function formatRepositories({ repositories }: VerifyReport): string {
  if (repositories.length === 0) return "";
  const lines = repositories.flatMap((repository) => {
    const { url, tag, kind, named } = repository;
    const whose = named === "by-user" ? "named by you" : whoseRepository[kind];
    return [
      `  ${printable(tag === undefined ? url : `@${tag} ${url}`)}`,
      ...wrapText(printable([whose, ...describeIndexes(repository)].join("; ")), 6),
    ];
  });
  return ["REPOSITORIES", ...lines].join("\n");
}

const whoseRepository = {
  alpine: "Alpine's",
  mirror: "has the form of a mirror of Alpine's",
  other: "not Alpine's",
  image: "a folder inside the image",
} as const;

function describeIndexes({ indexes }: VerifyReport["repositories"][number]): string[] {
  if (indexes.length === 0) return ["not asked"];
  return indexes.map(({ arch, packages = 0, key, failure }) =>
    failure === undefined
      ? `${countOf(packages, "package")} for ${arch}, signed by ${key}`
      : `not read: ${failure}`,
  );
}

/** Findings that say the same stand together, above what they say. */
function formatSection(
  kind: FindingKind,
  findings: readonly Finding[],
  report: VerifyReport,
  most: number,
): string {
  if (findings.length === 0) return "";
  const places = kind === "unowned" ? placesOf(findings, report) : findings;
  const shown = places.slice(0, most);
  const lines: string[] = [];
  for (const [text, group] of Map.groupBy(shown, (finding) => describeFinding(finding, report))) {
    const subjects = group.map(({ subject }) => printable(subject));
    if (packageKinds.has(kind)) lines.push(...wrapText(subjects.join(", "), 2));
    else lines.push(...subjects.map((subject) => `  ${subject}`));
    if (text !== "") lines.push(...wrapText(printable(text), 6));
  }
  const more = places.length - shown.length;
  if (more > 0) lines.push(`  … and ${more} more (--all shows them)`);
  return [`${titles[kind]} (${findings.length})`, ...lines].join("\n");
}

/** Their subjects are short names. */
const packageKinds: ReadonlySet<FindingKind> = new Set(["outdated", "unknown", "unproven"]);

/** Changes that need nobody's attention, because it is proven what they are. */
function formatHarmless({ files }: VerifyReport): string {
  const harmless = files.filter(({ explanation }) => explanation?.harmless === true);
  if (harmless.length === 0) return "";
  return [
    `CHANGED, AND PROVEN HARMLESS (${harmless.length})`,
    ...harmless.flatMap(({ path, explanation }) => [
      `  ${printable(path)}`,
      ...wrapText(printable(explanation!.text), 6),
    ]),
  ].join("\n");
}

function describeFinding({ text, layer }: Finding, report: VerifyReport): string {
  if (layer === undefined || report.layers.length < 2) return text;
  const where = layerText(layer, report);
  return text === "" ? where : `${text}; ${where}`;
}

function formatNotes(notes: readonly string[], all: boolean): string {
  if (notes.length === 0) return "";
  const shown = all ? notes : notes.slice(0, mostLines);
  const more = notes.length - shown.length;
  return [
    "NOTES",
    ...shown.flatMap((note) => wrapText(printable(note), 2)),
    ...(more > 0 ? [`  … and ${more} more (--all shows them)`] : []),
  ].join("\n");
}

/** Kinds that say that something is not as its package or its name promises. */
const serious: ReadonlySet<FindingKind> = new Set([
  "replaced",
  "forged",
  "changed",
  "missing",
  "impostor-key",
  "unknown-key",
  "unsigned",
]);

function formatVerdict({ findings, packages }: VerifyReport, failing: number): string {
  const count = (chosen: (finding: Finding) => boolean) => findings.filter(chosen).length;
  const configured = count(
    ({ configuration, kind }) => kind === "changed" && configuration === true,
  );
  const wrong = count(({ kind }) => serious.has(kind)) - configured;
  const unowned = count(({ kind }) => kind === "unowned");
  const unprovable = count(({ kind }) => kind === "unprovable");
  const unproven = packages.filter(({ state }) => state !== "proven" && state !== "virtual").length;
  const open = [
    ...(configured === 0 ? [] : [`${countOf(configured, "configuration file")} changed`]),
    ...(unowned === 0 ? [] : [`${countOf(unowned, "file")} of no package`]),
    ...(unprovable === 0 ? [] : [`${countOf(unprovable, "file")} without a checksum`]),
  ];
  const files = [
    ...(wrong === 0 ? [] : [`${countOf(wrong, "thing")} not as promised`]),
    ...open,
  ].join(", ");
  return [
    ...wrapText(
      files === "" ? "Every file is accounted for." : `${files}; all else is accounted for.`,
      0,
    ),
    unproven === 0 ? "Every package is proven." : `${countOf(unproven, "package")} not proven.`,
    ...(unproven === packages.length && unproven > 0
      ? ["To prove them: --repository URL, --lock FILE or --packages DIR."]
      : []),
    ...(failing === 0
      ? []
      : [`Failed: ${countOf(failing, "finding")} of the kinds that it is to fail on.`]),
  ].join("\n");
}
