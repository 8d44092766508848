/** Predicate types: what an attestation is about, by the short names that cosign gives them. */
import { asObject, BivyError, nearestName } from "../base/index.ts";

/** The predicate type of a signature in a bundle: it says nothing but that the image is signed. */
export const signaturePredicateType = "https://sigstore.dev/cosign/sign/v1";

const namedTypes: Readonly<Record<string, string>> = {
  slsaprovenance: "https://slsa.dev/provenance/v0.2",
  slsaprovenance02: "https://slsa.dev/provenance/v0.2",
  slsaprovenance1: "https://slsa.dev/provenance/v1",
  link: "https://in-toto.io/Link/v1",
  spdx: "https://spdx.dev/Document",
  spdxjson: "https://spdx.dev/Document",
  cyclonedx: "https://cyclonedx.org/bom",
  vuln: "https://cosign.sigstore.dev/attestation/vuln/v1",
  openvex: "https://openvex.dev/ns",
};

/** What a predicate of a type has, without which nobody will take it for one. */
const expectedFields: Readonly<Record<string, readonly string[]>> = {
  "https://slsa.dev/provenance/v0.2": ["builder", "buildType"],
  "https://slsa.dev/provenance/v1": ["buildDefinition", "runDetails"],
  "https://in-toto.io/Link/v1": ["name"],
  "https://spdx.dev/Document": ["spdxVersion"],
  "https://cyclonedx.org/bom": ["bomFormat"],
  "https://cosign.sigstore.dev/attestation/vuln/v1": ["scanner"],
  "https://openvex.dev/ns": ["@context", "statements"],
};

/** Reads `--type`: a short name, or a URI as it stands. */
export function parsePredicateType(text: string): string {
  if (Object.hasOwn(namedTypes, text)) return namedTypes[text]!;
  // A scheme, a colon, and no spaces or control characters (RFC 3986).
  if (/^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/.test(text)) return text;
  const names = Object.keys(namedTypes);
  const near = nearestName(text, names);
  throw new BivyError(
    "usage",
    `--type ${JSON.stringify(text)}: expected a URI, or the name of a predicate type`,
    {
      hint: near === undefined ? `The names are ${names.join(", ")}.` : `Did you mean ${near}?`,
    },
  );
}

/** The fields that a predicate of this type should have and `predicate` lacks. */
export function missingFields(predicateType: string, predicate: unknown): readonly string[] {
  const fields = asObject(predicate) ?? {};
  const expected = Object.hasOwn(expectedFields, predicateType)
    ? expectedFields[predicateType]!
    : [];
  return expected.filter((name) => !Object.hasOwn(fields, name));
}
