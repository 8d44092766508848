/** Facts, read: from the properties of CycloneDX, and from annotations and attributions of SPDX. */
import { objectsField, textsField, tryParseDigest, type JsonObject } from "../../base/index.ts";
import type { Facts } from "../facts.ts";
import { textField } from "./json-field.ts";
import type { SbomLayer } from "./sbom-document.ts";

/** A value may be empty, which says something else than that there is none. */
export function factsOfProperties(object: JsonObject | undefined): Facts {
  const facts = new Map<string, string[]>();
  for (const property of objectsField(object, "properties")) {
    const name = textField(property, "name");
    if (name !== undefined) add(facts, name, textField(property, "value") ?? "");
  }
  return facts;
}

/** `NAME: VALUE` each. */
export function factsOfAnnotations(object: JsonObject | undefined): Facts {
  const facts = new Map<string, string[]>();
  const comments = objectsField(object, "annotations").map((each) => textField(each, "comment"));
  for (const text of [...comments, ...textsField(object, "attributionTexts")]) {
    const at = text?.indexOf(": ") ?? -1;
    if (at > 0) add(facts, text!.slice(0, at), text!.slice(at + 2));
  }
  return facts;
}

/** Trivy writes the diff ids of the image from the lowest. */
export function layersOfFact(facts: Facts, name: string): readonly SbomLayer[] {
  return (facts.get(name) ?? []).map((text) => {
    const diffId = tryParseDigest(text);
    return diffId === undefined ? {} : { diffId };
  });
}

function add(facts: Map<string, string[]>, name: string, value: string): void {
  const known = facts.get(name);
  if (known === undefined) facts.set(name, [value]);
  else known.push(value);
}
