/**
 * Signatures of packages and indexes in format 2: members `.SIGN.<algorithm>.<key file>` of the first
 * gzip member, RSA PKCS#1 v1.5 over compressed bytes that follow (apk-package(5)).
 */
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { BivyError, type HashAlgorithm } from "../base/index.ts";

/** The algorithms that count. apk also knows DSA, with SHA-1 only, which nobody signs with any more. */
import type { SmallFile } from "./small-tar.ts";

export type SignatureAlgorithm = "RSA" | "RSA256" | "RSA512";

export interface Signature {
  /** As it is written, which may be an algorithm that does not count. */
  readonly algorithm: string;
  /** The file name of the key, such as `builder@example.org-5f1c2a3b.rsa.pub`. */
  readonly keyName: string;
  readonly bytes: Uint8Array;
}

/** Names go into messages: without control characters. */
const signatureName = /^\.SIGN\.([A-Za-z0-9]+)\.([^/\p{Cc}]+)$/u;

const hashes: ReadonlyMap<string, HashAlgorithm> = new Map([
  ["RSA", "sha1"],
  ["RSA256", "sha256"],
  ["RSA512", "sha512"],
]);

/** Whether a tar entry belongs to the signature member at all, known algorithm or not. */
export function isSignatureEntry(path: string): boolean {
  return path.startsWith(".SIGN.");
}

export function tryParseSignature(path: string, bytes: Uint8Array): Signature | undefined {
  const match = signatureName.exec(path);
  if (match === null) return undefined;
  return { algorithm: match[1]!, keyName: match[2]!, bytes };
}

/**
 * The signatures of a gzip member that holds nothing else, as far as their algorithms count; undefined
 * for any other member.
 */
export function tryReadSignatures(files: readonly SmallFile[]): Signature[] | undefined {
  if (files.length === 0 || !files.every(({ path }) => isSignatureEntry(path))) return undefined;
  return files.flatMap(({ path, bytes }) => tryParseSignature(path, bytes) ?? []);
}

/** Which hash is signed; undefined for an algorithm that does not count. */
export function signatureHash(algorithm: SignatureAlgorithm): HashAlgorithm;
export function signatureHash(algorithm: string): HashAlgorithm | undefined;
export function signatureHash(algorithm: string): HashAlgorithm | undefined {
  return hashes.get(algorithm);
}

/** The tar entry name that carries a signature. */
export function signatureEntryName(algorithm: SignatureAlgorithm, keyName: string): string {
  return `.SIGN.${algorithm}.${keyName}`;
}

/** Whether `signature` was made by `key` over exactly `signed`. */
export function signatureHolds(signature: Signature, key: KeyObject, signed: Uint8Array): boolean {
  const hash = signatureHash(signature.algorithm);
  if (hash === undefined || key.asymmetricKeyType !== "rsa") return false;
  return verify(hash, signed, key, signature.bytes);
}

/** The smallest RSA modulus that is accepted, in bits. Alpine's oldest keys have 2048. */
const smallestModulus = 2048;

/** Reads a public key in PEM (SubjectPublicKeyInfo or PKCS#1); a private key is refused. */
export function parsePublicKey(pem: string, subject: string): KeyObject {
  if (/PRIVATE KEY-----/.test(pem))
    throw new BivyError("key-invalid", `${subject}: expected a public key, found a private one`, {
      hint: "Keep the private key to yourself; give the .pub file beside it.",
    });
  const key = readKey(pem, subject);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < smallestModulus)
    throw new BivyError(
      "key-invalid",
      `${subject}: the key has ${bits} bits; expected at least ${smallestModulus}`,
      {
        hint: "Such a key can be forged; sign with a longer one.",
      },
    );
  return key;
}

function readKey(pem: string, subject: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new BivyError(
      "key-invalid",
      `${subject}: expected a public key in PEM form, found something else`,
      {
        cause,
        hint: "It starts with -----BEGIN PUBLIC KEY-----. A web page saved in its place is a common slip.",
      },
    );
  }
  if (key.asymmetricKeyType === "rsa") return key;
  throw new BivyError(
    "key-invalid",
    `${subject}: expected an RSA key, found ${key.asymmetricKeyType}`,
    {
      hint: "Format 2 packages are signed with RSA.",
    },
  );
}
