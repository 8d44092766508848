/** SPDX JSON, read: versions 2.2 and 2.3 (https://spdx.github.io/spdx-spec/v2.3). */
import {
  type Digest,
  type JsonObject,
  objectField,
  objectsField,
  textsField,
  tryParseDigest,
} from "../../base/index.ts";
import { factNames, firstFact } from "../facts.ts";
import { textField, timeField } from "./json-field.ts";
import { factsOfAnnotations, layersOfFact } from "./read-facts.ts";
import { tryParsePackageUrl } from "./read-package-url.ts";
import type { StatedComponent, StatedDistribution, StatedDocument } from "./stated.ts";

interface Relationship {
  readonly from: string;
  readonly type: string;
  readonly to: string;
}

export function readSpdx(document: JsonObject): StatedDocument {
  const creation = objectField(document, "creationInfo");
  const listed = objectsField(document, "packages");
  const relationships = relationshipsOf(document);
  const root = rootOf(document, listed, relationships);
  const tool = toolOf(creation);
  const name = textField(document, "name");
  const digest = digestOf(root);
  const time = timeField(creation, "created");
  const purl = purlOf(root);
  const [, supplier] =
    /^(?:Organization|Person): (.+)$/s.exec(textField(root, "supplier") ?? "") ?? [];
  const distribution = listed.map(distributionOf).find((each) => each !== undefined);
  const origins = originsOf(listed, relationships);
  const licenses = extractedLicenses(document);
  return {
    format: "spdx",
    ...(tool === undefined ? {} : { tool }),
    ...(name === undefined ? {} : { name }),
    ...(digest === undefined ? {} : { digest }),
    ...(time === undefined ? {} : { time }),
    ...(purl === undefined ? {} : { purl }),
    ...(supplier === undefined ? {} : { supplier }),
    ...(distribution === undefined ? {} : { distribution }),
    components: listed
      .map((each) => componentOf(each, origins, licenses))
      .filter((each) => each !== undefined),
    dependencies: dependenciesOf(relationships),
    layers: layersOfFact(factsOfAnnotations(root), "DiffID"),
    facts: factsOfAnnotations(document),
    problems: [],
  };
}

function relationshipsOf(document: JsonObject): readonly Relationship[] {
  return objectsField(document, "relationships").flatMap((each) => {
    const from = textField(each, "spdxElementId");
    const type = textField(each, "relationshipType");
    const to = textField(each, "relatedSpdxElement");
    return from === undefined || type === undefined || to === undefined ? [] : [{ from, type, to }];
  });
}

/** What the document describes. */
function rootOf(
  document: JsonObject,
  listed: readonly JsonObject[],
  relationships: readonly Relationship[],
): JsonObject | undefined {
  const id = textField(document, "SPDXID");
  const described =
    relationships.find(({ from, type }) => type === "DESCRIBES" && from === id)?.to ??
    textsField(document, "documentDescribes")[0];
  return listed.find((each) => textField(each, "SPDXID") === described);
}

/** `Tool: NAME-VERSION`, or as apko has it `Tool: NAME (VERSION)`. */
function toolOf(creation: JsonObject | undefined): string | undefined {
  for (const creator of textsField(creation, "creators")) {
    if (!creator.startsWith("Tool: ")) continue;
    const text = creator
      .slice("Tool: ".length)
      .trim()
      .replace(/ \((\S+)\)$/, " $1");
    const at = text.search(/-v?\d/);
    return at <= 0 ? text : `${text.slice(0, at)} ${text.slice(at + 1)}`;
  }
  return undefined;
}

function digestOf(root: JsonObject | undefined): Digest | undefined {
  const purl = tryParsePackageUrl(purlOf(root) ?? "");
  return (
    tryParseDigest(textField(root, "versionInfo") ?? "") ?? tryParseDigest(purl?.version ?? "")
  );
}

function purlOf(each: JsonObject | undefined): string | undefined {
  const found = objectsField(each, "externalRefs").find(
    (reference) => textField(reference, "referenceType") === "purl",
  );
  return textField(found, "referenceLocator");
}

/** SPDX 2.3 writes the purpose with an underscore; Trivy has it with a hyphen. */
function isOperatingSystem(each: JsonObject): boolean {
  return /^OPERATING[_-]SYSTEM$/.test(textField(each, "primaryPackagePurpose") ?? "");
}

function distributionOf(each: JsonObject): StatedDistribution | undefined {
  const id = textField(each, "name");
  // apko says so of layers, which it names by their digest.
  if (!isOperatingSystem(each) || id === undefined || id.startsWith("sha256:")) return undefined;
  const facts = factsOfAnnotations(each);
  const version = textField(each, "versionInfo");
  const name = firstFact(facts, factNames.distributionName);
  const path = firstFact(facts, factNames.distributionPath);
  const like = facts.get(factNames.distributionLike);
  return {
    id,
    ...(version === undefined ? {} : { version }),
    ...(name === undefined ? {} : { name }),
    ...(path === undefined ? {} : { path }),
    ...(like === undefined ? {} : { like }),
  };
}

