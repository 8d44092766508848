/** Private keys that sign images: PKCS#8 in PEM, plain or encrypted, and cosign's sealed form. */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { BivyError } from "../base/index.ts";
import { pemLabel } from "./pem.ts";
import { describePublicKey, hashesOf, type PublicKey } from "./public-key.ts";
import { isSealedLabel, openSealedKey, wrongPassphrase } from "./sealed-key.ts";

export interface PrivateKey {
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
}

/**
 * Reads a private key. `name` is what messages call it; `passphrase` is undefined where none was
 * given, which is not the same as an empty one.
 */
export async function parsePrivateKey(
  pem: string,
  name: string,
  passphrase?: string,
): Promise<PrivateKey> {
  const label = pemLabel(pem);
  if (label === "PUBLIC KEY" || label === "RSA PUBLIC KEY")
    throw new BivyError("key-invalid", `${name}: expected a private key, found a public one`, {
      hint: "Signing needs the .key file beside the .pub file.",
    });
  if (label === undefined || !label.endsWith("PRIVATE KEY")) throw notAKey(name);
  const isLocked = isSealedLabel(label) || isEncrypted(label, pem);
  if (isLocked && passphrase === undefined)
    throw new BivyError("key-invalid", `${name}: the key is locked with a passphrase; found none`, {
      hint: "Set BIVY_KEY_PASSWORD, or name a file that holds it with --key-password-file.",
    });
  const key = isSealedLabel(label)
    ? readDer(await openSealedKey(pem, passphrase!, name), name)
    : readPem(pem, name, isLocked ? passphrase : undefined);
  return { key, publicKey: describePublicKey(createPublicKey(key), name) };
}

/** PKCS#8 says it in its label, OpenSSL's old forms in a header line. */
function isEncrypted(label: string, pem: string): boolean {
  return label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: 4,ENCRYPTED\r?$/m.test(pem);
}

function readDer(der: Uint8Array, name: string): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch (cause) {
    throw notAKey(name, cause);
  }
}

function readPem(pem: string, name: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey(
      passphrase === undefined ? { key: pem } : { key: pem, passphrase: Buffer.from(passphrase) },
    );
  } catch (cause) {
    throw passphrase === undefined ? notAKey(name, cause) : wrongPassphrase(name, cause);
  }
}

function notAKey(name: string, cause?: unknown): BivyError {
  return new BivyError(
    "key-invalid",
    `${name}: expected a private key in PEM form, found something else`,
    { cause, hint: "Make a key pair with bivy sign --generate-key NAME." },
  );
}

/** The signature of `bytes`, over SHA-256 or, if `matching`, over the hash of the curve's own size. */
export function signBytes(
  { key }: PrivateKey,
  bytes: Uint8Array,
  hash: "sha256" | "matching",
): Uint8Array {
  const [own] = hashesOf(key);
  if (own === "none") return sign(null, bytes, key);
  return sign(hash === "sha256" ? "sha256" : own!, bytes, key);
}
