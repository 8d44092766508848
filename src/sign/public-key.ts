/**
 * Public keys that verify signatures of images: ECDSA on P-256, P-384 and P-521, Ed25519, and RSA
 * with PKCS#1 v1.5, which are those of sigstore's key pairs.
 */
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { BivyError, hashBytes, type HashAlgorithm } from "../base/index.ts";
import { encodeBase64 } from "./base64.ts";
import { pemLabel } from "./pem.ts";

export interface PublicKey {
  /** What messages call it, such as its file name. */
  readonly name: string;
  readonly key: KeyObject;
  /** The SHA-256 of the key in DER, in base64: how bundles say which key signed. */
  readonly hint: string;
}

/** What is signed: the hash of the bytes, or, for Ed25519, the bytes. */
export type SignedHash = HashAlgorithm | "sha384" | "none";

/** The smallest RSA modulus that is accepted, in bits. */
const smallestModulus = 2048;

/** By curve, as OpenSSL names it, the hash of its own size. */
const curveHashes: Readonly<Record<string, SignedHash>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

/** Reads a public key in PEM form (SubjectPublicKeyInfo or PKCS#1). */
export function parsePublicKey(pem: string, name: string): PublicKey {
  const label = pemLabel(pem);
  if (label?.endsWith("PRIVATE KEY") === true)
    throw new BivyError("key-invalid", `${name}: expected a public key, found a private one`, {
      hint: "Keep the private key to yourself; give the .pub file beside it.",
    });
  if (label === undefined || !label.endsWith("PUBLIC KEY")) throw notAKey(name, label);
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw notAKey(name, "one that cannot be read", cause);
  }
  return describePublicKey(key, name);
}

/** The public key with its hint; fails for an algorithm that is not one of sigstore's. */
export function describePublicKey(key: KeyObject, name: string): PublicKey {
  const found = unfitness(key);
  if (found !== undefined)
    throw new BivyError(
      "key-invalid",
      `${name}: expected an ECDSA (P-256, P-384, P-521), Ed25519 or RSA key, found ${found}`,
      { hint: "Make one with bivy sign --generate-key NAME." },
    );
  const der = key.export({ type: "spki", format: "der" });
  return { name, key, hint: encodeBase64(hashBytes("sha256", der)) };
}

function unfitness({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  switch (asymmetricKeyType) {
    case "ed25519":
      return undefined;
    case "ec": {
      const curve = asymmetricKeyDetails?.namedCurve ?? "none";
      return Object.hasOwn(curveHashes, curve) ? undefined : `the curve ${curve}`;
    }
    case "rsa": {
      const bits = asymmetricKeyDetails?.modulusLength ?? 0;
      return bits < smallestModulus ? `an RSA key of ${bits} bits, which can be forged` : undefined;
    }
    default:
      return `a key for ${asymmetricKeyType ?? "nothing"}`;
  }
}

function notAKey(name: string, found: string | undefined, cause?: unknown): BivyError {
  return new BivyError(
    "key-invalid",
    `${name}: expected a public key in PEM form, found ${found ?? "something else"}`,
    { cause, hint: "It starts with -----BEGIN PUBLIC KEY-----." },
  );
}

/**
 * The hashes that a signature by this key may be over, its own first. Signatures beside an image are
 * over SHA-256 whatever the curve is (cosign, SIGNATURE_SPEC.md), those in bundles over the hash of
 * the curve's size (sigstore, algorithm registry).
 */
export function hashesOf(key: KeyObject): readonly SignedHash[] {
  if (key.asymmetricKeyType === "ed25519") return ["none"];
  if (key.asymmetricKeyType === "rsa") return ["sha256"];
  const own = curveHashes[key.asymmetricKeyDetails?.namedCurve ?? ""];
  return own === undefined || own === "sha256" ? ["sha256"] : [own, "sha256"];
}

/** Whether `signature` was made by `key` over exactly `signed`. */
export function signatureHolds(key: KeyObject, signed: Uint8Array, signature: Uint8Array): boolean {
  return hashesOf(key).some((hash) => {
    try {
      return verify(hash === "none" ? null : hash, signed, key, signature);
    } catch {
      // OpenSSL refuses some malformed signatures instead of finding them wrong.
      return false;
    }
  });
}