type Origins = ReadonlyMap<string, string>;
type Licenses = ReadonlyMap<string, string>;

function componentOf(
  each: JsonObject,
  origins: Origins,
  licenses: Licenses,
): StatedComponent | undefined {
  const name = textField(each, "name");
  if (name === undefined || isOperatingSystem(each)) return undefined;
  const ref = textField(each, "SPDXID");
  const version = textField(each, "versionInfo");
  const purlText = purlOf(each);
  const purl = tryParsePackageUrl(purlText ?? "");
  const origin = builtFrom(each) ?? (ref === undefined ? undefined : origins.get(ref));
  const license = licenseOf(each, licenses);
  const maintainer = maintainerOf(each);
  const description = textField(each, "description");
  const homepage = textField(each, "homepage");
  return {
    ...(ref === undefined ? {} : { ref }),
    name,
    ...(version === undefined ? {} : { version }),
    ...(purlText === undefined ? {} : { purlText }),
    ...(purl === undefined ? {} : { purl }),
    facts: factsOfAnnotations(each),
    ...(origin === undefined ? {} : { origin }),
    ...(license === undefined ? {} : { license }),
    ...(maintainer === undefined ? {} : { maintainer }),
    ...(description === undefined ? {} : { description }),
    ...(homepage === undefined ? {} : { url: homepage }),
  };
}

/** As Trivy and bivy write it: `built package from: ORIGIN VERSION`. */
function builtFrom(each: JsonObject): string | undefined {
  return /^built package from: (\S+)/.exec(textField(each, "sourceInfo") ?? "")?.[1];
}

/**
 * The sources that packages were generated from, by the ids of those. Of the sources that apko and
 * melange name only the build file (`openssl.yaml`) and other packages of apk are source packages; the
 * rest are archives and checkouts, which go by other names.
 */
function originsOf(listed: readonly JsonObject[], relationships: readonly Relationship[]): Origins {
  const sources = new Map<string, string>();
  for (const each of listed) {
    const id = textField(each, "SPDXID");
    const name = textField(each, "name");
    if (id === undefined || name === undefined) continue;
    const purl = tryParsePackageUrl(purlOf(each) ?? "");
    if (/^[\w.+-]+\.yaml$/.test(name)) sources.set(id, name.slice(0, -".yaml".length));
    else if (purl?.type === "apk" || (purl === undefined && /^[a-z0-9][\w.+-]*$/i.test(name)))
      sources.set(id, name);
  }
  const origins = new Map<string, string>();
  for (const { from, type, to } of relationships) {
    const source = type === "GENERATED_FROM" ? sources.get(to) : undefined;
    if (source !== undefined && !origins.has(from)) origins.set(from, source);
  }
  return origins;
}

const nothing: ReadonlySet<string | undefined> = new Set([undefined, "NOASSERTION", "NONE"]);

function extractedLicenses(document: JsonObject): Licenses {
  return new Map(
    objectsField(document, "hasExtractedLicensingInfos").flatMap((each) => {
      const id = textField(each, "licenseId");
      const text = textField(each, "name") ?? textField(each, "extractedText");
      return id === undefined || text === undefined ? [] : [[id, text] as const];
    }),
  );
}

/** A licence that is one LicenseRef and no more goes by what that stands for. */
function licenseOf(each: JsonObject, licenses: Licenses): string | undefined {
  const declared = textField(each, "licenseDeclared");
  const stated = nothing.has(declared) ? textField(each, "licenseConcluded") : declared;
  return nothing.has(stated) ? undefined : (licenses.get(stated!) ?? stated);
}

/** Who made it rather than who gives it out. */
function maintainerOf(each: JsonObject): string | undefined {
  return (
    personOf(textField(each, "originator") ?? "") ?? personOf(textField(each, "supplier") ?? "")
  );
}

/** The maintainer that `Person: NAME (ADDRESS)` names, as packages write it. */
export function personOf(text: string): string | undefined {
  const [, person] = /^Person: (.+)$/s.exec(text) ?? [];
  const [, name, email] = /^(.*\S) \(([^()\s]+)\)$/s.exec(person ?? "") ?? [];
  return name === undefined ? person : `${name} <${email}>`;
}

function dependenciesOf(
  relationships: readonly Relationship[],
): ReadonlyMap<string, readonly string[]> {
  const dependencies = new Map<string, string[]>();
  for (const { from, type, to } of relationships) {
    const [owner, needed] = type === "DEPENDENCY_OF" ? [to, from] : [from, to];
    if (type !== "DEPENDENCY_OF" && type !== "DEPENDS_ON") continue;
    // What is not known is not that there is none.
    if (to === "NOASSERTION") continue;
    const known = dependencies.get(owner);
    if (known === undefined) dependencies.set(owner, [needed]);
    else known.push(needed);
  }
  return dependencies;
}
