/** OpenVEX 0.2.0, written: what a scan found, as statements (https://github.com/openvex/spec). */
import { formatCreated } from "../../oci/index.ts";
import { documentText, documentUuid } from "../../sbom/index.ts";
import type { ScanReport } from "../report.ts";
import { claimsOf, imagePurlOf, type Claim, type VexOptions } from "./claims.ts";

/**
 * The text of a document. The same report gives the same text; its id is made of its contents.
 *
 * The statements are about packages as parts of the image: that a package is not affected in one image
 * says nothing about another.
 */
export function writeOpenVex(report: ScanReport, options: VexOptions = {}): string {
  const product = options.product ?? imagePurlOf(report.subject);
  const contents = {
    author: options.author ?? "bivy",
    timestamp: formatCreated(report.time),
    version: 1,
    tooling: `bivy ${report.version}`,
    statements: claimsOf(report).map((claim) => describe(claim, product, report)),
  };
  return documentText({
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": `urn:uuid:${documentUuid(contents)}`,
    ...contents,
  });
}

function describe(claim: Claim, product: string | undefined, report: ScanReport): object {
  const { id, aliases, packages, status, justification, notes, action } = claim;
  const components = packages.map(({ purl }) => component(purl));
  return {
    vulnerability: {
      name: id,
      ...(aliases.length === 0 ? {} : { aliases: [...new Set(aliases)] }),
    },
    products:
      product === undefined
        ? components
        : [{ ...imageComponent(product, report), subcomponents: components }],
    status,
    ...(justification === undefined ? {} : { justification }),
    ...(status === "not_affected"
      ? { impact_statement: notes }
      : notes === ""
        ? {}
        : { status_notes: notes }),
    ...(action === undefined ? {} : { action_statement: action }),
  };
}

function component(purl: string): object {
  return { "@id": purl, identifiers: { purl } };
}

function imageComponent(purl: string, { subject: { digest } }: ScanReport): object {
  // A product that the user names may be more than this one image.
  return digest === undefined || !purl.includes(digest)
    ? component(purl)
    : { ...component(purl), hashes: { "sha-256": digest.slice("sha256:".length) } };
}
