/**
 * CycloneDX 1.6, written as VEX: what a scan found, as vulnerabilities with an analysis
 * (https://cyclonedx.org/capabilities/vex). Packages are components by their purl, so that the
 * document needs no other.
 */
import type { Severity } from "../../advisory/index.ts";
import { formatCreated } from "../../oci/index.ts";
import { documentText, documentUuid } from "../../sbom/index.ts";
import type { Finding } from "../finding.ts";
import type { ScanReport } from "../report.ts";
import { claimsOf, imagePurlOf, type Claim, type VexOptions } from "./claims.ts";
import { justificationForCycloneDx } from "./justification.ts";
import type { VexStatus } from "./statement.ts";

/** The text of a document. The same report gives the same text; its id is made of its contents. */
export function writeCycloneDxVex(report: ScanReport, options: VexOptions = {}): string {
  const claims = claimsOf(report);
  const contents = {
    metadata: {
      timestamp: formatCreated(report.time),
      tools: { components: [{ type: "application", name: "bivy", version: report.version }] },
      authors: [{ name: options.author ?? "bivy" }],
      component: describeSubject(report, options.product),
    },
    components: describePackages(claims),
    vulnerabilities: claims.map(describe),
  };
  return documentText({
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${documentUuid(contents)}`,
    version: 1,
    ...contents,
  });
}

function describeSubject({ subject }: ScanReport, product: string | undefined): object {
  const { name, digest } = subject;
  const purl = product ?? imagePurlOf(subject);
  const isThisImage = digest !== undefined && (product === undefined || product.includes(digest));
  return {
    type: subject.kind === "root" ? "application" : "container",
    "bom-ref": "image",
    name,
    ...(isThisImage ? { version: digest } : {}),
    ...(purl === undefined ? {} : { purl }),
  };
}

function describePackages(claims: readonly Claim[]): readonly object[] {
  const packages = claims.flatMap((claim) => claim.packages);
  const byPurl = new Map(packages.map((each) => [each.purl, each]));
  return Array.from(byPurl.values(), ({ name, version, purl }) => ({
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
  }));
}

const states: Readonly<Record<VexStatus, string>> = {
  affected: "exploitable",
  not_affected: "not_affected",
  fixed: "resolved",
  under_investigation: "in_triage",
};

function describe(claim: Claim): object {
  const { id, aliases, packages, status, justification, notes, action, finding, isRejected } =
    claim;
  return {
    id,
    source: sourceOf(id),
    ...(aliases.length === 0
      ? {}
      : { references: aliases.map((alias) => ({ id: alias, source: sourceOf(alias) })) }),
    ...(finding?.severity === undefined ? {} : { ratings: [describeSeverity(finding.severity)] }),
    ...(action === undefined ? {} : { recommendation: action }),
    analysis: {
      state: isRejected ? "false_positive" : states[status],
      ...(justification === undefined
        ? {}
        : { justification: justificationForCycloneDx(justification) }),
      ...(action === undefined || finding?.remedy.kind === "wait" ? {} : { response: ["update"] }),
      ...(notes === "" ? {} : { detail: notes }),
    },
    affects: packages.map(({ purl }) => ({ ref: purl })),
    ...(finding === undefined ? {} : { properties: describeRisk(finding) }),
  };
}

function sourceOf(id: string): object {
  if (/^CVE-\d{4}-\d+$/.test(id))
    return { name: "NVD", url: `https://nvd.nist.gov/vuln/detail/${id}` };
  if (/^GHSA(?:-[0-9a-z]{4}){3}$/.test(id))
    return { name: "GitHub", url: `https://github.com/advisories/${id}` };
  return { name: id.split("-", 1)[0]! };
}

function describeSeverity({ score, level, vector, source }: Severity): object {
  const method = vector === undefined ? undefined : methodOf(vector);
  return {
    source: { name: source },
    score,
    severity: level,
    ...(method === undefined ? {} : { method }),
    ...(vector === undefined ? {} : { vector }),
  };
}

function methodOf(vector: string): string {
  if (vector.startsWith("CVSS:4.")) return "CVSSv4";
  if (vector.startsWith("CVSS:3.1/")) return "CVSSv31";
  if (vector.startsWith("CVSS:3.0/")) return "CVSSv3";
  return /^AV:[LAN]\/AC:/.test(vector) ? "CVSSv2" : "other";
}

/** What CycloneDX has no field for. */
function describeRisk({ fixed, risk, epss, kev }: Finding): readonly object[] {
  return [
    { name: "bivy:fixed", value: fixed },
    { name: "bivy:risk", value: String(risk.score) },
    ...(epss === undefined ? [] : [{ name: "bivy:epss", value: String(epss.probability) }]),
    ...(kev === undefined ? [] : [{ name: "bivy:kev", value: "true" }]),
  ];
}
