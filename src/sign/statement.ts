/**
 * in-toto statements: what is said (the predicate) about which images (the subjects)
 * (in-toto/attestation, spec/v1/statement.md).
 */
import {
  asObject,
  concatBytes,
  encodeText,
  listField,
  objectField,
  type Digest,
} from "../base/index.ts";
import { textField, textMapField, tryParseObject } from "./json-object.ts";

const statementType = "https://in-toto.io/Statement/v1";
/** Versions differ in what else may stand in a statement, not in what is read here. */
const statementTypes: ReadonlySet<string> = new Set([
  statementType,
  "https://in-toto.io/Statement/v0.1",
]);

/** Characters of a predicate type or of the name of a subject; both are kept for a report. */
const longestName = 1024;

export interface StatementSubject {
  readonly name?: string;
  /** Absent where the subject has no SHA-256. */
  readonly digest?: Digest;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Statement {
  readonly predicateType: string;
  readonly subjects: readonly StatementSubject[];
}

export interface StatementParts {
  readonly digest: Digest;
  /** The name of the image, where it has one. */
  readonly reference?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly predicateType: string;
  /** JSON text, which stands in the statement byte for byte: numbers are not rounded. */
  readonly predicate: Uint8Array;
}

export function encodeStatement(parts: StatementParts): Uint8Array {
  const { digest, reference, annotations = {}, predicateType, predicate } = parts;
  const subject = {
    ...(reference === undefined || reference === "" ? {} : { name: reference }),
    digest: { sha256: digest.slice("sha256:".length) },
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const head = JSON.stringify({ _type: statementType, subject: [subject], predicateType });
  return concatBytes([encodeText(`${head.slice(0, -1)},"predicate":`), predicate, encodeText("}")]);
}

export function tryParseStatement(bytes: Uint8Array): Statement | undefined {
  const document = tryParseObject(bytes);
  const predicateType = textField(document, "predicateType");
  if (predicateType === undefined || predicateType.length > longestName) return undefined;
  if (!statementTypes.has(textField(document, "_type") ?? "")) return undefined;
  const subjects = listField(document, "subject").map((value): StatementSubject => {
    const subject = asObject(value);
    const name = textField(subject, "name");
    const hex = textField(objectField(subject, "digest"), "sha256");
    return {
      ...(name === undefined || name.length > longestName ? {} : { name }),
      ...(hex !== undefined && /^[0-9a-f]{64}$/.test(hex) ? { digest: `sha256:${hex}` } : {}),
      annotations: textMapField(subject, "annotations"),
    };
  });
  return { predicateType, subjects };
}
