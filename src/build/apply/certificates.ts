/**
 * Certificates of an image: those that it trusts beside the ones of its packages, put where apko puts
 * them: a file each in usr/local/share/ca-certificates, where update-ca-certificates(8) looks, and at the
 * end of each bundle that the image has, so that they count even where that program never runs.
 */
import { X509Certificate } from "node:crypto";
import { readDatabase, readRootText } from "../../apk/index.ts";
import {
  bytesContent,
  compareNames,
  encodeText,
  hashHex,
  joinPath,
  messageOf,
} from "../../base/index.ts";
import { resolveInRoot, type Root } from "../../tree/index.ts";
import type { ApplyOptions } from "./apply.ts";
import type { ImageConfig } from "../config/image-config.ts";
import { fieldError, fieldName, inField } from "./field.ts";
import { changeText, placeOf, prepareFile, rootOwned } from "./place.ts";

const localFolder = "usr/local/share/ca-certificates";
/** Certificates below it count for update-ca-certificates(8) only when the list names them. */
const systemFolder = "usr/share/ca-certificates/";
const listPath = "etc/ca-certificates.conf";
/** Alpine's, and the one that Amazon ECS puts into containers. */
const bundlePaths = [
  "etc/ssl/certs/ca-certificates.crt",
  "var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem",
];
const javaTruststore = "etc/ssl/certs/java/cacerts";

interface Certificate {
  /** SHA-256 of the certificate in DER, in hex. */
  readonly fingerprint: string;
  readonly pem: string;
}

export async function applyCertificates(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<void> {
  const additional = await writeAdditional(root, config, options);
  const provided = await registerProvided(root, config, options);
  const certificates = [...additional, ...provided];
  if (certificates.length === 0) return;
  const field = fieldName(config, "certificates");
  const bundles = bundlePaths.filter(
    (path) => root.lookup(resolveInRoot(root, path))?.kind === "file",
  );
  for (const path of bundles)
    await inField(field, "Leave out the package that brings it.", () =>
      changeText(root, path, (text) => appendCertificates(text, certificates), options),
    );
  if (bundles.length === 0)
    options.events({
      type: "warning",
      text: `${field}: the image has no bundle of certificates (/${bundlePaths[0]!}), so no program will find them`,
      hint: "Add ca-certificates-bundle to contents.packages.",
    });
  if (root.lookup(resolveInRoot(root, javaTruststore)) !== undefined)
    options.events({
      type: "warning",
      text: `${field}: the certificates are not in Java's truststore /${javaTruststore}`,
      hint: "Java programs need -Djavax.net.ssl.trustStore, or keytool -importcert in a Dockerfile.",
    });
}

async function writeAdditional(
  root: Root,
  config: ImageConfig,
  { time }: ApplyOptions,
): Promise<Certificate[]> {
  const certificates: Certificate[] = [];
  for (const [index, { name, content }] of config.certificates.additional.entries()) {
    const field = fieldName(config, `certificates.additional[${index}]`);
    const certificate = parseCertificate(content, `${field}.content`);
    const path = joinPath(localFolder, `${name}-${certificate.fingerprint}.crt`);
    await inField(field, "Leave out the package that brings what stands there.", async () => {
      const place = placeOf(root, path);
      prepareFile(root, place, time);
      await root.writeFile(
        place,
        rootOwned(0o644, time),
        bytesContent(encodeText(certificate.pem)),
      );
    });
    certificates.push(certificate);
  }
  return certificates;
}

function parseCertificate(content: string, field: string): Certificate {
  const [block] = pemBlocks(content);
  try {
    return describeCertificate(block ?? content);
  } catch (cause) {
    throw fieldError(
      field,
      `expected a certificate in PEM form, found one that cannot be read: ${messageOf(cause)}`,
      "It begins with -----BEGIN CERTIFICATE-----; copy it again, with all of its lines.",
      { cause },
    );
  }
}

/** Written anew, so that text around the certificate is left out. */
function describeCertificate(pem: string): Certificate {
  const { raw } = new X509Certificate(pem);
  const lines = raw.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    fingerprint: hashHex("sha256", raw),
    pem: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

function pemBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/**
 * The certificates of the packages that provide one of the names in `certificates.providers`: every
 * .crt and .pem file of theirs with exactly one certificate in it.
 */
async function registerProvided(
  root: Root,
  config: ImageConfig,
  options: ApplyOptions,
): Promise<Certificate[]> {
  const providers = new Set(config.certificates.providers);
  if (providers.size === 0) return [];
  const { installed } = await readDatabase(root, options.limits);
  const paths = installed
    .filter(
      ({ name, provides }) =>
        providers.has(name) || provides.some((atom) => providers.has(atom.name)),
    )
    .flatMap(({ directories }) =>
      directories.flatMap(({ path, files }) => files.map(({ name }) => joinPath(path, name))),
    )
    .filter((path) => /\.(?:crt|pem)$/.test(path))
    .sort(compareNames);
  const certificates: Certificate[] = [];
  const listed: string[] = [];
  for (const path of paths) {
    const certificate = tryDescribe(await readRootText(root, path, options.limits));
    if (certificate === undefined) continue;
    certificates.push(certificate);
    if (path.startsWith(systemFolder)) listed.push(path.slice(systemFolder.length));
  }
  if (listed.length > 0)
    await inField(fieldName(config, "certificates.providers"), "Leave out the package.", () =>
      changeText(root, listPath, (text) => appendLines(text, listed), options),
    );
  return certificates;
}

function tryDescribe(text: string): Certificate | undefined {
  const blocks = pemBlocks(text);
  if (blocks.length !== 1) return undefined;
  try {
    return describeCertificate(blocks[0]!);
  } catch {
    return undefined;
  }
}

function appendLines(text: string, lines: readonly string[]): string {
  const present = new Set(text.split("\n"));
  const missing = lines.filter((line) => !present.has(line));
  return missing.length === 0 ? text : `${endLine(text)}${missing.join("\n")}\n`;
}

/** A bundle names no certificate twice: a package's script may have put some of them there already. */
function appendCertificates(bundle: string, certificates: readonly Certificate[]): string {
  const present = new Set(pemBlocks(bundle).map(contentOf));
  let text = endLine(bundle);
  for (const { pem } of certificates) {
    const content = contentOf(pem);
    if (present.has(content)) continue;
    present.add(content);
    text += `${pem}\n`;
  }
  return text;
}

/** The base64 of a PEM block on one line, however it was broken. */
function contentOf(pem: string): string {
  return pem.replace(/-----[^-]+-----|\s/g, "");
}

function endLine(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
