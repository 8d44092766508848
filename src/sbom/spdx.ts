/** SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3): a bill of materials as a document in JSON. */
import { compareNames } from "../base/index.ts";
import type { Inventory } from "../inventory/index.ts";
import { formatCreated } from "../oci/index.ts";
import {
  billOf,
  type Bill,
  type BillDistribution,
  type BillPackage,
  type BillSubject,
  type Maintainer,
  type SbomOptions,
} from "./bill.ts";
import { documentText, documentUuid } from "./document.ts";
import { licenseListVersion } from "./license-ids.ts";

/** Where SPDX lets documents be named that have no site of their own. */
const namespaces = "https://spdx.org/spdxdocs";

const unknown = "NOASSERTION";

/** The text of an SPDX document about an image or root; the same inventory gives the same text. */
export function writeSpdx(inventory: Inventory, options: SbomOptions): string {
  const bill = billOf(inventory, options);
  const { subject, distribution, packages } = bill;
  const contents = {
    creationInfo: {
      created: formatCreated(options.time),
      creators: [`Tool: bivy-${options.version}`],
      licenseListVersion,
    },
    packages: [
      describeSubject(subject),
      ...(distribution === undefined ? [] : [describeDistribution(distribution)]),
      ...packages.map(describePackage),
    ],
    ...licensesOf(packages),
    relationships: relationshipsOf(bill),
  };
  const about = subject.digest === undefined ? "root" : subject.digest.replace(":", "-");
  return documentText({
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: documentId,
    name: subject.name,
    documentNamespace: `${namespaces}/bivy-${about}-${documentUuid({ name: subject.name, ...contents })}`,
    ...contents,
  });
}

const documentId = "SPDXRef-DOCUMENT";

function refOf(id: string): string {
  return `SPDXRef-${id}`;
}

/** The fields that SPDX wants and that nothing is known for. */
const unstated = {
  downloadLocation: unknown,
  filesAnalyzed: false,
  licenseConcluded: unknown,
  copyrightText: unknown,
};

function describeSubject({ id, name, digest, purl }: BillSubject): object {
  return {
    SPDXID: refOf(id),
    name,
    ...(digest === undefined ? {} : { versionInfo: digest }),
    ...unstated,
    licenseDeclared: unknown,
    ...(digest === undefined
      ? {}
      : {
          primaryPackagePurpose: "CONTAINER",
          checksums: [{ algorithm: "SHA256", checksumValue: digest.slice("sha256:".length) }],
        }),
    ...(purl === undefined ? {} : { externalRefs: [packageUrlReference(purl)] }),
  };
}

function describeDistribution({ id, name, version }: BillDistribution): object {
  return {
    SPDXID: refOf(id),
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    ...unstated,
    licenseDeclared: unknown,
    primaryPackagePurpose: "OPERATING_SYSTEM",
  };
}

function describePackage(each: BillPackage): object {
  const { id, installed, purl, license, checksum, maintainer, homepage } = each;
  const { name, version, description, origin } = installed;
  return {
    SPDXID: refOf(id),
    name,
    versionInfo: version,
    supplier: maintainer === undefined ? unknown : formatMaintainer(maintainer),
    ...(homepage === undefined ? {} : { homepage }),
    ...(description === "" ? {} : { description }),
    // In the words in which Trivy looks for the origin, whose version is that of its packages.
    ...(origin === "" ? {} : { sourceInfo: `built package from: ${origin} ${version}` }),
    ...unstated,
    licenseDeclared: license?.expression ?? unknown,
    ...(checksum === undefined
      ? {}
      : {
          checksums: [{ algorithm: checksum.algorithm.toUpperCase(), checksumValue: checksum.hex }],
          comment:
            "The checksum is apk's identity of the package (C:): that of its control section, not of the package file.",
        }),
    externalRefs: [packageUrlReference(purl)],
  };
}

function formatMaintainer({ name, email }: Maintainer): string {
  return `Person: ${name}${email === undefined || email === name ? "" : ` (${email})`}`;
}

function packageUrlReference(purl: string): object {
  return {
    referenceCategory: "PACKAGE-MANAGER",
    referenceType: "purl",
    referenceLocator: purl,
  };
}

/** What the LicenseRefs of the packages stand for; nothing where there are none. */
function licensesOf(packages: readonly BillPackage[]): object {
  const references = new Map(packages.flatMap(({ license }) => [...(license?.references ?? [])]));
  if (references.size === 0) return {};
  return {
    hasExtractedLicensingInfos: Array.from(references)
      .sort(([a], [b]) => compareNames(a, b))
      .map(([licenseId, text]) => ({
        licenseId,
        name: text,
        extractedText: text,
        comment: "What the metadata of the package states, which is not on the SPDX License List.",
      })),
  };
}

function relationshipsOf({ subject, distribution, packages }: Bill): readonly object[] {
  const contained = [...(distribution === undefined ? [] : [distribution]), ...packages];
  return [
    relate(documentId, "DESCRIBES", refOf(subject.id)),
    ...contained.map(({ id }) => relate(refOf(subject.id), "CONTAINS", refOf(id))),
    ...[subject, ...packages].flatMap(({ id, dependsOn }) =>
      dependsOn.map((other) => relate(refOf(id), "DEPENDS_ON", refOf(other))),
    ),
  ];
}

function relate(from: string, type: string, to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}
