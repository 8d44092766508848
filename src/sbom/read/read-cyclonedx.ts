/** CycloneDX JSON, read: versions 1.2 and newer (https://cyclonedx.org/docs/1.6/json). */
import {
  asObject,
  type Digest,
  type JsonObject,
  listField,
  objectField,
  objectsField,
  textsField,
  tryParseDigest,
} from "../../base/index.ts";
import { factNames, firstFact, type Facts } from "../facts.ts";
import { textField, timeField } from "./json-field.ts";
import { factsOfProperties, layersOfFact } from "./read-facts.ts";
import { tryParsePackageUrl } from "./read-package-url.ts";
import type { StatedComponent, StatedDistribution, StatedDocument } from "./stated.ts";

export function readCycloneDx(document: JsonObject): StatedDocument {
  const metadata = objectField(document, "metadata");
  const root = objectField(metadata, "component");
  const listed = [
    ...nestedComponents(document),
    ...(root === undefined ? [] : nestedComponents(root)),
  ];
  const tool = toolOf(metadata);
  const name = textField(root, "name");
  const digest = digestOf(root);
  const time = timeField(metadata, "timestamp");
  const purl = textField(root, "purl");
  const supplier = textField(objectField(root, "supplier"), "name");
  const distribution = listed.map(distributionOf).find((each) => each !== undefined);
  const rootFacts = factsOfProperties(root);
  return {
    format: "cyclonedx",
    ...(tool === undefined ? {} : { tool }),
    ...(name === undefined ? {} : { name }),
    ...(digest === undefined ? {} : { digest }),
    ...(time === undefined ? {} : { time }),
    ...(purl === undefined ? {} : { purl }),
    ...(supplier === undefined ? {} : { supplier }),
    ...(distribution === undefined ? {} : { distribution }),
    components: listed.map(componentOf).filter((each) => each !== undefined),
    dependencies: dependenciesOf(document),
    layers: layersOfFact(rootFacts, "aquasecurity:trivy:DiffID"),
    labels: labelsOf(rootFacts),
    facts: factsOfProperties(metadata),
    problems: [],
  };
}

/** All components below an object, in their order, however deep they are nested. */
function nestedComponents(top: JsonObject): readonly JsonObject[] {
  const found: JsonObject[] = [];
  const waiting = [...objectsField(top, "components")].reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    found.push(next);
    for (const each of objectsField(next, "components").toReversed()) waiting.push(each);
  }
  return found;
}

/** A list of tools, or since 1.5 a list of components that are tools. */
function toolOf(metadata: JsonObject | undefined): string | undefined {
  const tool =
    objectsField(metadata, "tools")[0] ??
    objectsField(objectField(metadata, "tools"), "components")[0];
  const name = textField(tool, "name");
  const version = textField(tool, "version");
  return name === undefined ? undefined : version === undefined ? name : `${name} ${version}`;
}

function digestOf(root: JsonObject | undefined): Digest | undefined {
  const purl = tryParsePackageUrl(textField(root, "purl") ?? "");
  return tryParseDigest(textField(root, "version") ?? "") ?? tryParseDigest(purl?.version ?? "");
}

function distributionOf(component: JsonObject): StatedDistribution | undefined {
  const facts = factsOfProperties(component);
  const id = textField(component, "name");
  if (textField(component, "type") !== "operating-system" || id === undefined) return undefined;
  const version = textField(component, "version");
  const name = firstFact(facts, factNames.distributionName, "syft:distro:name");
  const path = firstFact(facts, factNames.distributionPath);
  const like = facts.get(factNames.distributionLike) ?? facts.get("syft:distro:idLike:0");
  return {
    id: firstFact(facts, "syft:distro:id") ?? id,
    ...(version === undefined ? {} : { version }),
    ...(name === undefined ? {} : { name }),
    ...(path === undefined ? {} : { path }),
    ...(like === undefined ? {} : { like }),
  };
}

function componentOf(component: JsonObject): StatedComponent | undefined {
  const name = textField(component, "name");
  if (name === undefined || textField(component, "type") === "operating-system") return undefined;
  const ref = textField(component, "bom-ref");
  const version = textField(component, "version");
  const purlText = textField(component, "purl");
  const purl = tryParsePackageUrl(purlText ?? "");
  const license = licenseOf(component);
  const maintainer = maintainerOf(component);
  const description = textField(component, "description");
  const url = websiteOf(component);
  const facts = factsOfProperties(component);
  const identity = firstFact(facts, "syft:metadata:pullChecksum");
  const group = textField(component, "group");
  return {
    ...(ref === undefined ? {} : { ref }),
    name: group === undefined ? name : `${group}/${name}`,
    ...(version === undefined ? {} : { version }),
    ...(purlText === undefined ? {} : { purlText }),
    ...(purl === undefined ? {} : { purl }),
    facts,
    ...(license === undefined ? {} : { license }),
    ...(maintainer === undefined ? {} : { maintainer }),
    ...(identity === undefined ? {} : { identity }),
    ...(description === undefined ? {} : { description }),
    ...(url === undefined ? {} : { url }),
  };
}

/** A list of licences means that all of them hold. */
function licenseOf(component: JsonObject): string | undefined {
  const stated = objectsField(component, "licenses").map((each) => {
    const license = objectField(each, "license");
    return textField(each, "expression") ?? textField(license, "id") ?? textField(license, "name");
  });
  const known = stated.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : known.join(" AND ");
}

/** A contact of the supplier, where there is one, is a person; a supplier without a site may be one too. */
function maintainerOf(component: JsonObject): string | undefined {
  const supplier = objectField(component, "supplier");
  const contact = objectsField(supplier, "contact")[0];
  const isPerson = listField(supplier, "url").length === 0;
  const name = textField(contact, "name") ?? (isPerson ? textField(supplier, "name") : undefined);
  const email = textField(contact, "email");
  if (name !== undefined) return email === undefined ? name : `${name} <${email}>`;
  return textField(component, "publisher") ?? textField(component, "author");
}

function websiteOf(component: JsonObject): string | undefined {
  const site = objectsField(component, "externalReferences").find(
    (each) => textField(each, "type") === "website",
  );
  return textField(site, "url");
}

function dependenciesOf(document: JsonObject): ReadonlyMap<string, readonly string[]> {
  return new Map(
    listField(document, "dependencies").flatMap((value) => {
      const dependency = asObject(value);
      const ref = textField(dependency, "ref");
      return ref === undefined ? [] : [[ref, textsField(dependency, "dependsOn")] as const];
    }),
  );
}

const labelPrefixes = ["syft:image:labels:", "aquasecurity:trivy:Labels:"];

function labelsOf(facts: Facts): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const [name, [value]] of facts)
    for (const prefix of labelPrefixes)
      if (name.startsWith(prefix) && value !== undefined)
        labels.set(name.slice(prefix.length), value);
  return labels;
}
