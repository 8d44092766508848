/** SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3): a bill of materials as a document in JSON. */
import { compareNames, encodeText, hashHex } from "../base/index.ts";
import { formatCreated } from "../oci/index.ts";
import {
  componentFacts,
  distributionFacts,
  documentFacts,
  fileFacts,
  packageFacts,
  trivyFacts,
} from "./bill-facts.ts";
import {
  billOf,
  isImage,
  type Bill,
  type BillComponent,
  type BillFile,
  type BillPackage,
  type Maintainer,
  type SbomOptions,
  type SbomSource,
} from "./bill.ts";
import { authorOf, documentText, documentUuid } from "./document.ts";
import type { Fact } from "./facts.ts";
import { licenseListVersion } from "./license-ids.ts";
import type { LicenseStatement } from "./license.ts";
import { personOf } from "./read/read-spdx.ts";

/** Where SPDX lets documents be named that have no site of their own. */
const namespaces = "https://spdx.org/spdxdocs";

const unknown = "NOASSERTION";
const none = "NONE";

/** The text of an SPDX document about an image or root; the same source gives the same text. */
export function writeSpdx(source: SbomSource, options: SbomOptions): string {
  const bill = billOf(source, options);
  const { contents, packages, others, files } = bill;
  const annotate = annotator(options);
  const described = {
    creationInfo: describeCreation(bill, options),
    packages: [
      describeSubject(bill),
      ...(contents.distribution === undefined ? [] : [describeDistribution(bill, annotate)]),
      ...packages.map((each) => describePackage(each, bill, annotate)),
      ...others.map((each) => describeComponent(each, bill, annotate)),
    ],
    ...(files.length === 0
      ? {}
      : { files: files.map((each) => describeFile(each, bill, annotate)) }),
    ...licensesOf([...packages, ...others]),
    relationships: relationshipsOf(bill),
    ...annotate(documentFacts(bill)),
  };
  const { digest, name } = contents;
  const about = digest === undefined ? "root" : digest.replace(":", "-");
  return documentText({
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: documentId,
    name,
    documentNamespace: `${namespaces}/bivy-${about}-${documentUuid({ name, ...described })}`,
    ...described,
  });
}

const documentId = "SPDXRef-DOCUMENT";

function refOf(id: string): string {
  return `SPDXRef-${id}`;
}

const phases = {
  build: "Made while the image was built (build).",
  "post-build": "Made from the image, after it was built (post-build).",
} as const;

function describeCreation({ formerTool }: Bill, options: SbomOptions): object {
  const { kind, name } = authorOf(options);
  return {
    created: formatCreated(options.time),
    creators: [
      `Tool: bivy-${options.version}`,
      ...(formerTool === undefined ? [] : [`Tool: ${formerTool.replace(" ", "-")}`]),
      ...(kind === "Tool" ? [] : [`${kind}: ${name}`]),
    ],
    licenseListVersion,
    comment: phases[options.phase ?? "post-build"],
  };
}

type Annotate = (facts: readonly Fact[]) => object;

/** SPDX has no properties; Trivy writes its own as annotations, too. */
function annotator({ version, time }: SbomOptions): Annotate {
  const written = {
    annotator: `Tool: bivy-${version}`,
    annotationDate: formatCreated(time),
    annotationType: "OTHER",
  };
  return (facts) => ({
    annotations: facts.map(({ name, value }) => ({ ...written, comment: `${name}: ${value}` })),
  });
}

/** The fields that SPDX wants and that nothing is known for. */
const unstated = {
  downloadLocation: unknown,
  filesAnalyzed: false,
  licenseConcluded: unknown,
  copyrightText: unknown,
};

function describeSubject({ subjectId, contents, files }: Bill): object {
  const { name, digest, purl, supplier } = contents;
  return {
    SPDXID: refOf(subjectId),
    name,
    ...(digest === undefined ? {} : { versionInfo: digest }),
    supplier: supplier === undefined ? unknown : `Organization: ${supplier}`,
    ...unstated,
    ...verificationCode(files),
    licenseDeclared: unknown,
    ...(isImage(contents) ? { primaryPackagePurpose: "CONTAINER" } : {}),
    ...(digest === undefined
      ? {}
      : {
          checksums: [{ algorithm: "SHA256", checksumValue: digest.slice("sha256:".length) }],
        }),
    ...(purl === undefined ? {} : { externalRefs: [packageUrlReference(purl)] }),
  };
}

/** Only a package of which all files were looked at may contain files (SPDX 2.3, 7.8 and 7.9). */
function verificationCode(files: readonly BillFile[]): object {
  const checksums = files.map(({ sha1 }) => sha1);
  if (checksums.length === 0 || checksums.includes(undefined)) return {};
  const packageVerificationCodeValue = hashHex("sha1", encodeText(checksums.sort().join("")));
  return {
    filesAnalyzed: true,
    packageVerificationCode: { packageVerificationCodeValue },
  };
}

