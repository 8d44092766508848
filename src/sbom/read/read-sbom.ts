/**
 * Reading a bill of materials, whoever wrote it: CycloneDX, SPDX, Syft's and Trivy's own JSON, bare or
 * as the predicate of an attestation. Which it is, its content says.
 */
import {
  asObject,
  BivyError,
  defaultLimits,
  type JsonObject,
  limitExceeded,
  type Limits,
  objectField,
} from "../../base/index.ts";
import { assembleDocument } from "./assemble.ts";
import { textField } from "./json-field.ts";
import { readCycloneDx } from "./read-cyclonedx.ts";
import { readSpdx } from "./read-spdx.ts";
import { readSyft } from "./read-syft.ts";
import { readTrivy } from "./read-trivy.ts";
import type { SbomDocument } from "./sbom-document.ts";
import type { StatedDocument } from "./stated.ts";

export interface ParseSbomOptions {
  /** What messages call it. */
  readonly subject: string;
  readonly limits?: Limits;
}

/** Throws `sbom-invalid` for what is none, and `limit-exceeded`. */
export function parseSbom(
  bytes: Uint8Array,
  { subject, limits = defaultLimits }: ParseSbomOptions,
): SbomDocument {
  if (bytes.byteLength > limits["sbom-size"]) throw limitExceeded("sbom-size", limits, subject);
  const { document, isSigned } = unwrap(parseObject(bytes, subject), subject);
  const stated = readKnown(document);
  if (stated === undefined) throw noSbom(subject, "another JSON document");
  const unchecked = `${subject}: the signature of the envelope that it stands in was not checked`;
  const problems = isSigned ? [unchecked, ...stated.problems] : stated.problems;
  return assembleDocument({ ...stated, problems }, subject);
}

function readKnown(document: JsonObject): StatedDocument | undefined {
  const has = (name: string) => Object.hasOwn(document, name);
  if (textField(document, "bomFormat") === "CycloneDX") return readCycloneDx(document);
  if (textField(document, "spdxVersion")?.startsWith("SPDX-2.") === true) return readSpdx(document);
  if (Array.isArray(document["artifacts"]) && (has("source") || has("distro") || has("descriptor")))
    return readSyft(document);
  if (has("SchemaVersion") && (has("Results") || has("Metadata"))) return readTrivy(document);
  return undefined;
}

/** Bytes of the beginning and of the end that are looked at. */
const looked = 64 * 1024;
const marks =
  /"bomFormat"\s*:\s*"CycloneDX"|"spdxVersion"\s*:|"SPDXID"\s*:|"artifactRelationships"\s*:|"SchemaVersion"\s*:|"predicateType"\s*:|"payloadType"\s*:|"dsseEnvelope"\s*:|^\s*\{\s*"artifacts"\s*:/;
/** Forms that are recognised in order to say what to do about them. */
const otherForms = /^\s*(?:SPDXVersion:|(?:<\?xml[^>]*>\s*)?<bom\s)/;

/**
 * Whether bytes, of which the beginning is enough as a rule, look like what `parseSbom` reads. JSON that
 * holds the same words may be taken for it.
 */
export function looksLikeSbom(bytes: Uint8Array): boolean {
  const head = textOf(bytes.subarray(0, looked));
  if (otherForms.test(head)) return true;
  if (!head.trimStart().startsWith("{")) return false;
  return marks.test(head) || marks.test(textOf(bytes.subarray(-looked)));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function parseObject(bytes: Uint8Array, subject: string): JsonObject {
  if (otherForms.test(textOf(bytes.subarray(0, 1024)))) throw notJson(subject);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw noSbom(subject, "no JSON document", cause);
  }
  const object = asObject(value);
  if (object === undefined) throw noSbom(subject, "JSON that is no object");
  return object;
}

/** Envelopes stand in one another: a bundle, a DSSE envelope, a statement, its predicate. */
const mostWraps = 6;

interface Unwrapped {
  readonly document: JsonObject;
  /** Whether there was an envelope with a signature. */
  readonly isSigned: boolean;
}

function unwrap(document: JsonObject, subject: string): Unwrapped {
  let isSigned = false;
  let next: JsonObject | undefined = document;
  let current = document;
  for (let depth = 0; depth <= mostWraps && next !== undefined; depth++) {
    current = next;
    isSigned ||= textField(current, "payloadType") !== undefined;
    next = contentOf(current, subject);
  }
  return { document: current, isSigned };
}

/** What an envelope holds; undefined for what is none. */
function contentOf(document: JsonObject, subject: string): JsonObject | undefined {
  const bundled = objectField(document, "dsseEnvelope");
  if (bundled !== undefined) return bundled;
  const payload = textField(document, "payload");
  if (payload !== undefined && textField(document, "payloadType") !== undefined)
    return parseObject(Buffer.from(payload, "base64"), `${subject}: payload`);
  if (textField(document, "predicateType") === undefined) return undefined;
  // cosign put predicates in a field `Data` once, and some of them as text.
  const predicate = objectField(document, "predicate");
  const data = predicate === undefined ? undefined : textField(predicate, "Data");
  const text = data ?? textField(document, "predicate");
  if (text !== undefined) return parseObject(Buffer.from(text), `${subject}: predicate`);
  return objectField(predicate, "Data") ?? predicate;
}

function noSbom(subject: string, found: string, cause?: unknown): BivyError {
  return new BivyError("sbom-invalid", `${subject}: expected a bill of materials, found ${found}`, {
    cause,
    hint: "bivy reads JSON of CycloneDX, SPDX 2.2 and 2.3, Syft and Trivy.",
  });
}

function notJson(subject: string): BivyError {
  return new BivyError(
    "sbom-invalid",
    `${subject}: expected a bill of materials in JSON, found its format's other form`,
    { hint: "Write it as JSON: both SPDX and CycloneDX have tools that convert it." },
  );
}
