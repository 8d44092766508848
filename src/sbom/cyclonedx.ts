/** CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json): a bill of materials as a document in JSON. */
import type { Inventory } from "../inventory/index.ts";
import { formatCreated } from "../oci/index.ts";
import {
  billOf,
  type BillDistribution,
  type BillPackage,
  type BillSubject,
  type Maintainer,
  type SbomOptions,
} from "./bill.ts";
import { documentText, documentUuid } from "./document.ts";
import type { LicenseStatement } from "./license.ts";

/** The text of a CycloneDX document about an image or root; the same inventory gives the same text. */
export function writeCycloneDx(inventory: Inventory, options: SbomOptions): string {
  const { subject, distribution, packages } = billOf(inventory, options);
  const contents = {
    metadata: {
      timestamp: formatCreated(options.time),
      tools: { components: [{ type: "application", name: "bivy", version: options.version }] },
      component: describeSubject(subject),
    },
    components: [
      ...(distribution === undefined ? [] : [describeDistribution(distribution)]),
      ...packages.map(describePackage),
    ],
    dependencies: [subject, ...packages].map(({ id, dependsOn }) => ({ ref: id, dependsOn })),
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

function describeSubject({ id, name, digest, purl }: BillSubject): object {
  return {
    type: digest === undefined ? "application" : "container",
    "bom-ref": id,
    name,
    ...(digest === undefined
      ? {}
      : {
          version: digest,
          hashes: [{ alg: "SHA-256", content: digest.slice("sha256:".length) }],
        }),
    ...(purl === undefined ? {} : { purl }),
  };
}

function describeDistribution({ id, name, version }: BillDistribution): object {
  return {
    type: "operating-system",
    "bom-ref": id,
    name,
    ...(version === undefined ? {} : { version }),
  };
}

const hashNames = { sha1: "SHA-1", sha256: "SHA-256" } as const;

function describePackage(each: BillPackage): object {
  const { id, installed, purl, license, checksum, maintainer, homepage } = each;
  const { name, version, description, origin } = installed;
  const properties = [
    ...(origin === "" ? [] : [{ name: "bivy:apk:origin", value: origin }]),
    // A hash counts as that of the file, which apk's identity is not.
    ...(checksum === undefined ? [] : [{ name: "bivy:apk:hash-of", value: "control section" }]),
  ];
  return {
    type: "library",
    "bom-ref": id,
    ...(maintainer === undefined ? {} : { supplier: describeMaintainer(maintainer) }),
    name,
    version,
    ...(description === "" ? {} : { description }),
    ...(checksum === undefined
      ? {}
      : { hashes: [{ alg: hashNames[checksum.algorithm], content: checksum.hex }] }),
    ...(license === undefined ? {} : { licenses: [describeLicense(license, installed.license)] }),
    purl,
    ...(homepage === undefined ? {} : { externalReferences: [{ type: "website", url: homepage }] }),
    ...(properties.length === 0 ? {} : { properties }),
  };
}

/** CycloneDX has no place to say what a LicenseRef stands for: such a licence goes by its own words. */
function describeLicense({ expression, references }: LicenseStatement, stated: string): object {
  const acknowledgement = "declared";
  return references.size === 0
    ? { expression, acknowledgement }
    : { license: { name: stated.trim(), acknowledgement } };
}

function describeMaintainer({ name, email }: Maintainer): object {
  return { name, ...(email === undefined ? {} : { contact: [{ name, email }] }) };
}
