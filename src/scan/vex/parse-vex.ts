/**
 * Reading VEX documents: OpenVEX, CSAF and CycloneDX, bare or as the predicate of an in-toto statement
 * in a DSSE envelope. Which it is, its content says. Signatures are not checked here.
 */
import {
  asObject,
  BivyError,
  defaultLimits,
  type JsonObject,
  limitExceeded,
  type Limits,
  objectField,
  objectsField,
  tryParseDigest,
} from "../../base/index.ts";
import { cutText } from "../report/shown-text.ts";
import { componentOf } from "./component.ts";
import { textField } from "./json-field.ts";
import { readCsaf } from "./read-csaf.ts";
import { readCycloneDxVex } from "./read-cyclonedx.ts";
import { readOpenVex } from "./read-openvex.ts";
import type { VexComponent, VexDocument, VexFormat, VexStatement } from "./statement.ts";

/** As many problems of one document as a person reads. */
const mostProblems = 50;
/** Names of one vulnerability; honest statements have a few. */
const mostIds = 100;
/** Characters of what a report repeats for each finding. */
const longestText = 4000;
const longestId = 200;

/**
 * Throws `vex-invalid` for what is none, and `limit-exceeded`. A statement that makes no sense is left
 * out and named among the problems: then the finding that it is about counts.
 */
export function parseVex(
  bytes: Uint8Array,
  subject: string,
  limits: Limits = defaultLimits,
): VexDocument {
  // A bill of materials may be one.
  if (bytes.byteLength > limits["sbom-size"]) throw limitExceeded("sbom-size", limits, subject);
  const { document, about, isSigned } = unwrap(parseObject(bytes, subject), subject);
  const format = formatOf(document);
  if (format === undefined) throw noVex(subject, "another JSON document");
  const read =
    format === "openvex"
      ? readOpenVex(document, about)
      : format === "csaf"
        ? readCsaf(document, subject)
        : readCycloneDxVex(document);
  const id = read.id === undefined ? undefined : cutText(read.id, longestId);
  const source = id === undefined ? subject : `${subject} (${id})`;
  const statements = read.statements.map((each, position): VexStatement => ({
    ...each,
    ids: each.ids.slice(0, mostIds),
    text: cutText(each.text.trim(), longestText),
    source,
    position,
  }));
  const unchecked = "the signature of the envelope that it stands in was not checked";
  const none = "it has no statement that says how a vulnerability concerns a product";
  return {
    format,
    subject,
    ...(id === undefined ? {} : { id }),
    statements,
    byId: statementsById(statements),
    problems: [
      ...(isSigned ? [unchecked] : []),
      ...read.problems.slice(0, mostProblems),
      ...(read.problems.length > mostProblems
        ? [`and ${read.problems.length - mostProblems} more problems`]
        : []),
      ...(statements.length === 0 && read.problems.length === 0 ? [none] : []),
    ].map((problem) => `${subject}: ${problem}`),
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function parseObject(bytes: Uint8Array, subject: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new BivyError("vex-invalid", `${subject}: expected a JSON document`, {
      cause,
      hint: formatsHint,
    });
  }
  const document = asObject(value);
  if (document === undefined) throw noVex(subject, "JSON that is no object");
  return document;
}

const formatsHint = "OpenVEX, CSAF 2.0 and CycloneDX are read, in JSON; see docs/formats/vex.md.";

function noVex(subject: string, found: string): BivyError {
  return new BivyError("vex-invalid", `${subject}: expected a VEX document, found ${found}`, {
    hint: formatsHint,
  });
}

function formatOf(document: JsonObject): VexFormat | undefined {
  const context = textField(document, "@context") ?? textField(document, "context");
  if (context !== undefined && /^https:\/\/openvex\.dev\/ns(?:\/|$)/.test(context))
    return "openvex";
  if (textField(document, "bomFormat") === "CycloneDX") return "cyclonedx";
  const csaf = objectField(document, "document");
  const category = textField(csaf, "category");
  if (textField(csaf, "csaf_version") !== undefined || category?.startsWith("csaf_") === true)
    return "csaf";
  return undefined;
}

interface Unwrapped {
  readonly document: JsonObject;
  /** The subjects of the attestation: statements that name no product are about these. */
  readonly about?: VexComponent;
  readonly isSigned: boolean;
}

function unwrap(outer: JsonObject, subject: string): Unwrapped {
  const envelope = objectField(outer, "dsseEnvelope") ?? outer;
  const payload = textField(envelope, "payload");
  const isSigned = textField(envelope, "payloadType") !== undefined && payload !== undefined;
  const inner = isSigned ? parseObject(Buffer.from(payload, "base64"), subject) : envelope;
  const predicate = objectField(inner, "predicate");
  if (predicate === undefined || textField(inner, "predicateType") === undefined)
    return { document: inner, isSigned };
  const digests = objectsField(inner, "subject").flatMap((each) => {
    const digest = tryParseDigest(
      `sha256:${textField(objectField(each, "digest"), "sha256")?.toLowerCase()}`,
    );
    return digest === undefined ? [] : [digest];
  });
  return {
    document: predicate,
    ...(digests.length === 0 ? {} : { about: componentOf(digests) }),
    isSigned,
  };
}

function statementsById(
  statements: readonly VexStatement[],
): ReadonlyMap<string, readonly VexStatement[]> {
  const byId = new Map<string, VexStatement[]>();
  for (const statement of statements)
    for (const id of new Set(statement.ids.map((each) => each.toUpperCase()))) {
      const list = byId.get(id);
      if (list === undefined) byId.set(id, [statement]);
      else list.push(statement);
    }
  return byId;
}
