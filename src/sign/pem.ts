/** PEM: a labelled block of base64 text, as keys and certificates are written (RFC 7468). */
import { encodeBase64, tryDecodeBase64 } from "./base64.ts";

export interface PemBlock {
  /** Such as `PUBLIC KEY`. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

const beginForm = /-----BEGIN ([A-Z0-9]+(?: [A-Z0-9]+)*)-----/;
const lineLength = 64;

/** The label of the first block, whatever stands in it. */
export function pemLabel(text: string): string | undefined {
  return beginForm.exec(text)?.[1];
}

/** The first block. Blocks with header lines, as encrypted keys of OpenSSL's old form have, are none. */
export function tryParsePem(text: string): PemBlock | undefined {
  const begin = beginForm.exec(text);
  if (begin === null) return undefined;
  const label = begin[1]!;
  const start = begin.index + begin[0].length;
  const end = text.indexOf(`-----END ${label}-----`, start);
  if (end === -1) return undefined;
  const bytes = tryDecodeBase64(text.slice(start, end).replace(/[ \t\r\n]+/g, ""));
  return bytes === undefined ? undefined : { label, bytes };
}

export function formatPem({ label, bytes }: PemBlock): string {
  const text = encodeBase64(bytes);
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += lineLength) lines.push(text.slice(at, at + lineLength));
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
