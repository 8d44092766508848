/** Certificates: the authorities that are trusted beside those that Node brings along. */
import { readFileSync } from "node:fs";
import * as tls from "node:tls";
import { fileError } from "../base/index.ts";

const pemCertificate = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of PEM text, one by one. */
export function pemCertificates(text: string): string[] {
  return text.match(pemCertificate) ?? [];
}

/** The certificates of PEM text, and of the file that `SSL_CERT_FILE` names. */
export function readCertificates(
  text: string | undefined,
  environment: NodeJS.ProcessEnv,
): string[] {
  const file = environment["SSL_CERT_FILE"];
  const fromFile = file === undefined || file === "" ? "" : readFile(file);
  return pemCertificates(`${text ?? ""}\n${fromFile}`);
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, "reading SSL_CERT_FILE", path);
  }
}

/** What the operating system trusts, and `NODE_EXTRA_CA_CERTS`; nothing where Node cannot tell. */
export function systemCertificates(): string[] {
  return [...tls.getCACertificates("system"), ...tls.getCACertificates("extra")];
}
