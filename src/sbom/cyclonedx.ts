/** CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json): a bill of materials as a document in JSON. */
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
import type { LicenseStatement } from "./license.ts";

/** The text of a CycloneDX document about an image or root; the same source gives the same text. */
export function writeCycloneDx(source: SbomSource, options: SbomOptions): string {
  const bill = billOf(source, options);
  const { contents, packages, others, files } = bill;
  const contained = {
    metadata: describeDocument(bill, options),
    components: [
      ...(contents.distribution === undefined ? [] : [describeDistribution(bill)]),
      ...packages.map((each) => describePackage(each, bill)),
      ...others.map((each) => describeComponent(each, bill)),
      ...files.map((each) => describeFile(each, bill)),
    ],
    dependencies: [{ id: bill.subjectId, needs: bill.worldIds }, ...packages].flatMap(
      ({ id, needs }) => (needs === undefined ? [] : [{ ref: id, dependsOn: needs }]),
    ),
    compositions: compositionsOf(bill),
  };
  return documentText({
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${documentUuid(contained)}`,
    version: 1,
    ...contained,
  });
}

function describeDocument(bill: Bill, options: SbomOptions): object {
  const { time, version, phase = "post-build" } = options;
  const [formerName, formerVersion] = bill.formerTool?.split(" ") ?? [];
  const { supplier } = bill.contents;
  return {
    timestamp: formatCreated(time),
    lifecycles: [{ phase }],
    tools: {
      components: [
        { type: "application", name: "bivy", version },
        ...(formerName === undefined
          ? []
          : [{ type: "application", name: formerName, ...defined({ version: formerVersion }) }]),
      ],
    },
    authors: [{ name: authorOf(options).name }],
    component: describeSubject(bill),
    ...(supplier === undefined ? {} : { supplier: { name: supplier } }),
    properties: documentFacts(bill),
  };
}

function describeSubject({ subjectId, contents }: Bill): object {
  const { name, digest, purl, supplier } = contents;
  return {
    type: isImage(contents) ? "container" : "application",
    "bom-ref": subjectId,
    ...(supplier === undefined ? {} : { supplier: { name: supplier } }),
    name,
    ...(digest === undefined
      ? {}
      : {
          version: digest,
          hashes: [{ alg: "SHA-256", content: digest.slice("sha256:".length) }],
        }),
    ...defined({ purl }),
  };
}

function describeDistribution({ distributionId, contents }: Bill): object {
  const { id = "", version } = contents.distribution ?? {};
  return {
    type: "operating-system",
    "bom-ref": distributionId,
    name: id,
    ...defined({ version }),
    properties: [
      { name: "aquasecurity:trivy:Class", value: "os-pkgs" },
      { name: "aquasecurity:trivy:Type", value: id },
      ...distributionFacts(contents),
    ],
  };
}

const hashNames = { sha1: "SHA-1", sha256: "SHA-256" } as const;

function describePackage(each: BillPackage, { contents }: Bill): object {
  const { id, name, version, description, purl, checksum, homepage } = each;
  const { license, statedLicense, organization, contact } = each;
  const read = {
    requiredBy: each.requiredBy,
    license: statedLicense && licenseWords(statedLicense, license!),
    maintainer: contact && personWords(contact),
  };
  const supplier = contact === undefined ? {} : { contact: [defined({ ...contact })] };
  return {
    type: "library",
    "bom-ref": id,
    ...(organization === undefined
      ? contact && { supplier: { name: contact.name, ...supplier } }
      : { supplier: { name: organization.name, url: [organization.url], ...supplier } }),
    name,
    version,
    ...defined({ description }),
    ...(checksum === undefined
      ? {}
      : { hashes: [{ alg: hashNames[checksum.algorithm], content: checksum.hex }] }),
    ...licensesOf(statedLicense, license),
    purl,
    ...(homepage === undefined ? {} : { externalReferences: [{ type: "website", url: homepage }] }),
    properties: [...packageFacts(each, contents, read), ...trivyProperties(each, contents)],
  };
}

function trivyProperties(each: BillPackage, contents: Bill["contents"]): readonly Fact[] {
  return trivyFacts(each, contents).map(({ name, value }) => ({
    name: `aquasecurity:trivy:${name}`,
    value,
  }));
}

/** As reading gives them back. */
function personWords({ name, email }: Maintainer): string {
  return email === undefined ? name : `${name} <${email}>`;
}

/** CycloneDX has no place to say what a LicenseRef stands for: such a licence goes by its own words. */
function licenseWords({ expression, references }: LicenseStatement, stated: string): string {
  return references.size === 0 ? expression : stated.trim();
}

function licensesOf(license: LicenseStatement | undefined, stated = ""): object {
  if (license === undefined) return {};
  const words = licenseWords(license, stated);
  const acknowledgement = "declared";
  return {
    licenses: [
      license.references.size === 0
        ? { expression: words, acknowledgement }
        : { license: { name: words, acknowledgement } },
    ],
  };
}

function describeComponent(each: BillComponent, { contents }: Bill): object {
  const { id, name, version, purl, license, statedLicense } = each;
  return {
    type: "library",
    "bom-ref": id,
    name,
    ...(version === "" ? {} : { version }),
    ...licensesOf(statedLicense, license),
    purl,
    properties: componentFacts(each, contents),
  };
}

function describeFile(each: BillFile, { contents }: Bill): object {
  const { id, path, sha1, sha256 } = each;
  return {
    type: "file",
    "bom-ref": id,
    name: path,
    hashes: [
      ...(sha1 === undefined ? [] : [{ alg: "SHA-1", content: sha1 }]),
      ...(sha256 === undefined ? [] : [{ alg: "SHA-256", content: sha256 }]),
    ],
    properties: fileFacts(each, contents),
  };
}

/**
 * How far the lists can be relied on: no package manager knows of what others put into an image; what
 * apk's packages need is known, and what those of languages need is not.
 */
function compositionsOf({ subjectId, worldIds, packages, others }: Bill): readonly object[] {
  const subject = { id: subjectId, needs: worldIds };
  const known = [subject, ...packages].filter(({ needs }) => needs !== undefined);
  const unknown = [subject, ...packages].filter(({ needs }) => needs === undefined);
  return [
    { aggregate: "incomplete", assemblies: [subjectId] },
    { aggregate: "complete", dependencies: idsOf(known) },
    { aggregate: "unknown", dependencies: [...idsOf(unknown), ...idsOf(others)] },
  ].filter(({ dependencies }) => dependencies === undefined || dependencies.length > 0);
}

function idsOf(list: readonly { readonly id: string }[]): readonly string[] {
  return list.map(({ id }) => id);
}

function defined(fields: Readonly<Record<string, string | undefined>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
