/**
 * DSSE envelopes: a payload, its type, and signatures over both (secure-systems-lab/dsse, protocol.md
 * and envelope.md).
 */
import { asObject, concatBytes, encodeText, listField, type JsonObject } from "../base/index.ts";
import { encodeBase64, tryDecodeBase64 } from "./base64.ts";
import { textField } from "./json-object.ts";

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  /** At least one. */
  readonly signatures: readonly Uint8Array[];
}

/** The payload type of in-toto statements. */
export const inTotoPayloadType = "application/vnd.in-toto+json";

/** Each signature is tried with each key; honest envelopes have one. */
const mostSignatures = 8;

/**
 * The pre-authentication encoding: the bytes that are signed. Type and payload stand there with their
 * lengths, so that no two pairs of them give the same bytes.
 */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encodeText(payloadType);
  const head = `DSSEv1 ${type.byteLength} `;
  return concatBytes([encodeText(head), type, encodeText(` ${payload.byteLength} `), payload]);
}

export function tryReadEnvelope(object: JsonObject | undefined): Envelope | undefined {
  const payloadType = textField(object, "payloadType");
  const payload = tryDecodeBase64(textField(object, "payload") ?? "?");
  const listed = listField(object, "signatures");
  if (payloadType === undefined || payload === undefined) return undefined;
  if (listed.length === 0 || listed.length > mostSignatures) return undefined;
  const signatures: Uint8Array[] = [];
  for (const value of listed) {
    const signature = tryDecodeBase64(textField(asObject(value), "sig") ?? "?");
    if (signature === undefined || signature.byteLength === 0) return undefined;
    signatures.push(signature);
  }
  return { payloadType, payload, signatures };
}

export function writeEnvelope({ payloadType, payload, signatures }: Envelope): JsonObject {
  return {
    payloadType,
    payload: encodeBase64(payload),
    signatures: signatures.map((signature) => ({ sig: encodeBase64(signature) })),
  };
}
