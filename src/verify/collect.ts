/** Collecting: the findings that follow from the parts of a report. */
import { findingKinds, type Finding, type FindingKind } from "./findings.ts";
import type {
  FileReport,
  KeyReport,
  PackageReport,
  RepositoryReport,
  SpecialFile,
  SpecialKind,
  VerifyReport,
} from "./report.ts";

/** The most serious first; within a kind in the order of the report. */
export function collectFindings(report: Omit<VerifyReport, "findings">): Finding[] {
  const findings = [
    ...report.packages.flatMap(ofPackage),
    ...report.files.flatMap(ofFile),
    ...report.keys.flatMap(ofKey),
    ...ofSignatures(report),
    ...report.special.flatMap(ofSpecial),
    ...report.repositories.flatMap(ofRepository),
  ];
  return findings.toSorted((a, b) => rankOf(a) - rankOf(b));
}

function rankOf({ kind }: Finding): number {
  return findingKinds.indexOf(kind);
}

function ofPackage(subject: PackageReport): Finding[] {
  const { name, version, state, reason, layer, contents } = subject;
  const label = `${name}-${version}`;
  const findings: Finding[] = (contents?.differences ?? []).map(({ path, text }) => ({
    kind: "forged",
    subject: path,
    text: `${label}: ${text}`,
    layer,
  }));
  if (state !== "proven" && state !== "virtual")
    findings.push({ kind: state, subject: label, text: reason ?? "", layer });
  else if (contents?.state === "absent")
    findings.push({
      kind: "unproven",
      subject: label,
      text: `its contents could not be compared: ${contents.reason}`,
      layer,
    });
  return findings;
}

function ofFile(file: FileReport): Finding[] {
  const kind = kindOf(file);
  if (kind === undefined) return [];
  const { path, layer, configuration } = file;
  return [
    {
      kind,
      subject: path,
      text: describeFile(file),
      ...(layer === undefined ? {} : { layer }),
      ...(configuration === undefined ? {} : { configuration }),
    },
  ];
}

function kindOf({ state, explanation }: FileReport): FindingKind | undefined {
  switch (state) {
    case "changed":
      return explanation?.harmless === true ? undefined : state;
    case "missing":
    case "unowned":
    case "unprovable":
      return state;
    default:
      return undefined;
  }
}

function describeFile({ package: owner, differences, explanation, reason }: FileReport): string {
  const aspects = differences?.map(({ aspect, expected, found }) =>
    aspect === "content" || aspect === "target" || aspect === "xattrs"
      ? aspect
      : `${aspect} ${found} instead of ${expected}`,
  );
  return [
    ...(owner === undefined ? [] : [`of ${owner}`]),
    ...(aspects === undefined ? [] : [aspects.join(", ")]),
    ...(explanation === undefined ? [] : [explanation.text]),
    ...(reason === undefined ? [] : [reason]),
  ].join(": ");
}

function ofKey({ path, state, trusted, layer }: KeyReport): Finding[] {
  // apk does not look at those that are only kept.
  if (!trusted || (state !== "impostor" && state !== "unknown")) return [];
  return [
    {
      ...(state === "impostor"
        ? { kind: "impostor-key", text: "has the name of one of Alpine's keys, and is another key" }
        : { kind: "unknown-key", text: "apk here trusts it, and nothing says whose it is" }),
      subject: path,
      ...(layer === undefined ? {} : { layer }),
    },
  ];
}

function ofSignatures({
  signatures: report,
  subject,
}: Pick<VerifyReport, "signatures" | "subject">): Finding[] {
  if (report === undefined) return [];
  const { signatures } = report;
  if (signatures.some(({ verdict }) => verdict.status === "valid")) return [];
  const reasons = signatures.map(({ source, verdict }) =>
    verdict.status === "invalid"
      ? `${source}: ${verdict.reason}`
      : `${source}: there is no key or identity to check it by`,
  );
  return [{ kind: "unsigned", subject, text: reasons.join("; ") || "nobody has signed it" }];
}

const kindsOfSpecial: Readonly<Record<SpecialKind, FindingKind>> = {
  "set-user-id": "setuid",
  "set-group-id": "setuid",
  capabilities: "capabilities",
  device: "device",
  "world-writable": "world-writable",
};

function ofSpecial(file: SpecialFile): Finding[] {
  const { path, kinds, expected, layer, mode, uid, gid, state } = file;
  if (expected === true) return [];
  const owner = file.package === undefined ? "of no package" : `of ${file.package}, ${state}`;
  return [...new Set(kinds.map((kind) => kindsOfSpecial[kind]))].map((kind) => ({
    kind,
    subject: path,
    text: `${owner}, mode ${mode.toString(8).padStart(4, "0")}, owner ${uid}:${gid}`,
    ...(layer === undefined ? {} : { layer }),
  }));
}

function ofRepository({ url, kind, transport, named }: RepositoryReport): Finding[] {
  if (named === "by-user") return [];
  return [
    ...(kind === "other" || kind === "image"
      ? [{ kind: "foreign-repository" as const, subject: url, text: "not one of Alpine's" }]
      : []),
    ...(transport === "http"
      ? [{ kind: "plain-http" as const, subject: url, text: "its address is http, without TLS" }]
      : []),
  ];
}