function describeDistribution({ distributionId, contents }: Bill, annotate: Annotate): object {
  const { id, version } = contents.distribution!;
  return {
    SPDXID: refOf(distributionId),
    name: id,
    ...(version === undefined ? {} : { versionInfo: version }),
    ...unstated,
    licenseDeclared: unknown,
    primaryPackagePurpose: "OPERATING_SYSTEM",
    ...annotate(distributionFacts(contents)),
  };
}

function describePackage(each: BillPackage, { contents }: Bill, annotate: Annotate): object {
  const { id, name, version, description, origin, purl, statedLicense, checksum } = each;
  const { organization, contact, homepage } = each;
  const person = contact === undefined ? undefined : formatPerson(contact);
  const read = {
    requiredBy: each.requiredBy === undefined ? undefined : refOf(each.requiredBy),
    license: statedLicense && licenseWords(statedLicense),
    maintainer: person === undefined ? undefined : personOf(person),
  };
  return {
    SPDXID: refOf(id),
    name,
    versionInfo: version,
    supplier: organization ? `Organization: ${organization.name}` : (person ?? unknown),
    ...(organization && person ? { originator: person } : {}),
    ...(homepage === undefined ? {} : { homepage }),
    ...(description === undefined ? {} : { description }),
    // In the words in which Trivy looks for the origin, whose version is that of its packages.
    sourceInfo: `built package from: ${origin} ${version}`,
    ...unstated,
    licenseDeclared: statedLicense?.expression ?? unknown,
    ...(checksum === undefined
      ? {}
      : {
          checksums: [{ algorithm: checksum.algorithm.toUpperCase(), checksumValue: checksum.hex }],
          comment:
            "The checksum is apk's identity of the package (C:): that of its control section, not of the package file.",
        }),
    externalRefs: [packageUrlReference(purl)],
    ...annotate([...packageFacts(each, contents, read), ...trivyFacts(each, contents)]),
  };
}

function formatPerson({ name, email }: Maintainer): string {
  return `Person: ${name}${email === undefined || email === name ? "" : ` (${email})`}`;
}

/** As reading gives them back. */
function licenseWords({ expression, references }: LicenseStatement): string {
  return references.get(expression) ?? expression;
}

function describeComponent(each: BillComponent, { contents }: Bill, annotate: Annotate): object {
  const { id, name, version, purl, license, statedLicense } = each;
  const words = statedLicense && licenseWords(statedLicense);
  return {
    SPDXID: refOf(id),
    name,
    ...(version === "" ? {} : { versionInfo: version }),
    supplier: unknown,
    ...unstated,
    licenseDeclared: statedLicense?.expression ?? unknown,
    ...(words === license ? {} : { licenseComments: license }),
    externalRefs: [packageUrlReference(purl)],
    ...annotate(componentFacts(each, contents)),
  };
}

function describeFile(each: BillFile, { contents }: Bill, annotate: Annotate): object {
  const { id, path, sha1, sha256 } = each;
  return {
    SPDXID: refOf(id),
    fileName: `./${path}`,
    checksums: [
      ...(sha1 === undefined ? [] : [{ algorithm: "SHA1", checksumValue: sha1 }]),
      ...(sha256 === undefined ? [] : [{ algorithm: "SHA256", checksumValue: sha256 }]),
    ],
    licenseConcluded: unknown,
    copyrightText: unknown,
    ...annotate(fileFacts(each, contents)),
  };
}

function packageUrlReference(purl: string): object {
  return {
    referenceCategory: "PACKAGE-MANAGER",
    referenceType: "purl",
    referenceLocator: purl,
  };
}

/** What the LicenseRefs of the packages stand for; nothing where there are none. */
function licensesOf(
  packages: readonly { readonly statedLicense: LicenseStatement | undefined }[],
): object {
  const references = new Map(
    packages.flatMap(({ statedLicense }) => [...(statedLicense?.references ?? [])]),
  );
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

function relationshipsOf(bill: Bill): readonly object[] {
  const { subjectId, worldIds, distributionId, contents, packages, others, files } = bill;
  const distributions = contents.distribution === undefined ? [] : [{ id: distributionId }];
  const contained = [...distributions, ...packages, ...others, ...files];
  const needing = [
    { id: subjectId, needs: worldIds },
    ...packages,
    ...others.map(({ id }) => ({ id, needs: undefined })),
  ];
  return [
    relate(documentId, "DESCRIBES", refOf(subjectId)),
    ...contained.map(({ id }) => relate(refOf(subjectId), "CONTAINS", refOf(id))),
    ...needing.flatMap(({ id, needs }) =>
      needsOf(needs).map((other) => relate(refOf(id), "DEPENDS_ON", other)),
    ),
  ];
}

/** That something needs nothing is another thing than that nothing is known. */
function needsOf(needs: readonly string[] | undefined): readonly string[] {
  if (needs === undefined) return [unknown];
  return needs.length === 0 ? [none] : needs.map(refOf);
}

function relate(from: string, type: string, to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}
